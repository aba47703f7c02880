//! An onlooker that keeps its connection: it is in nobody's way, and what it keeps is dead when it would tell of what is no more.

mod common;

use common::{COMMITS, WAL_FULL, commit, count, mount, open, path, reader};
use fieldpost_simdisk::Fault;

#[test]
fn an_onlooker_that_stays_sees_each_commit_and_is_neither_counted_nor_struck() {
    let disk = mount("stays");
    let writer = open(&disk, WAL_FULL).unwrap();
    let onlooker = disk.quietly(|| reader(&disk)).unwrap();
    let view = disk.view(&path(&disk));
    assert!(view.is_some());
    for n in 0..COMMITS {
        let before = (disk.steps(), disk.reads());
        disk.plan_reads(0, 100);
        assert_eq!(disk.quietly(|| count(&onlooker)), Ok(n));
        disk.clear_plans();
        assert_eq!((disk.steps(), disk.reads()), before);
        commit(&writer, n).unwrap();
    }
    assert_eq!(disk.view(&path(&disk)), view);
}

#[test]
fn the_last_program_that_closes_a_database_tidies_up_beneath_an_onlooker_and_the_next_one_begins_anew() {
    let disk = mount("tidies");
    let writer = open(&disk, WAL_FULL).unwrap();
    commit(&writer, 0).unwrap();
    let onlooker = disk.quietly(|| reader(&disk)).unwrap();
    assert_eq!(disk.quietly(|| count(&onlooker)), Ok(1));
    let view = disk.view(&path(&disk));
    let log = disk.folder().join("commits.db-wal");
    assert!(disk.exists(&log));
    writer.close().unwrap();
    assert!(!disk.exists(&log), "the log is folded and gone, as if nobody looked on");
    assert_eq!(disk.view(&path(&disk)), None, "there is nothing to keep a connection for");
    let writer = open(&disk, WAL_FULL).unwrap();
    commit(&writer, 1).unwrap();
    assert_eq!(count(&writer), Ok(2));
    assert_ne!(disk.view(&path(&disk)), view);
    assert!(disk.quietly(|| count(&onlooker)).is_err(), "it would read by an index that nobody keeps");
    drop(onlooker);
    commit(&writer, 2).unwrap();
    assert_eq!(count(&writer), Ok(3));
}

#[test]
fn whatever_changes_files_from_outside_ends_what_an_onlooker_keeps() {
    for change in ["power cut", "kill", "restore", "write", "delete"] {
        let disk = mount("outside");
        let writer = open(&disk, WAL_FULL).unwrap();
        commit(&writer, 0).unwrap();
        let onlooker = disk.quietly(|| reader(&disk)).unwrap();
        assert_eq!(disk.quietly(|| count(&onlooker)), Ok(1));
        let view = disk.view(&path(&disk));
        match change {
            "power cut" => {
                disk.plan(0, Fault::PowerCut, 1);
                assert!(commit(&writer, 1).is_err());
                assert_eq!(disk.view(&path(&disk)), None, "{change}: it is off");
                disk.restart_after_power_cut(&mut |_| 0);
            }
            "kill" => disk.restart_after_kill(),
            "restore" => disk.restore(&disk.snapshot()),
            "write" => disk.write(&path(&disk), vec![0; 4_096]),
            _ => disk.delete(&path(&disk)),
        }
        assert_ne!(disk.view(&path(&disk)), view, "{change}");
        assert!(disk.quietly(|| count(&onlooker)).is_err(), "{change}");
    }
}
