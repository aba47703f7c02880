//! The process is killed at every step of twenty commits, and the database is opened again on what the kernel has.

#![allow(clippy::unwrap_used, reason = "a test may, in its helpers too")]

mod common;

use common::{COMMITS, Mode, WAL_FULL, found, mount, work};
use fieldpost_simdisk::Fault;

#[test]
fn no_acknowledged_commit_is_lost_even_without_syncs() {
    for mode in [WAL_FULL, Mode { synchronous: "off", ..WAL_FULL }] {
        let disk = mount("kill");
        assert_eq!(work(&disk, mode), COMMITS);
        for step in 0..disk.steps() {
            let disk = mount("kill");
            disk.plan(step, Fault::Kill, 1);
            let acknowledged = work(&disk, mode);
            assert!(disk.is_off() && disk.is_killed(), "step {step}");
            disk.restart_after_kill();
            assert!(!disk.is_killed());
            let found = found(&disk, mode).unwrap();
            assert!(
                (acknowledged..=acknowledged + 1).contains(&found),
                "step {step}: {found} of {acknowledged}"
            );
            assert_eq!((disk.counts().cuts, disk.counts().torn), (0, 0));
        }
    }
}
