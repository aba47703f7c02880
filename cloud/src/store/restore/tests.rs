//! What is there after a restore, one that failed, and one that a power cut ended.

use super::super::{
    backup::back_up,
    tests::{submission, vault},
};
use super::*;
use rusqlite::Connection;
use tempfile::TempDir;

/// A folder with a store of 507 readings, and a backup from when it had 500.
fn folder() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (store, backup) = (folder.path().join("store.db"), folder.path().join("copy.db"));
    let mut vault = vault(&store);
    vault.store(vec![submission("m1", 500)]);
    assert_eq!(back_up(&store, &backup, &mut |_, _| {}).unwrap().readings, 500);
    vault.store(vec![submission("m2", 7)]);
    (folder, store, backup)
}

fn readings(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("SELECT count(*) FROM readings", [], |row| row.get(0)).unwrap()
}

/// The files of a folder, without the locks.
fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = files.filter(|name| !name.ends_with(".lock")).collect();
    files.sort();
    files
}

/// A folder as a crash leaves it at this moment.
fn crashed(folder: &Path) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for name in names(folder) {
        fs::copy(folder.join(&name), left.path().join(&name)).unwrap();
    }
    left
}

#[test]
fn a_backup_of_a_store_in_use_is_one_moment_of_it_and_comes_back() {
    let (folder, store, backup) = folder();
    let error = back_up(&store, &backup, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::InTheWay { .. }), "{error}");
    let error = restore(&backup, &store, false).unwrap_err();
    assert!(error.to_string().contains("--replace"), "{error}");
    let (restored, aside) = restore(&backup, &store, true).unwrap();
    assert_eq!(restored.readings, 500);
    assert_eq!((readings(&store), readings(&aside.unwrap())), (500, 507), "nothing is thrown away");
    assert_eq!(names(folder.path()), ["copy.db", "store.db", "store.db.before-restore-1"]);
    restore(&backup, &store, true).unwrap();
    let twice = ["store.db.before-restore-1", "store.db.before-restore-2"];
    assert_eq!(names(folder.path())[2..], twice, "and again, under another name");
}

/// The power fails behind each step of a restore. A start finds the old store or the new one, whole; never none, in whose place it
/// would make an empty one.
#[test]
fn p10_a_power_cut_in_a_restore_leaves_the_old_store_or_the_new_one() {
    let (folder, store, backup) = folder();
    let (mut steps, mut left) = (Vec::new(), Vec::new());
    restore_watched(&backup, &store, true, &mut |step| {
        steps.push(step);
        left.push(crashed(folder.path()));
    })
    .unwrap();
    use Step::{FolderSynced, Linked, Renamed, Synced};
    assert_eq!(steps, [Synced, Linked, FolderSynced, Renamed, FolderSynced], "each durable before the next");
    let found = left.iter().map(|left| {
        let path = left.path().join("store.db");
        drop(file::open(&path).unwrap());
        let beside = names(left.path());
        assert!(!beside.iter().any(|name| name.contains(".new")), "the start tidies up: {beside:?}");
        readings(&path)
    });
    assert_eq!(found.collect::<Vec<_>>(), [507, 507, 507, 500, 500]);
}

/// Somebody reads the old store, a check say, so that its log cannot be moved into it. For a moment there is no store then, and no start
/// makes an empty one.
#[test]
fn p10_a_power_cut_in_a_restore_under_a_reader_begins_no_empty_store() {
    let (folder, store, backup) = folder();
    let reader = open::reader(&store).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM readings").unwrap();
    Vault::open(&store).unwrap().store(vec![submission("m3", 1)]).remove(0).unwrap();
    let mut left = Vec::new();
    let watch = &mut |step| left.push((step, crashed(folder.path())));
    let (_, aside) = restore_watched(&backup, &store, true, watch).unwrap();
    drop(reader);
    assert_eq!((readings(&store), readings(&aside.unwrap())), (500, 508));
    let found = left.iter().map(|(step, left)| {
        let path = left.path().join("store.db");
        match file::open(&path) {
            Ok(vault) => vault.readings(),
            Err(error @ Error::HalfRestored { .. }) => {
                assert_eq!(*step, Step::Removed);
                assert!(error.to_string().contains("store.db.before-restore-1"), "{error}");
                restore(&backup, &path, false).unwrap();
                assert_eq!(readings(&path), 500, "what the message says helps");
                0
            }
            Err(error) => panic!("{step:?}: {error}"),
        }
    });
    assert_eq!(found.collect::<Vec<_>>(), [508, 508, 508, 508, 508, 0, 0, 0, 500, 500]);
}

/// A restore was ended between its copy and the moving of the copy's log. The log is another copy's now.
#[test]
fn what_an_earlier_restore_left_does_not_get_into_the_next_one() {
    let (folder, store, backup) = folder();
    let other = folder.path().join("other.db");
    let mut stale = vault(&other);
    stale.store(vec![submission("m9", 2_000)]);
    for suffix in ["", "-wal"] {
        let to = beside(&store, &format!(".new{suffix}"));
        fs::copy(beside(&other, suffix), to).unwrap();
    }
    drop(stale);
    restore(&backup, &store, true).unwrap();
    assert_eq!(readings(&store), 500);
    assert_eq!(super::super::check(&store).unwrap(), Vec::<String>::new());
}

#[test]
fn a_restore_that_fails_leaves_the_store_and_no_part_of_the_copy() {
    let (folder, store, backup) = folder();
    // The copy's log cannot be made.
    fs::create_dir_all(folder.path().join("store.db.new-wal/in the way")).unwrap();
    let error = restore(&backup, &store, true).unwrap_err();
    assert!(matches!(error, Error::Open { .. } | Error::Copy { .. }), "{error}");
    fs::remove_dir_all(folder.path().join("store.db.new-wal")).unwrap();
    assert_eq!(names(folder.path()), ["copy.db", "store.db"]);
    assert_eq!(readings(&store), 507);
}

#[test]
fn p9_who_was_signed_in_when_a_backup_was_made_is_not_when_it_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let (store, backup) = (folder.path().join("store.db"), folder.path().join("copy.db"));
    let mut vault = vault(&store);
    let tables = ["sessions", "setup", "outbox"];
    let rows = "INSERT INTO sessions VALUES (x'01', 1, 1, 1); INSERT INTO setup VALUES (x'02', 1);
        INSERT INTO outbox (channel, message, body, put, due) VALUES (1, 'm', '{}', 1, 1)";
    vault.change(|transaction| transaction.execute_batch(rows)).unwrap();
    drop(vault);
    back_up(&store, &backup, &mut |_, _| {}).unwrap();
    let held = |path: &Path| {
        let connection = Connection::open(path).unwrap();
        tables.map(|table| {
            let count = format!("SELECT count(*) FROM {table}");
            connection.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
        })
    };
    assert_eq!(held(&backup), [1, 1, 1]);
    restore(&backup, &store, true).unwrap();
    assert_eq!(held(&store), [0, 0, 0]);
}

#[test]
fn a_store_in_use_is_not_replaced_and_a_damaged_backup_is_not_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let (store, backup) = (folder.path().join("store.db"), folder.path().join("copy.db"));
    let lock = file::lock(&store).unwrap();
    let mut vault = vault(&store);
    vault.store(vec![submission("m1", 5_000)]);
    back_up(&store, &backup, &mut |_, _| {}).unwrap();
    let error = restore(&backup, &store, true).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    drop((vault, lock));
    let mut bytes = fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0x55);
    fs::write(&backup, bytes).unwrap();
    let error = restore(&backup, &store, true).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(readings(&store), 5_000);
}
