//! The disk is full, or a sector is bad, or the process is killed; the power stays.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, in its helpers too")]

mod common;

use std::time::Instant;

use common::{COMMITS, Mode, WAL_FULL, chooser, commit, count, found, mount, open, path, work};
use fieldpost_simdisk::{Disk, Fault};

#[test]
fn a_full_disk_fails_a_commit_and_the_next_succeeds() {
    strike_every_step("full", Fault::Full);
}

#[test]
fn a_bad_sector_fails_a_commit_and_the_next_succeeds() {
    strike_every_step("io", Fault::Io);
}

#[test]
fn a_capacity_fails_commits_until_there_is_room() {
    let disk = mount("capacity");
    let conn = open(&disk, WAL_FULL).unwrap();
    disk.set_capacity(Some(40_000));
    let held = (0..).find(|n| commit(&conn, *n).is_err()).unwrap();
    assert!(commit(&conn, held).is_err());
    assert!(disk.counts().full >= 2);
    assert!(disk.free().unwrap() < 8192);
    disk.set_capacity(None);
    commit(&conn, held).unwrap();
    disk.set_capacity(Some(0));
    disk.plan(0, Fault::PowerCut, 1);
    assert!(commit(&conn, held + 1).is_err() && disk.is_off(), "a full disk does not put off a power cut");
    disk.restart_after_power_cut(&mut chooser(0));
    drop(conn);
    disk.set_capacity(None);
    assert_eq!(found(&disk, WAL_FULL), Ok(held + 1));
}

/// SQLite pads a WAL's last sector with a copy of the commit's frame, and syncs before it wrote the copy's end: a commit that failed
/// there is as durable as one that succeeded. Whoever tries again after a restart must expect it.
#[test]
fn a_commit_that_failed_may_be_there_after_a_restart() {
    let is_there = |commits: u32| {
        let disk = mount("refused");
        let conn = open(&disk, WAL_FULL).unwrap();
        (0..commits).for_each(|n| assert_eq!(commit(&conn, n), Ok(1)));
        // The step after a commit's first sync.
        disk.plan(5, Fault::Full, 1);
        let failed = commit(&conn, commits).is_err();
        assert_eq!(count(&conn), Ok(commits + u32::from(!failed)));
        disk.restart_after_power_cut(&mut chooser(0));
        drop(conn);
        failed && found(&disk, WAL_FULL) == Ok(commits + 1)
    };
    assert!((1..COMMITS).any(is_there));
}

#[test]
fn a_kill_keeps_everything_that_was_written() {
    let mode = Mode { synchronous: "off", ..WAL_FULL };
    let disk = mount("kill");
    let conn = open(&disk, mode).unwrap();
    (0..COMMITS).for_each(|n| assert_eq!(commit(&conn, n), Ok(1)));
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    disk.restart_after_kill();
    assert_eq!(found(&disk, mode), Ok(COMMITS), "nor is the dead process's lock in the way");
    drop(conn);
    assert_eq!(found(&disk, mode), Ok(COMMITS));
}

#[test]
fn a_snapshot_is_the_disk_as_it_was() {
    let disk = mount("snapshot");
    let conn = open(&disk, WAL_FULL).unwrap();
    commit(&conn, 0).unwrap();
    let snapshot = disk.snapshot();
    commit(&conn, 1).unwrap();
    disk.restore(&snapshot);
    assert!(commit(&conn, 2).is_err(), "a handle from before is dead");
    drop(conn);
    assert_eq!(found(&disk, WAL_FULL), Ok(1));
    let other = mount("snapshot");
    other.restore(&snapshot);
    other.restart_after_power_cut(&mut chooser(0));
    assert_eq!(found(&other, WAL_FULL), Ok(1));
}

#[test]
fn ten_thousand_commits_take_this_long() {
    let disk = mount("speed");
    let conn = open(&disk, WAL_FULL).unwrap();
    conn.pragma_update(None, "wal_autocheckpoint", 1000).unwrap();
    let start = Instant::now();
    let mut insert = conn.prepare("INSERT INTO commits VALUES (?1, zeroblob(100))").unwrap();
    (0..10_000u32).for_each(|n| assert_eq!(insert.execute([n]), Ok(1)));
    println!("10,000 commits: {:?}, {} steps", start.elapsed(), disk.steps());
    let wal = disk.folder().join("commits.db-wal");
    println!("{} bytes in the database, {} in the WAL", disk.length(&path(&disk)), disk.length(&wal));
}

/// A fault of one step fails at most the commit that it strikes; when it is over everything succeeds, and nothing is lost.
fn strike_every_step(name: &str, fault: Fault) {
    let disk = mount(name);
    let conn = open(&disk, WAL_FULL).unwrap();
    let opened = disk.steps();
    drop(conn);
    (0..opened).for_each(|step| strike_opening(&mount(name), step, fault));
    let disk = mount(name);
    work(&disk, WAL_FULL);
    let mut failed = 0;
    for step in 0..disk.steps() - opened {
        failed += strike(&mount(name), step, fault);
    }
    println!("{name}: {failed} commits failed");
    assert!(failed > COMMITS);
}

/// Making the database fails, and succeeds when it is tried again.
fn strike_opening(disk: &Disk, step: u64, fault: Fault) {
    disk.plan(step, fault, 1);
    let first = open(disk, WAL_FULL);
    assert!(disk.counts().full + disk.counts().io == 1);
    drop(first);
    assert_eq!(work(disk, WAL_FULL), COMMITS, "step {step}");
    disk.restart_after_power_cut(&mut chooser(0));
    assert_eq!(found(disk, WAL_FULL), Ok(COMMITS), "step {step}");
}

fn strike(disk: &Disk, step: u64, fault: Fault) -> u32 {
    let conn = open(disk, WAL_FULL).unwrap();
    disk.plan(step, fault, 1);
    let mut failed = 0;
    for n in 0..COMMITS {
        if commit(&conn, n).is_err() {
            failed += 1;
            commit(&conn, n).unwrap_or_else(|error| panic!("step {step}: {error}"));
        }
    }
    assert!(failed <= 1, "step {step}");
    disk.cut_power();
    drop(conn);
    disk.restart_after_power_cut(&mut chooser(0));
    assert_eq!(found(disk, WAL_FULL), Ok(COMMITS), "step {step}");
    failed
}
