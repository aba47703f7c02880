//! Names of files: what a power cut makes of them, and whose disk they are on.

mod common;

use std::path::Path;

use common::{WAL_FULL, chooser, found, mount, open, work};
use fieldpost_simdisk::{Disk, Fault, set_time};
use rusqlite::Connection;

#[test]
fn a_rename_may_revert_until_the_folder_is_synced() {
    for (synced, survives, new) in [(false, 0, &b"old"[..]), (false, 1, b"new"), (true, 0, b"new")] {
        let disk = mount("rename");
        let [from, to] = ["next", "current"].map(|name| disk.folder().join(name));
        disk.write(&from, b"new".to_vec());
        disk.write(&to, b"old".to_vec());
        disk.rename(&from, &to).unwrap();
        assert_eq!(disk.list(), std::slice::from_ref(&to));
        if synced {
            disk.sync_folder().unwrap();
        }
        disk.restart_after_power_cut(&mut chooser(survives));
        assert_eq!(disk.read(&to).as_deref(), Some(new));
        assert_eq!(disk.exists(&from), new == b"old");
    }
}

#[test]
fn a_deleted_file_may_be_there_again() {
    let disk = mount("remove");
    let path = disk.folder().join("file");
    disk.write(&path, b"bytes".to_vec());
    disk.remove(&path).unwrap();
    assert!(!disk.exists(&path) && disk.remove(&path).is_err());
    disk.restart_after_power_cut(&mut chooser(0));
    assert_eq!(disk.read(&path).as_deref(), Some(&b"bytes"[..]));
}

#[test]
fn a_renamed_database_goes_on_under_its_new_name() {
    let disk = mount("aside");
    work(&disk, WAL_FULL);
    let [from, to] = ["commits.db", "aside.db"].map(|name| disk.folder().join(name));
    disk.rename(&from, &to).unwrap();
    disk.sync_folder().unwrap();
    assert_eq!(found(&disk, WAL_FULL), Ok(0), "a new one in its place");
    let aside = Connection::open(&to).unwrap();
    assert_eq!(common::count(&aside), Ok(common::COMMITS));
}

#[test]
fn what_a_program_asks_is_struck_too() {
    let disk = mount("asks");
    let path = disk.folder().join("file");
    disk.write(&path, vec![0; 10]);
    disk.set_capacity(Some(100));
    assert_eq!((disk.length(&path), disk.free().unwrap(), disk.steps()), (10, 90, 0));
    disk.plan(0, Fault::Io, 2);
    assert!(disk.rename(&path, &disk.folder().join("other")).is_err());
    assert!(disk.sync_folder().is_err());
    assert!(disk.exists(&path));
    disk.plan(0, Fault::PowerCut, 1);
    assert!(disk.remove(&path).is_err());
    assert!(disk.is_off() && !disk.exists(&path));
    assert_eq!((disk.counts().io, disk.counts().cuts, disk.steps()), (2, 1, 3));
}

#[test]
fn a_disk_is_its_threads_and_ends_with_its_last_clone() {
    let disk = mount("thread");
    let path = disk.folder().join("file");
    let other = std::thread::spawn(|| Disk::find(Path::new("/thread/file")).is_none());
    assert!(other.join().unwrap());
    let clone = Disk::find(&path).unwrap();
    drop(disk);
    clone.write(&path, Vec::new());
    assert!(Disk::find(&path).unwrap().exists(&path));
    let conn = open(&clone, WAL_FULL).unwrap();
    drop(clone);
    assert!(Disk::find(&path).is_none(), "an open database does not keep it");
    assert!(common::commit(&conn, 0).is_err());
}

#[test]
fn a_connection_that_wandered_to_another_thread_fails() {
    let disk = mount("wander");
    let conn = open(&disk, WAL_FULL).unwrap();
    let failed = std::thread::spawn(move || common::commit(&conn, 0).is_err());
    assert!(failed.join().unwrap());
}

#[test]
fn a_connection_that_outlived_its_thread_fails() {
    let home = std::thread::spawn(|| {
        let disk = mount("home");
        let conn = open(&disk, WAL_FULL).unwrap();
        common::commit(&conn, 0).unwrap();
        conn
    });
    let conn = home.join().unwrap();
    assert!(common::count(&conn).is_err());
    assert!(common::commit(&conn, 1).is_err());
}

#[test]
fn a_thread_without_a_disk_has_the_real_files_and_the_real_time() {
    let _disk = mount("real");
    set_time(1_000);
    let now = "SELECT unixepoch('now')";
    let simulated: i64 =
        Connection::open("/real/a.db").unwrap().query_row(now, [], |row| row.get(0)).unwrap();
    assert_eq!(simulated, 1);
    let name = format!("fieldpost-simdisk-{}.db", std::process::id());
    let path = std::env::temp_dir().join(name);
    let real = path.clone();
    let time = std::thread::spawn(move || {
        let conn = Connection::open(&real).unwrap();
        conn.execute_batch("PRAGMA journal_mode=wal; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        conn.query_row::<i64, _, _>(now, [], |row| row.get(0)).unwrap()
    });
    assert!(time.join().unwrap() > 1_700_000_000);
    assert!(path.metadata().unwrap().len() > 0);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn temporary_files_are_not_on_the_disk() {
    let disk = mount("temporary");
    let conn = open(&disk, WAL_FULL).unwrap();
    let (before, steps) = (disk.list(), disk.steps());
    conn.execute_batch(
        "PRAGMA temp_store = file; PRAGMA cache_size = 2; CREATE TEMP TABLE t AS
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, hex(i) AS h FROM n;
         CREATE INDEX temp.by_h ON t (h)",
    )
    .unwrap();
    assert_eq!(conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0)), Ok(20_000));
    assert_eq!((disk.list(), disk.steps()), (before, steps));
}
