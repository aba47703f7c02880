//! One seed, one world. Alone in its process, because SQLite has one source of randomness for all threads.

mod common;

use common::{WAL_FULL, chooser, mount, work};
use fieldpost_simdisk::Fault;

#[test]
fn the_same_seed_leaves_the_same_bytes() {
    let run = |seed| {
        let disk = mount("replay");
        disk.plan(150, Fault::PowerCut, 1);
        work(&disk, WAL_FULL);
        disk.restart_after_power_cut(&mut chooser(seed));
        let paths = disk.list();
        (paths.iter().map(|path| disk.read(path)).collect::<Vec<_>>(), paths, disk.counts())
    };
    assert!(run(7) == run(7));
    assert!(run(7) != run(8));
}
