//! What a vault does when the file under it fails: nothing is acknowledged, nothing stays, and then it goes on.

use super::super::tests::{at, limit, origin, submission, vault};
use super::*;
use crate::{
    Outcome,
    submission::{Format, Upload},
};
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

fn ask<T: rusqlite::types::FromSql>(vault: &Vault, sql: &str) -> T {
    vault.connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn new(readings: u64) -> Stored {
    Stored { outcome: Outcome { new: readings, ..Outcome::default() }, mark: None }
}

fn failed(said: &[Result<Stored, SubmitError>]) -> bool {
    said.iter().all(|one| matches!(one, Err(SubmitError::Store(_))))
}

/// The commit itself fails, which leaves SQLite's transaction open: here for a foreign key that is checked only then.
#[test]
fn p1_a_commit_that_fails_acknowledges_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let spoil = "PRAGMA foreign_keys = ON;
         CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER spoil AFTER INSERT ON surveys BEGIN INSERT INTO children VALUES (7); END;";
    vault.connection.execute_batch(spoil).unwrap();
    let said = vault.store(vec![submission("m1", 300), submission("m2", 3)]);
    assert!(failed(&said) && said.len() == 2, "{said:?}");
    assert!(format!("{said:?}").contains("FOREIGN KEY"), "it was the commit: {said:?}");
    assert!(vault.connection.is_autocommit() && vault.is_failing());
    let rows = "SELECT (SELECT count(*) FROM readings) + (SELECT count(*) FROM devices)
                     + (SELECT count(*) FROM gateways)";
    assert_eq!((ask::<i64>(&vault, rows), vault.readings()), (0, 0));
    vault.connection.execute_batch("DROP TRIGGER spoil").unwrap();
    let said = vault.store(vec![submission("m2", 3), submission("m1", 300)]);
    assert_eq!(said.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [new(3), new(300)]);
    let counted = "SELECT group_concat(held) FROM (
        SELECT name || ' ' || (SELECT count(*) FROM readings WHERE device = devices.id) AS held
        FROM devices ORDER BY name)";
    assert_eq!(ask::<String>(&vault, counted), "m1 300,m2 3", "under their own numbers");
    assert!(!vault.is_failing() && vault.readings() == 303);
}

#[test]
fn p10_a_transaction_that_was_left_open_is_ended_and_the_next_one_goes_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    vault.connection.execute_batch("BEGIN").unwrap();
    assert!(failed(&vault.store(vec![submission("m1", 3)])));
    assert_eq!(vault.store(vec![submission("m1", 3)]).remove(0).unwrap(), new(3));
}

/// The disk has room for a little more each time, so that it is full at another statement each time.
#[test]
fn p10_wherever_the_disk_is_full_what_is_not_acknowledged_is_not_there_and_comes_in_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let mut refused = 0;
    for n in 0..40_i64 {
        let pages: i64 = ask(&vault, "PRAGMA page_count");
        limit(&vault, pages + n % 8);
        let names = [format!("a{n}"), format!("b{n}")];
        let said = vault.store(vec![submission(&names[0], 700), submission(&names[1], 30)]);
        for (name, said) in names.iter().zip(&said) {
            let devices: i64 = ask(&vault, &format!("SELECT count(*) FROM devices WHERE name = '{name}'"));
            assert_eq!(devices, i64::from(said.is_ok()), "{name}: {said:?}");
            refused += usize::from(said.is_err());
        }
        let held: i64 = ask(&vault, "SELECT count(*) FROM readings");
        assert_eq!(held.unsigned_abs(), vault.readings());
        assert!(vault.connection.is_autocommit());
    }
    assert!(refused > 10, "the disk was full {refused} times");
    limit(&vault, 1_000_000);
    for n in 0..40 {
        let both = vec![submission(&format!("a{n}"), 700), submission(&format!("b{n}"), 30)];
        assert!(vault.store(both).iter().all(Result::is_ok));
    }
    assert_eq!(vault.readings(), 40 * 730);
    let wrong = "SELECT count(*) FROM devices
                 WHERE readings <> (SELECT count(*) FROM readings WHERE device = devices.id)";
    assert_eq!(ask::<i64>(&vault, wrong), 0);
}

/// The log of a store that nobody tidied up may be larger than the store.
#[test]
fn p10_on_a_full_disk_the_log_gives_its_room_to_the_next_upload() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    for _ in 0..20 {
        assert!(vault.store(vec![submission("m1", 30)])[0].is_ok());
    }
    let log = || std::fs::metadata(folder.path().join("store.db-wal")).unwrap().len();
    let grown = log();
    let pages: i64 = ask(&vault, "PRAGMA page_count");
    limit(&vault, pages);
    assert!(failed(&vault.store(vec![submission("large", 5_000)])));
    assert!(vault.store(vec![submission("m1", 31)])[0].is_ok());
    assert_eq!(log(), grown);
}

/// Two copies in one transaction, which fails; then the first one fails alone, too. The second is the first that the
/// store knows of, and nothing of its neighbour clings to it.
#[test]
fn p4_a_copy_is_not_dated_by_a_receipt_that_was_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let copy = |received| {
        let bytes = Bytes::from_static(b"m1 08:00 - 20 - 30%\n");
        Upload::new(Format::Text(jiff::tz::TimeZone::UTC), bytes, origin(), at(received)).read().unwrap()
    };
    let (first, second) = ("2026-07-01T20:00:00Z", "2026-07-02T09:00:00Z");
    let spoil = format!(
        "CREATE TRIGGER spoil BEFORE INSERT ON surveys WHEN NEW.received = {}
         BEGIN SELECT RAISE(ABORT, 'spoilt'); END",
        at(first).as_millis()
    );
    vault.connection.execute_batch(&spoil).unwrap();
    let said = vault.store(vec![copy(first), copy(second)]);
    assert!(failed(&said[..1]) && said[1].as_ref().unwrap() == &new(1), "{said:?}");
    assert_eq!(ask::<String>(&vault, "SELECT time FROM readings_plain"), "2026-07-02T08:00:00Z");
    assert_eq!(ask::<i64>(&vault, "SELECT first_received FROM receipts"), at(second).as_millis());
}

#[test]
fn p7_a_store_that_another_program_locks_is_waited_for_once_not_by_each_upload() {
    static WAITS: AtomicU64 = AtomicU64::new(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut vault = vault(&path);
    let wait = |_| {
        WAITS.fetch_add(1, Relaxed);
        false
    };
    vault.connection.busy_handler(Some(wait)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(failed(&vault.store((0..100).map(|n| submission(&format!("m{n}"), 1)).collect())));
    assert_eq!(WAITS.load(Relaxed), 1);
    other.execute_batch("ROLLBACK").unwrap();
    assert!(vault.store(vec![submission("m1", 1)])[0].is_ok());
}

#[test]
fn p10_a_file_that_failed_is_opened_again_unless_it_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut vault = vault(&path);
    vault.store(vec![submission("m1", 5)]);
    vault.connection.execute_batch("CREATE TEMP TABLE here (id)").unwrap();
    let is_old = |vault: &Vault| ask::<i64>(vault, "SELECT count(*) FROM temp.sqlite_schema") == 1;
    let fail = |vault: &mut Vault| {
        (vault.broken, vault.failing) = (true, true);
        vault.mend();
    };
    let away = folder.path().join("away.db");
    std::fs::rename(&path, &away).unwrap();
    fail(&mut vault);
    assert!(is_old(&vault) && !path.exists(), "no empty store is made in its place");
    std::fs::rename(&away, &path).unwrap();
    fail(&mut vault);
    assert!(!is_old(&vault) && vault.is_failing() && vault.readings() == 5);
    assert_eq!(vault.store(vec![submission("m2", 3)]).remove(0).unwrap(), new(3));
    assert!(!vault.is_failing() && vault.readings() == 8);
}

#[test]
fn a_vault_is_made_in_place_and_opens_only_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    assert!(matches!(Vault::open(&path), Err(Error::Open { .. })));
    assert!(!path.exists(), "nothing is made by looking");
    Vault::create(&path).unwrap();
    let mut vault = Vault::open(&path).unwrap();
    assert!(vault.store(vec![submission("m1", 3)])[0].is_ok());
    vault.close().unwrap();
    assert_eq!(Vault::open(&path).unwrap().readings(), 3);
    Vault::create(&path).unwrap();
    assert_eq!(Vault::open(&path).unwrap().readings(), 3, "what is there is not emptied");
}
