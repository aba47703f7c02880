//! Whether the store is whole: SQLite's own check, and that the lists agree with the rows.

mod lists;

use super::{Store, open};
use crate::Error;
use rusqlite::Connection;
use std::path::Path;

/// Faults that are named.
const MAX_NAMED: usize = 100;

/// Reads the store at `path` through, beside a running cloud or without one; what is wrong with it, at most a hundred faults.
///
/// # Errors
/// If it cannot be opened, or is not a store of ours.
pub fn check(path: &Path) -> Result<Vec<String>, Error> {
    let connection = open::reader(path).map_err(|error| open::opening(path, &error))?;
    open::recognise(&connection, path)?;
    faults(&connection).map_err(|error| open::opening(path, &error))
}

/// What is wrong with a store.
pub(super) fn faults(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({MAX_NAMED})"))?;
    let mut lines = check.query([])?;
    while let Some(line) = lines.next()? {
        let line: String = line.get(0)?;
        if line != "ok" {
            faults.push(line);
        }
    }
    if faults.is_empty() { lists::faults(connection) } else { Ok(faults) }
}

impl Store {
    /// Reads the store through on a connection of its own; what is wrong with it.
    pub(crate) async fn check(&self) -> Result<Vec<String>, String> {
        let path = self.path.clone();
        let checked = tokio::task::spawn_blocking(move || check(&path)).await;
        checked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}
