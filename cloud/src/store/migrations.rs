//! The store's versions: numbered SQL files, each run once, in a transaction of its own.

use crate::Error;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// What changes a store of version n (the position here) into one of version n + 1. Only ever add to the end.
const MIGRATIONS: &[&str] = &[
    include_str!("sql/0001_store.sql"),
    include_str!("sql/0002_custody.sql"),
    include_str!("sql/0003_fleet.sql"),
    include_str!("sql/0004_settings.sql"),
    include_str!("sql/0005_accounts.sql"),
    include_str!("sql/0006_quality.sql"),
    include_str!("sql/0007_alerts.sql"),
    include_str!("sql/0008_slots.sql"),
];

/// The version that this program reads and writes.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The version of the store on `connection`.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the store at `path` up to the version that this program knows.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let failed = |error| super::open::opening(path, &error);
    let found = version(connection).map_err(failed)?;
    if found > known() {
        return Err(Error::Newer { path: path.to_owned(), found, known: known() });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for (sql, version) in MIGRATIONS.iter().skip(done).zip(found.saturating_add(1)..) {
        step(connection, sql, version).map_err(failed)?;
        if found > 0 {
            tracing::info!(store = %path.display(), version, "the store was brought to a new version");
        }
    }
    Ok(())
}

/// Makes sure that the store is of the version that this program knows, and leaves it as it is if not: another program may
/// have it open.
pub(super) fn require_present(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found = version(connection).map_err(|error| super::open::opening(path, &error))?;
    match found {
        _ if found == known() => Ok(()),
        _ if found > known() => Err(Error::Newer { path: path.to_owned(), found, known: known() }),
        _ => Err(Error::Older { path: path.to_owned(), found, known: known() }),
    }
}

fn step(connection: &mut Connection, sql: &str, version: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

#[cfg(test)]
mod tests;
