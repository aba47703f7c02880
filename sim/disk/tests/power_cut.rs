//! The power fails at every step of twenty commits, and the database is opened again.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, in its helpers too")]

mod common;

use common::{COMMITS, Mode, WAL_FULL, chooser, commit, found, mount, open, work};
use fieldpost_simdisk::Fault;
use std::fmt;

const ROLLBACK_EXTRA: Mode = Mode { journal: "delete", synchronous: "extra" };
const SEEDS: u64 = 5;

#[test]
fn no_acknowledged_commit_is_lost_in_wal_mode() {
    let losses = losses("wal_full", WAL_FULL);
    assert!(losses.is_empty(), "{losses:#?}");
}

#[test]
fn no_acknowledged_commit_is_lost_with_a_rollback_journal() {
    let losses = losses("rollback_extra", ROLLBACK_EXTRA);
    assert!(losses.is_empty(), "{losses:#?}");
}

/// With `synchronous=FULL` SQLite does not sync the folder after it deleted the rollback journal, which is the commit: the
/// journal may be there again, and undoes the last commit, no other.
#[test]
fn with_a_rollback_journal_full_is_not_enough_for_the_last_commit() {
    let losses = losses("rollback_full", Mode { synchronous: "full", ..ROLLBACK_EXTRA });
    assert!(!losses.is_empty());
    let worse: Vec<_> = losses.iter().filter(|loss| loss.found != Ok(loss.acknowledged - 1)).collect();
    assert!(worse.is_empty(), "{worse:#?}");
}

/// Proof that the disk can lose: without it the tests above prove nothing.
#[test]
fn without_syncs_commits_are_lost() {
    let wal = losses("wal_off", Mode { synchronous: "off", ..WAL_FULL });
    assert!(wal.iter().any(|loss| loss.found.is_ok()), "no commit lost in WAL mode: {wal:#?}");
    let rollback = losses("rollback_off", Mode { synchronous: "off", ..ROLLBACK_EXTRA });
    assert!(!rollback.is_empty());
}

/// In WAL mode `synchronous=NORMAL` syncs only at checkpoints: the database stays whole, the last commits may be gone.
#[test]
fn with_syncs_at_checkpoints_only_commits_are_lost_and_the_database_is_whole() {
    let losses = losses("wal_normal", Mode { synchronous: "normal", ..WAL_FULL });
    assert!(!losses.is_empty());
    let broken: Vec<_> = losses.iter().filter(|loss| loss.found.is_err()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_second_power_cut_during_recovery_loses_nothing() {
    for step in 0..30 {
        for seed in 0..SEEDS {
            let disk = mount("recovery");
            disk.plan(70, Fault::PowerCut, 1);
            let acknowledged = work(&disk, WAL_FULL);
            let mut choose = chooser(seed);
            disk.restart_after_power_cut(&mut choose);
            disk.plan(step, Fault::PowerCut, 1);
            let first = found(&disk, WAL_FULL);
            disk.clear_plans();
            disk.restart_after_power_cut(&mut choose);
            let n = found(&disk, WAL_FULL).unwrap();
            let allowed = first.map_or(acknowledged..=acknowledged + 1, |first| first..=first);
            assert!(allowed.contains(&n), "step {step}, seed {seed}: {n} of {acknowledged}");
        }
    }
}

#[test]
fn after_a_power_cut_the_disk_answers_nothing_until_the_restart() {
    let disk = mount("off");
    let conn = open(&disk, WAL_FULL).unwrap();
    commit(&conn, 0).unwrap();
    disk.cut_power();
    assert!(disk.is_off());
    assert!(commit(&conn, 1).is_err());
    assert!(open(&disk, WAL_FULL).is_err());
    assert!(disk.sync_folder().is_err() && disk.free().is_err());
    disk.restart_after_power_cut(&mut chooser(0));
    assert!(commit(&conn, 1).is_err(), "a handle from before the restart is dead");
    drop(conn);
    assert_eq!(found(&disk, WAL_FULL), Ok(1));
    assert_eq!(disk.counts().cuts, 1);
}

/// A power cut after which the database was not what it must be.
struct Loss {
    step: u64,
    seed: u64,
    acknowledged: u32,
    found: Result<u32, String>,
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, seed, acknowledged, found } = self;
        write!(f, "step {step}, seed {seed}: {found:?} of {acknowledged}")
    }
}

fn losses(name: &str, mode: Mode) -> Vec<Loss> {
    let disk = mount(name);
    assert_eq!(work(&disk, mode), COMMITS);
    let steps = disk.steps();
    let mut losses = Vec::new();
    let (mut torn, mut cuts) = (0, 0);
    for (step, choice) in (0..steps).flat_map(|step| (0..SEEDS).map(move |choice| (step, choice))) {
        // Nothing and everything at each step, and besides other choices at each.
        let seed = if choice < 2 { choice } else { step * SEEDS + choice };
        let disk = mount(name);
        disk.plan(step, Fault::PowerCut, 1);
        let acknowledged = work(&disk, mode);
        disk.restart_after_power_cut(&mut chooser(seed));
        let found = found(&disk, mode);
        if !matches!(found, Ok(n) if (acknowledged..=acknowledged + 1).contains(&n)) {
            losses.push(Loss { step, seed, acknowledged, found });
        }
        torn += disk.counts().torn;
        cuts += disk.counts().cuts;
    }
    assert_eq!(cuts, steps * SEEDS);
    println!("{name}: {cuts} power cuts at {steps} steps, {torn} torn writes, {} losses", losses.len());
    losses
}
