//! Starting, stopping, and starting again on what is there (promise P10).

use crate::support;

use fieldpost_cloud::Error;
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Condvar, Mutex},
};
use support::{Cloud, Console, sql};
use tempfile::TempDir;

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

/// What happens to a store's file.
type Damage<'a> = &'a dyn Fn(&Path);

/// Starts a cloud that must not start; returns why.
async fn fails(folder: &Arc<TempDir>) -> Error {
    Cloud::start_with(folder.clone(), |_, _| {}).await.ended().await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_cloud_that_stopped_goes_on_where_it_was() {
    let cloud = Cloud::start().await;
    assert_eq!(cloud.upload("m1 08:00 - 20 - 30%\n").await, "Surveys received");
    let (folder, _) = cloud.stop().await;
    assert!(!folder.path().join("store.db-wal").exists(), "a clean stop leaves one file");
    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    assert_eq!(cloud.get_json("/healthz").await["readings"], 1);
    assert_eq!(cloud.upload("m1 08:00 - 20 - 30%\n").await, "Surveys received");
    assert_eq!(
        sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"),
        1,
        "the first copy's date is remembered"
    );
    let (_, printed) = cloud.stop().await;
    assert_eq!(printed, "", "and it is not shown again");
}

/// The machine stops while the cloud runs: what is on disk at that moment, log and all, is what the next start finds.
#[tokio::test(flavor = "multi_thread")]
async fn p1_what_was_acknowledged_is_there_after_a_crash() {
    let cloud = Cloud::start().await;
    for hour in 10..20 {
        assert_eq!(cloud.upload(&format!("m1 2025-07-01 {hour}:00Z - 20 - 30%\n")).await, "Surveys received");
    }
    let after = folder();
    for name in ["store.db", "store.db-wal"] {
        fs::copy(cloud.folder.path().join(name), after.path().join(name)).unwrap();
    }
    // A torn tail: the last write of the log had only begun.
    let log = fs::OpenOptions::new().append(true).open(after.path().join("store.db-wal")).unwrap();
    (&log).write_all(&[0x5a; 1000]).unwrap();
    let cloud_after = Cloud::start_with(after, |_, _| {}).await;
    assert_eq!(cloud_after.get_json("/api/v1/devices/m1").await["readings"], 10);
    cloud_after.stop().await;
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_cloud_on_the_same_store_is_turned_away() {
    let cloud = Cloud::start().await;
    cloud.get_json("/healthz").await;
    let error = fails(&cloud.folder).await;
    assert!(matches!(error, Error::InUse { .. }) && error.to_string().contains("store.db"), "{error}");
    assert_eq!(cloud.upload("m1 08:00 - 20 - 30%\n").await, "Surveys received");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_named_with_the_way_out_and_never_emptied() {
    let cloud = Cloud::start().await;
    cloud.upload("m1 08:00 - 20 - 30%\n").await;
    let (healthy, _) = cloud.stop().await;
    let store = fs::read(healthy.path().join("store.db")).unwrap();
    let damages: [(&str, Damage<'_>); 4] = [
        ("empty", &|path| fs::write(path, b"").unwrap()),
        ("not a database", &|path| fs::write(path, vec![7; 8192]).unwrap()),
        ("cut", &|path| fs::write(path, &store[..store.len() / 2]).unwrap()),
        ("overwritten", &|path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(&[0xff; 400], 100).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let folder = folder();
        let path = folder.path().join("store.db");
        fs::write(&path, &store).unwrap();
        damage(&path);
        let before = fs::read(&path).unwrap();
        let error = fails(&folder).await;
        let said = error.to_string();
        assert!(matches!(error, Error::Damaged { .. }), "{what}: {said}");
        assert!(said.contains("store.db") && said.contains(".recover"), "{what}: {said}");
        assert_eq!(fs::read(&path).unwrap(), before, "{what}: nothing was changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_its_file_but_not_its_log_is_not_begun_anew() {
    let folder = folder();
    fs::write(folder.path().join("store.db-wal"), [1; 4096]).unwrap();
    let error = fails(&folder).await;
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(!folder.path().join("store.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_version_or_of_another_program_is_left_alone() {
    let cloud = Cloud::start().await;
    cloud.get_json("/healthz").await;
    let (newer, _) = cloud.stop().await;
    let connection = rusqlite::Connection::open(newer.path().join("store.db")).unwrap();
    let ours: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "user_version", ours + 1).unwrap();
    drop(connection);
    let error = fails(&newer).await;
    let Error::Newer { found, known, .. } = error else { panic!("{error}") };
    assert_eq!((found, known), (ours + 1, ours));

    let foreign = folder();
    let connection = rusqlite::Connection::open(foreign.path().join("store.db")).unwrap();
    connection.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    drop(connection);
    let error = fails(&foreign).await;
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_cannot_be_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let data = file.join("data");
    let mut cloud = Cloud::start_with(folder, |settings, _| settings.data = data).await;
    let error = cloud.ended().await.unwrap_err();
    assert!(matches!(error, Error::Folder { .. }), "{error}");
    assert!(error.to_string().contains("file/data") && error.to_string().contains("--data"), "{error}");
}

/// A console that takes nothing until it is opened.
#[derive(Clone, Default)]
struct Stuck(Arc<(Mutex<bool>, Condvar)>, Console);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_nobody_reads_does_not_stop_the_store_and_says_what_it_left_out() {
    let stuck = Stuck::default();
    let cloud = Cloud::start_on(folder(), |_, _| {}, stuck.1.clone(), Box::new(stuck.clone()));
    let pack = |from: i64, count: i64| {
        let record = |n| format!(r#"{{"n":"m1/temperature","u":"Cel","t":{},"v":1}}"#, 1_000_000_000 + n);
        let records: Vec<String> = (from..from + count).map(record).collect();
        format!("[{}]", records.join(","))
    };
    // Four of them, the one that sticks among them, are all that may wait.
    for round in 0..7 {
        let said = cloud.post_json(&pack(round * 50_000, 50_000)).await;
        assert_eq!(said.text(), r#"{"new":50000,"duplicate":0,"conflict":0}"#, "round {round}");
    }
    *stuck.0.0.lock().unwrap() = true;
    stuck.0.1.notify_all();
    let printed = cloud.prints("new readings are stored but not shown").await;
    let (_, whole) = cloud.stop().await;
    assert!(whole.starts_with(&printed));
    let shown = whole.lines().filter(|line| line.starts_with("m1 - ")).count();
    let left_out: usize = whole
        .lines()
        .filter_map(|line| line.strip_prefix("-- ")?.split(' ').next()?.parse::<usize>().ok())
        .sum();
    assert_eq!(shown, 200_000);
    assert_eq!(left_out, 150_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_gone_does_not_stop_the_store() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let cloud = Cloud::start_on(folder(), |_, _| {}, Console::default(), Box::new(Gone));
    for hour in 10..20 {
        assert_eq!(cloud.upload(&format!("m1 2025-07-01 {hour}:00Z - 20 - 30%\n")).await, "Surveys received");
    }
    cloud.stop().await;
}
