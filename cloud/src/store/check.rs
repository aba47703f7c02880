//! Whether the store is whole: SQLite's own check, and that the lists agree with the rows.

use super::{Store, open};
use crate::Error;
use rusqlite::Connection;
use std::path::Path;

/// Faults that are named.
const MAX_NAMED: u32 = 100;

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
    if faults.is_empty() {
        let counts = "SELECT devices.name, devices.readings, count(time) FROM devices LEFT JOIN readings ON device = id
            GROUP BY id HAVING devices.readings != count(time) LIMIT ?";
        let mut counts = connection.prepare(counts)?;
        let differs = counts.query_map([MAX_NAMED], |row| {
            let (name, listed, held): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(format!("the list says {listed} readings of {name}, and {held} are held"))
        })?;
        faults = differs.collect::<rusqlite::Result<_>>()?;
    }
    Ok(faults)
}

impl Store {
    /// Reads the store through on a connection of its own; what is wrong with it.
    pub(crate) async fn check(&self) -> Result<Vec<String>, String> {
        let path = self.path.clone();
        let checked = tokio::task::spawn_blocking(move || check(&path)).await;
        checked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{submission, vault};
    use super::*;

    #[test]
    fn a_list_that_does_not_agree_with_the_rows_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut vault = vault(&path);
        vault.store(vec![submission("m1", 10)]);
        assert_eq!(check(&path).unwrap(), Vec::<String>::new());
        vault.connection.execute("DELETE FROM readings WHERE time = 1000000000000", []).unwrap();
        assert_eq!(check(&path).unwrap(), ["the list says 10 readings of m1, and 9 are held"]);
    }
}
