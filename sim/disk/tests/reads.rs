//! A read fails, as on a bad sector, and can be tried again.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, in its helpers too")]

mod common;

use common::{COMMITS, WAL_FULL, commit, count, found, mount, open, path, reader, work};
use fieldpost_simdisk::Disk;
use rusqlite::{ErrorCode, ffi};

/// A disk with a database whose log was left by a process that was killed.
fn left(name: &str) -> Disk {
    let disk = mount(name);
    let conn = open(&disk, WAL_FULL).unwrap();
    (0..COMMITS).for_each(|n| assert_eq!(commit(&conn, n), Ok(1)));
    disk.restart_after_kill();
    disk
}

#[test]
fn a_read_that_fails_is_told_and_the_next_gives_everything_back() {
    let disk = left("read");
    let before = disk.reads();
    assert_eq!(found(&disk, WAL_FULL), Ok(COMMITS));
    let reads = disk.reads() - before;
    assert!(reads > 10, "{reads}");
    let mut told = 0;
    for step in 0..reads {
        let disk = left("read");
        disk.plan_reads(step, 1);
        // An integrity check reports a page that it cannot read; everything else fails. Folding the log at the end may fail too,
        // and then it stays.
        match found(&disk, WAL_FULL) {
            Ok(there) => assert_eq!(there, COMMITS, "read {step}"),
            Err(_) => told += 1,
        }
        assert_eq!(disk.counts().reads, 1, "read {step}");
        assert_eq!(found(&disk, WAL_FULL), Ok(COMMITS), "read {step}");
    }
    println!("{told} of {reads} failed reads were told");
    assert!(told > reads / 2, "{told} of {reads}");
}

#[test]
fn a_failed_read_is_an_error_and_not_the_end_of_the_file() {
    let disk = left("end");
    assert_eq!(found(&disk, WAL_FULL), Ok(COMMITS));
    let conn = reader(&disk).unwrap();
    disk.plan_reads(0, 1);
    let error = count(&conn).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure));
    assert_eq!(error.sqlite_error().unwrap().extended_code, ffi::SQLITE_IOERR_READ);
    assert_eq!(count(&conn), Ok(COMMITS), "the connection goes on");
}

#[test]
fn reads_and_writes_are_counted_apart() {
    let disk = left("apart");
    let steps = disk.steps();
    disk.plan_reads(0, 3);
    for _ in 0..3 {
        assert!(disk.look(&path(&disk)).is_err());
    }
    assert_eq!(disk.look(&path(&disk)).unwrap(), Some(disk.length(&path(&disk))));
    assert_eq!(disk.look(&disk.folder().join("none")).unwrap(), None);
    assert_eq!((disk.steps(), disk.counts().reads, disk.counts().io), (steps, 3, 0));
}

#[test]
fn an_onlooker_is_not_struck_and_not_counted() {
    let disk = left("quiet");
    disk.plan_reads(0, 2);
    disk.plan(0, fieldpost_simdisk::Fault::PowerCut, 1);
    let before = (disk.reads(), disk.steps());
    assert_eq!(disk.quietly(|| found(&disk, WAL_FULL)), Ok(COMMITS));
    assert_eq!((disk.reads(), disk.steps(), disk.is_off()), (before.0, before.1, false));
    assert!(disk.look(&path(&disk)).is_err(), "then the plan strikes");
}

#[test]
fn what_is_cleared_strikes_no_more() {
    let disk = mount("cleared");
    disk.plan_reads(0, u32::MAX);
    assert_eq!(work(&disk, WAL_FULL), 0);
    disk.clear_plans();
    assert_eq!(work(&disk, WAL_FULL), COMMITS);
}
