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
mod tests {
    use super::super::{open, vault::Vault};
    use super::*;

    /// A store as the program of version 1 left it, with rows in it.
    fn store_of_version_1(path: &Path) {
        let mut connection = open::configured(path, open::Start::Empty).unwrap();
        connection.pragma_update(None, "application_id", open::APPLICATION_ID).unwrap();
        step(&mut connection, MIGRATIONS[0], 1).unwrap();
        connection
            .execute_batch(
                "INSERT INTO devices (id, name, readings, last_contact) VALUES (1, 'm1', 2, 5);
                 INSERT INTO readings VALUES (1, 1000000000000, 2050, NULL), (1, 1000000060000, NULL, 3000);
                 INSERT INTO gateways VALUES (1, 'north', 'Europe/Rome', 5), (2, 'south', NULL, 6);
                 INSERT INTO surveys VALUES (1, 1000000000000, 7, 1, NULL, 5, 1, 1, 0, 0, 1),
                                            (1, 1000000060000, 8, 2, NULL, 6, 1, 1, 0, 0, 1);
                 UPDATE devices SET last_time = 1000000060000;",
            )
            .unwrap();
    }

    #[test]
    fn a_store_of_version_1_is_brought_up_to_date_and_keeps_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        store_of_version_1(&path);
        let mut vault = Vault::open(&path).unwrap();
        assert_eq!(vault.readings(), 2);
        assert_eq!(version(&vault.connection).unwrap(), known());
        let rows =
            "SELECT group_concat(ifnull(temperature, '-') || ' ' || ifnull(moisture, '-')) FROM readings";
        let rows: String = vault.connection.query_row(rows, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, "2050 -,- 3000");
        let filled = "SELECT day || ' ' || held || ' ' || gateway || ' ' || last_moisture FROM days, devices";
        let filled: String = vault.connection.query_row(filled, [], |row| row.get(0)).unwrap();
        assert_eq!(filled, "11574 2 2 3000");
        let ends = "SELECT group_concat(ends) FROM surveys";
        let ends: String = vault.connection.query_row(ends, [], |row| row.get(0)).unwrap();
        assert_eq!(ends, "1000000000000,1000000060000", "each ends before the next begins");
        let said = vault.store(vec![super::super::tests::submission("m2", 5)]);
        assert!(said[0].is_ok(), "{said:?}");
        drop(vault);
        assert_eq!(Vault::open(&path).unwrap().readings(), 7, "and opens again");
    }

    #[test]
    fn a_store_that_was_made_in_parts_is_finished_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let connection = open::configured(&path, open::Start::Empty).unwrap();
        connection.pragma_update(None, "application_id", open::APPLICATION_ID).unwrap();
        drop(connection);
        assert_eq!(Vault::open(&path).unwrap().readings(), 0);
    }
}
