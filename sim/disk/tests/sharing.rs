//! Several connections to one database, on one thread: locks, and the shared index of the WAL.

mod common;

use common::{COMMITS, Mode, WAL_FULL, commit, count, mount, open, reader};
use rusqlite::ErrorCode;

#[test]
fn a_reader_beside_the_writer_sees_each_commit_and_keeps_its_snapshot() {
    let disk = mount("reader");
    let writer = open(&disk, WAL_FULL).unwrap();
    let reader = reader(&disk).unwrap();
    for n in 0..COMMITS {
        assert_eq!(count(&reader), Ok(n));
        commit(&writer, n).unwrap();
    }
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&reader), Ok(COMMITS));
    commit(&writer, COMMITS).unwrap();
    assert_eq!(count(&reader), Ok(COMMITS));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&reader), Ok(COMMITS + 1));
}

#[test]
fn two_writers_exclude_each_other() {
    for journal in ["wal", "delete"] {
        let disk = mount("writers");
        let one = open(&disk, Mode { journal, ..WAL_FULL }).unwrap();
        let other = open(&disk, Mode { journal, ..WAL_FULL }).unwrap();
        one.execute_batch("BEGIN IMMEDIATE").unwrap();
        commit(&one, 0).unwrap();
        assert!(other.execute_batch("BEGIN IMMEDIATE").is_err(), "{journal}");
        one.execute_batch("COMMIT").unwrap();
        commit(&other, 1).unwrap();
        assert_eq!(count(&one), Ok(2));
    }
}

#[test]
fn with_a_rollback_journal_a_commit_waits_for_readers_and_lets_no_new_ones_in() {
    let mode = Mode { journal: "delete", ..WAL_FULL };
    let disk = mount("pending");
    let writer = open(&disk, mode).unwrap();
    let [early, late] = [(), ()].map(|()| reader(&disk).unwrap());
    early.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&early), Ok(0));
    writer.execute_batch("BEGIN").unwrap();
    commit(&writer, 0).unwrap();
    assert_eq!(count(&late), Ok(0), "a writer that does not commit yet lets readers in");
    let busy = |result: rusqlite::Result<_>| {
        result.unwrap_err().sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
    };
    assert!(busy(writer.execute_batch("COMMIT")));
    assert!(busy(count(&late).map(drop)));
    early.execute_batch("COMMIT").unwrap();
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&late), Ok(1));
}

#[test]
fn a_checkpoint_does_not_pass_a_reader() {
    let disk = mount("checkpoint");
    let writer = open(&disk, WAL_FULL).unwrap();
    commit(&writer, 0).unwrap();
    let reader = reader(&disk).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&reader), Ok(1));
    (1..COMMITS).for_each(|n| assert_eq!(commit(&writer, n), Ok(1)));
    let truncate = || writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    assert_eq!(truncate(), Ok(true), "busy");
    assert_eq!(count(&reader), Ok(1));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(truncate(), Ok(false));
    assert_eq!(disk.length(&disk.folder().join("commits.db-wal")), 0);
    assert_eq!(count(&reader), Ok(COMMITS));
}

#[test]
fn whoever_closes_a_file_that_was_renamed_leaves_the_log_of_its_successor_alone() {
    let disk = mount("successor");
    let old = open(&disk, WAL_FULL).unwrap();
    commit(&old, 0).unwrap();
    let path = |name: &str| disk.folder().join(name);
    disk.rename(&path("commits.db-wal"), &path("aside.db-wal")).unwrap();
    disk.rename(&path("commits.db"), &path("aside.db")).unwrap();
    let new = open(&disk, WAL_FULL).unwrap();
    commit(&new, 7).unwrap();
    drop(old);
    assert!(disk.length(&path("commits.db-wal")) > 0);
    assert_eq!(count(&reader(&disk).unwrap()), Ok(1));
}
