//! Full, cut off, damaged, shared: it starts again, goes on by itself, and has lost nothing that it acknowledged.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene fails")]

use crate::common;

use common::{
    cloud::{Cloud, Seen},
    *,
};
use fieldpost_gateway::{Settings, UplinkWhen};
use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    net::UdpSocket,
    path::Path,
};
use tempfile::tempdir;

fn survey(number: usize) -> String {
    format!("d{number} 2026-07-01 08:00Z - 20 - 30%\n")
}

/// What a power cut leaves: the files as they lie, while the gateway runs on.
fn crash_image(data: &Path) -> tempfile::TempDir {
    let image = tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        if data.join(name).exists() {
            fs::copy(data.join(name), image.path().join(name)).unwrap();
        }
    }
    image
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_power_cut_at_any_moment() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen::default()).await);
    let gateway = Gateway::start(settings(data.path(), nobody()));
    let device = Device::new(gateway.address).await;
    for number in 0..40 {
        assert_eq!(device.exchange(survey(number)).await, ARRIVED);
        if number % 10 == 9 {
            let image = crash_image(data.path());
            let again = Gateway::start(settings(image.path(), nobody()));
            assert_eq!(again.status().surveys, number as u64 + 1);
            // A copy after the crash is still a copy.
            assert_eq!(exchange(again.address, survey(number)).await, ARRIVED);
            assert_eq!(again.status().surveys, number as u64 + 1);
            again.stop().await.unwrap();
        }
    }
    let image = crash_image(data.path());
    gateway.stop().await.unwrap();
    let gateway = Gateway::start(settings(image.path(), cloud.http_target()));
    gateway.until("drained", |status| status.waiting_surveys == 0).await;
    assert_eq!(cloud.readings().len(), 40);
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_journal_refuses_what_is_new_and_takes_it_when_the_cloud_is_back() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen::default()).await);
    let small = |uplink| Settings { journal_max: 256 << 10, ..settings(data.path(), uplink) };
    let gateway = Gateway::start(small(nobody()));
    let device = Device::new(gateway.address).await;
    let mut taken = 0;
    let refused = loop {
        let reply = device.exchange(survey(taken)).await;
        if reply != ARRIVED {
            break reply;
        }
        taken += 1;
        assert!(taken < 100_000, "never full");
    };
    assert_eq!(refused, "Surveys refused: journal full; try again later");
    assert!(taken > 100, "{taken}");
    assert_eq!(device.exchange(survey(0)).await, ARRIVED, "what is held is still acknowledged");
    let status = gateway.status();
    assert_eq!((status.surveys, status.waiting_surveys), (taken as u64, taken as u64));
    assert!(status.refusals["full"] > 0 && status.used_bytes <= 256 << 10, "{status}");
    gateway.stop().await.unwrap();

    let gateway = Gateway::start(small(cloud.http_target()));
    gateway.until("drained", |status| status.waiting_surveys == 0).await;
    let device = Device::new(gateway.address).await;
    for number in taken..taken + 300 {
        assert_eq!(device.exchange(survey(number)).await, ARRIVED, "{number}");
    }
    // Old ones had to go early; their copies are still known.
    assert_eq!(device.exchange(survey(0)).await, ARRIVED);
    gateway.until("drained", |status| status.waiting_surveys == 0).await;
    assert_eq!(cloud.readings().len(), taken + 300);
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_free_disk_refuses_what_is_new() {
    let data = tempdir().unwrap();
    let greedy = Settings { min_free_disk: u64::MAX / 2, ..settings(data.path(), nobody()) };
    let gateway = Gateway::start(greedy);
    let reply = exchange(gateway.address, survey(0)).await;
    assert_eq!(reply, "Surveys refused: disk full; try again later");
    assert_eq!(gateway.status().surveys, 0);
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_is_set_aside_and_the_gateway_goes_on() {
    let data = tempdir().unwrap();
    fs::write(data.path().join("journal.db"), "no journal".repeat(1_000)).unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    assert_eq!(exchange(gateway.address, survey(0)).await, ARRIVED);
    assert_eq!(gateway.status().surveys, 1);
    gateway.stop().await.unwrap();
    let names = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let aside = names.filter(|name| name.to_string_lossy().starts_with("journal.db.corrupt-"));
    assert_eq!(aside.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_cannot_share_a_folder() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    assert_eq!(exchange(gateway.address, survey(0)).await, ARRIVED);
    let other = Gateway::start(settings(data.path(), nobody()));
    let error = other.ended().await.unwrap_err().to_string();
    assert!(error.contains("in use by another gateway") && error.contains("--data"), "{error}");
    assert_eq!(exchange(gateway.address, survey(1)).await, ARRIVED, "the first one does not notice");
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_journal_has_no_status() {
    let data = tempdir().unwrap();
    let error = fieldpost_gateway::status(data.path(), now()).unwrap_err().to_string();
    assert!(error.contains("no journal") && error.contains("--data"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sockets_are_served_and_each_answers_from_its_own_port() {
    let data = tempdir().unwrap();
    let sockets: Vec<_> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<_> = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let settings = Settings { uplink_when: UplinkWhen::Round, ..settings(data.path(), nobody()) };
    let shutdown = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(fieldpost_gateway::run(sockets, settings, Box::new(std::io::sink()), shutdown));
    for (number, address) in addresses.into_iter().enumerate() {
        // The device's socket is connected: a reply from another port would not reach it.
        assert_eq!(exchange(address, survey(number)).await, ARRIVED);
    }
    drop(stop);
    task.await.unwrap().unwrap();
    assert_eq!(fieldpost_gateway::status(data.path(), now()).unwrap().surveys, 3);
}

/// It broke while the gateway ran: a page that only the writer needs turned to garbage. The journal is salvaged into
/// another file, and the uplink, which still had the old one open, must go on with the new one.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_salvage_at_run_time_reaches_the_cloud() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen::default()).await);
    let gateway = Gateway::start(settings(data.path(), cloud.http_target()));
    assert!(exchange(gateway.address, "bad!").await.starts_with("Surveys refused: "));
    gateway.stop().await.unwrap();
    let path = data.path().join("journal.db");
    let journal = rusqlite::Connection::open(&path).unwrap();
    let number =
        |sql: &str| -> u64 { journal.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64 };
    let root = number("SELECT rootpage FROM sqlite_schema WHERE name = 'refusals'");
    let page = number("PRAGMA page_size");
    drop(journal);
    let gateway = Gateway::start(settings(data.path(), cloud.http_target()));
    let device = Device::new(gateway.address).await;
    // Far more than SQLite keeps in memory, so that the page is read from the file again.
    for number in 0..800 {
        let line = |minute| format!("x{number} 2026-07-01 0{}:{:02}Z - 1 - 2%\n", minute / 60, minute % 60);
        assert_eq!(device.exchange((0..90).map(line).collect::<String>()).await, ARRIVED);
    }
    assert_eq!(device.exchange(survey(1)).await, ARRIVED);
    gateway.until("drained", |status| status.waiting_surveys == 0).await;
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start((root - 1) * page)).unwrap();
    file.write_all(&vec![0xa5; page as usize]).unwrap();
    // Counting this one needs the page.
    exchange(gateway.address, "bad!").await;
    for number in 2..6 {
        let start = std::time::Instant::now();
        while exchange(gateway.address, survey(number)).await != ARRIVED {
            assert!(start.elapsed() < DEADLINE, "it does not recover");
        }
    }
    gateway.until("drained", |status| status.waiting_surveys == 0).await;
    let salvaged = fs::read_dir(data.path())
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().contains(".corrupt-"));
    assert!(salvaged, "the scene was not set");
    let readings = cloud.readings();
    for number in 1..6 {
        let device = format!("d{number} ");
        assert!(
            readings.iter().any(|reading| reading.starts_with(&device)),
            "{device}was acknowledged and lost"
        );
    }
    gateway.stop().await.unwrap();
}
