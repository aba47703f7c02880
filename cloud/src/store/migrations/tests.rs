//! A store that the program of version 1 made, brought up to date; and that nobody changes what was once a migration.

use super::{
    super::{
        Store, check, open,
        query::Range,
        restore,
        tests::{origin, submission},
        vault::Vault,
    },
    *,
};
use crate::submission::{Format, Upload};
use fieldpost_core::{Reading, UtcInstant, station::csv};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How it was made says version-1.md.
const VERSION_1: &[u8] = include_bytes!("version-1.db");
const PATIENCE: Duration = Duration::from_secs(20);

/// Of each migration, the SHA-256 of its file. A store that has gone through it is never taken through it again, so a change to the file would
/// make stores of one version that differ: add another migration instead, and its line here.
const PINNED: [&str; 8] = [
    "6d7971f5e9fb112ccd07933dcd6259303f1775af65930cb2192c53932666faab",
    "61a788a82222de7d1b8c0783f48e364b77107b1b3c8fba88e3c33c5da357718f",
    "f73b57330236bfad2c25b458853d9988b4796d5d694cda49321368d5f19c5015",
    "1c6c4982209a9f8e9f83cfda1bce99f46f5d855763d2fc60a49c137b966af92d",
    "46caa09558c6d0dc33cc5c80d423dcebfb65c2695b0ec6c0aba48819f01bceab",
    "6ab70f7f688ac6cc9b654b3fdce519d0819086bd13a177c56c29bc7c9c37d054",
    "b1adb3b8a9a2aa26ffd1320633a49af6706990fb27cd6dd93e535877caca0851",
    "a253d2dbf02e2887ca72e4535168630a401eeac4ce4881cd71719e896b8143af",
];

#[test]
fn a_migration_is_never_changed_once_it_is_there() {
    let found = MIGRATIONS.iter().map(|sql| {
        let hash = Sha256::digest(sql.as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    assert_eq!(found.collect::<Vec<_>>(), PINNED);
}

fn version_1(folder: &Path) -> PathBuf {
    let path = folder.join("store.db");
    fs::write(&path, VERSION_1).unwrap();
    path
}

/// All rows of a table in those columns that it had in version 1.
fn rows(connection: &Connection, table: &str, columns: &str) -> Vec<String> {
    let mut rows = connection.prepare(&format!("SELECT {columns} FROM {table}")).unwrap();
    let count = rows.column_count();
    let print = |row: &rusqlite::Row<'_>| {
        Ok((0..count).map(|n| format!("{:?} ", row.get_ref(n).unwrap())).collect::<String>())
    };
    let mut rows: Vec<_> = rows.query_map([], print).unwrap().map(Result::unwrap).collect();
    rows.sort();
    rows
}

/// The tables of version 1, and all that is in them.
fn content(path: &Path, like: &Connection) -> Vec<(String, Vec<String>)> {
    let connection = Connection::open(path).unwrap();
    let mut tables = like.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    tables
        .map(|table| {
            let columns = format!("SELECT group_concat(name) FROM pragma_table_info('{table}')");
            let columns: String = like.query_row(&columns, [], |row| row.get(0)).unwrap();
            let rows = rows(&connection, &table, &columns);
            (table, rows)
        })
        .collect()
}

#[test]
fn a_store_that_version_1_made_holds_the_same_when_it_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old.db");
    fs::write(&old, VERSION_1).unwrap();
    let like = Connection::open(&old).unwrap();
    assert_eq!(version(&like).unwrap(), 1);
    let before = content(&old, &like);
    let sizes: Vec<_> = before.iter().map(|(table, rows)| (table.as_str(), rows.len())).collect();
    let expected = [
        ("conflicts", 2),
        ("devices", 7),
        ("gateways", 4),
        ("quarantine", 3),
        ("readings", 686),
        ("receipts", 4),
        ("refusals", 3),
        ("surveys", 24),
    ];
    assert_eq!(sizes, expected);
    assert_eq!(
        check(&old).unwrap(),
        Vec::<String>::new(),
        "it can be checked before it is brought up to date"
    );

    let path = version_1(folder.path());
    let mut vault = Vault::open(&path).unwrap();
    assert_eq!((vault.readings(), version(&vault.connection).unwrap()), (686, known()));
    for (old, new) in before.iter().zip(content(&path, &like)) {
        assert_eq!(*old, new);
    }
    assert_eq!(check(&path).unwrap(), Vec::<String>::new(), "what was added agrees with it");
    let brought = "SELECT group_concat(devices.name || ' ' || gateways.name, ', ') FROM devices
        JOIN gateways ON gateways.id = gateway WHERE devices.id IN (1, 2, 4, 5)";
    let brought: String = vault.connection.query_row(brought, [], |row| row.get(0)).unwrap();
    assert_eq!(brought, "ithaca south, dinosaur north, 192.168.1.2 west, 192.168.1.3 tcp:127.0.0.1");

    assert!(vault.store(vec![submission("m2", 5)])[0].is_ok());
    drop(vault);
    assert_eq!(Vault::open(&path).unwrap().readings(), 691, "and opens again");
}

/// What the rules say of a store's readings once they have looked at all.
async fn flags(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let began = Instant::now();
    while !rows(&connection, "unexamined", "*").is_empty() {
        assert!(began.elapsed() < PATIENCE, "it is not examined");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    rows(&connection, "flags JOIN devices ON id = device", "name, time, bits, goes_on")
}

async fn readings(store: &Store, device: &str) -> Vec<Reading> {
    let number = store.device_number(device.parse().unwrap()).await.unwrap().unwrap();
    let range = Range { from: UtcInstant::EARLIEST, to: UtcInstant::LATEST };
    store.readings_of(number, range, 1_000).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_version_1_stored_is_the_sample_and_gets_the_flags_that_it_would_get_today() {
    let folder = tempfile::tempdir().unwrap();
    let (path, today) = (version_1(folder.path()), folder.path().join("today.db"));
    let (store, other) = (Store::open(&path).unwrap(), Store::open(&today).unwrap());
    for (device, sample) in [
        ("ithaca", include_str!("../../../../samples/ithaca.csv")),
        ("dinosaur", include_str!("../../../../samples/dinosaur.csv")),
    ] {
        let june = sample.lines().filter(|line| {
            ("2019-06-01".."2019-06-15").contains(&&line[line.find(',').unwrap() + 1..][..10])
        });
        let slots = june.map(|line| csv::parse_row(line).unwrap());
        let june: Vec<_> =
            slots.filter_map(|slot| Some(Reading { time: slot.time, values: slot.values? })).collect();
        assert_eq!(readings(&store, device).await, june);
    }
    for device in ["ithaca", "dinosaur", "half", "192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5"] {
        let survey = fieldpost_core::Survey {
            device: device.parse().unwrap(),
            readings: readings(&store, device).await,
        };
        let records = fieldpost_core::senml::encode_records(&survey, None);
        let pack = fieldpost_core::senml::pack([records.as_slice()]).into();
        let upload = Upload::new(Format::Cbor, pack, origin(), "2026-11-29T00:00:00Z".parse().unwrap());
        other.submit(upload.read().unwrap()).await.unwrap();
    }
    let found = flags(&path).await;
    assert_eq!(found, flags(&today).await);
    assert!(!found.is_empty(), "the rules object to some");
    store.close().await;
    other.close().await;
}

#[test]
fn a_backup_of_version_1_is_put_back_and_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    fs::write(&backup, VERSION_1).unwrap();
    let store = folder.path().join("data/store.db");
    let (copied, aside) = restore(&backup, &store, false).unwrap();
    assert_eq!((copied.readings, aside), (686, None));
    assert_eq!(check(&store).unwrap(), Vec::<String>::new());
    let connection = open::reader(&store).unwrap();
    require_present(&connection, &store).unwrap();
    assert_eq!(fs::read(&backup).unwrap(), VERSION_1, "the backup is as it was");
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
