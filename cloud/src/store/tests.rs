//! What needs the store from inside: a clock of the test's own, and a disk that is full.

use super::*;
use fieldpost_core::{
    DeviceId, Moisture, Offer, Reading, Survey, Temperature, Values, dating::RESEND_WINDOW, senml::PackSurvey,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

pub(super) fn origin() -> Origin {
    Origin { gateway: "test".into(), time_zone: None, custody: None }
}

pub(super) fn at(text: &str) -> UtcInstant {
    text.parse().unwrap()
}

/// Hands in `text` at `received`, at a site in `zone`.
async fn text(store: &Store, text: &'static str, received: UtcInstant, zone: &str) -> Outcome {
    let zone = TimeZone::get(zone).unwrap();
    let bytes = Bytes::from_static(text.as_bytes());
    let upload = Upload::new(Format::Text(zone), bytes, origin(), received);
    store.submit(upload.read().unwrap()).await.unwrap().outcome
}

async fn times(store: &Store, device: &str) -> Vec<String> {
    let number = store.device_number(device.parse().unwrap()).await.unwrap().unwrap();
    let range = Range { from: UtcInstant::EARLIEST, to: UtcInstant::LATEST };
    let readings = store.readings_of(number, range, 100).await.unwrap();
    readings.iter().map(|reading| reading.time.to_string()).collect()
}

fn outcome(new: u64, duplicate: u64) -> Outcome {
    Outcome { new, duplicate, ..Outcome::default() }
}

/// What waited behind a dead uplink, or lay in a file, says that the device lived then, not that it lives.
#[tokio::test(flavor = "multi_thread")]
async fn p8_a_device_was_heard_when_its_gateway_had_it_and_an_import_is_no_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let send = async |gateway: &str, received: Option<&str>, time: &str| {
        let values = Values::new(Temperature::from_hundredths(2_000), None).unwrap();
        let readings = vec![Reading { time: at(time), values }];
        let survey = Survey { device: "m1".parse().unwrap(), readings };
        let bytes = fieldpost_core::senml::encode_records(&survey, received.map(at));
        let bytes = fieldpost_core::senml::pack([bytes.as_slice()]);
        let origin = Origin { gateway: gateway.into(), ..origin() };
        let upload = Upload::new(Format::Cbor, bytes.into(), origin, at("2026-07-21T06:00:00Z"));
        store.submit(upload.read().unwrap()).await.unwrap();
        let sql = "SELECT last_contact, (SELECT name FROM gateways WHERE id = gateway) FROM devices";
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let heard = |time: &str, gateway: Option<&str>| (at(time).as_millis(), gateway.map(str::to_owned));
    let file = send("import:desk", None, "2026-06-01T05:00:00Z").await;
    assert_eq!(file, heard("2026-06-01T05:00:00Z", None));
    let backlog = send("north", Some("2026-07-01T06:00:00Z"), "2026-07-01T05:00:00Z").await;
    assert_eq!(backlog, heard("2026-07-01T06:00:00Z", Some("north")));
    let file = send("import:desk", None, "2026-07-10T05:00:00Z").await;
    assert_eq!(file, heard("2026-07-10T05:00:00Z", Some("north")));
    let ahead = send("north", Some("2026-07-21T06:04:00Z"), "2026-07-21T05:00:00Z").await;
    assert_eq!(ahead, heard("2026-07-21T06:00:00Z", Some("north")), "a gateway's clock that is fast");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_copy_after_midnight_keeps_the_first_copys_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    let line = "m1 23:30 - 20 - 30%\n";
    assert_eq!(text(&store, line, at("2026-07-01T23:31:00Z"), "UTC").await, outcome(1, 0));
    assert_eq!(text(&store, line, at("2026-07-02T18:00:00Z"), "UTC").await, outcome(0, 1));
    assert_eq!(times(&store, "m1").await, ["2026-07-01T23:30:00Z"]);
    store.close().await;
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    let copies = "SELECT copies FROM surveys";
    assert_eq!(connection.query_row(copies, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_copy_after_the_clocks_went_back_keeps_the_first_copys_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    // Rome, 2026-10-25: 03:00 summer time (01:00Z) becomes 02:00, so 02:30 comes twice.
    let line = "m1 02:30 - 20 - 30%\n";
    assert_eq!(text(&store, line, at("2026-10-25T00:40:00Z"), "Europe/Rome").await, outcome(1, 0));
    assert_eq!(text(&store, line, at("2026-10-25T01:40:00Z"), "Europe/Rome").await, outcome(0, 1));
    assert_eq!(times(&store, "m1").await, ["2026-10-25T00:30:00Z"]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_the_same_text_on_the_next_day_is_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    let line = "m1 08:00 - 20 - 30%\n";
    let first = at("2026-07-01T20:00:00Z");
    assert_eq!(text(&store, line, first, "UTC").await, outcome(1, 0));
    assert_eq!(text(&store, line, first.saturating_add(RESEND_WINDOW), "UTC").await, outcome(1, 0));
    assert_eq!(times(&store, "m1").await, ["2026-07-01T08:00:00Z", "2026-07-02T08:00:00Z"]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_receipt_from_a_clock_that_was_ahead_dates_nothing_once_the_clock_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    let line = "m1 08:00 - 20 - 30%\n";
    assert_eq!(text(&store, line, at("2030-01-01T09:00:00Z"), "UTC").await, outcome(1, 0));
    assert_eq!(text(&store, line, at("2026-07-01T09:00:00Z"), "UTC").await, outcome(1, 0));
    assert_eq!(text(&store, line, at("2026-07-02T03:00:00Z"), "UTC").await, outcome(0, 1), "a copy of that");
    let dates = ["2026-07-01T08:00:00Z", "2030-01-01T08:00:00Z"];
    assert_eq!(times(&store, "m1").await, dates);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_no_copy_can_come_for_are_swept_whichever_way_the_clock_went() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path).unwrap();
    let receipts = || {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.query_row("SELECT count(*) FROM receipts", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    text(&store, "m1 08:00 - 1 - 30%\n", at("2030-01-01T09:00:00Z"), "UTC").await;
    text(&store, "m1 08:00 - 2 - 30%\n", at("2026-07-01T09:00:00Z"), "UTC").await;
    assert_eq!(receipts(), 1, "the clock was set back: the one of the future is gone");
    text(&store, "m1 08:00 - 3 - 30%\n", at("2026-07-01T09:30:00Z"), "UTC").await;
    assert_eq!(receipts(), 2);
    text(&store, "m1 08:00 - 4 - 30%\n", at("2026-07-02T05:15:00Z"), "UTC").await;
    assert_eq!(receipts(), 2, "the older one is past its window");
    store.close().await;
}

/// A sensor that says "20 degrees, now" each quarter of an hour says something new each time.
#[tokio::test(flavor = "multi_thread")]
async fn p4_an_unchanged_relative_pack_is_a_copy_for_two_minutes_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    let json = br#"[{"n":"m1/temperature","u":"Cel","v":20}]"#;
    // [{0: "m1/temperature", 1: "Cel", 2: 20}]
    let cbor = b"\x81\xa3\x00\x6em2/temperature\x01\x63Cel\x02\x14";
    for (format, bytes, device) in [(Format::Json, &json[..], "m1"), (Format::Cbor, &cbor[..], "m2")] {
        let send = async |received| {
            let (format, bytes) = (format.clone(), Bytes::from_static(bytes));
            let upload = Upload::new(format, bytes, origin(), at(received));
            store.submit(upload.read().unwrap()).await.unwrap().outcome
        };
        assert_eq!(send("2026-07-01T08:00:00Z").await, outcome(1, 0));
        assert_eq!(send("2026-07-01T08:01:59Z").await, outcome(0, 1));
        assert_eq!(send("2026-07-01T08:02:00Z").await, outcome(1, 0));
        assert_eq!(send("2026-07-01T08:17:00Z").await, outcome(1, 0));
        assert_eq!(send("2026-07-01T08:10:00Z").await, outcome(1, 0), "the clock was set back");
        let dates = ["08:00:00Z", "08:02:00Z", "08:10:00Z", "08:17:00Z"];
        assert_eq!(times(&store, device).await, dates.map(|time| format!("2026-07-01T{time}")));
    }
    store.close().await;
}

/// The writer is stuck, so a sender gives up; what it sent is in memory until the writer is done with it.
#[tokio::test(flavor = "multi_thread")]
async fn p6_a_submission_that_nobody_waits_for_keeps_its_share_of_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open_with(&path, None, TimeZone::UTC, Duration::from_millis(100)).unwrap();
    let budget = crate::budget::Budget::new(64 * 1024);
    let is_exhausted = || budget.share().cover(crate::Limits::FREE_BYTES + 1).is_err();
    let stuck = rusqlite::Connection::open(&path).unwrap();
    stuck.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut share = budget.share();
    share.cover(crate::Limits::FREE_BYTES + 1).unwrap();
    let submission = Submission { _share: Some(Arc::new(share)), ..submission("m1", 5) };
    let said = store.submit(submission).await;
    assert!(matches!(said, Err(SubmitError::Busy)), "{said:?}");
    assert!(is_exhausted());
    stuck.execute_batch("ROLLBACK").unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while is_exhausted() {
        assert!(std::time::Instant::now() < deadline, "the share was not given back");
        tokio::task::yield_now().await;
    }
    assert_eq!(store.readings(), 5, "it was stored in the end");
    store.close().await;
}

/// A vault on a folder that the test prepares.
pub(super) fn vault(path: &Path) -> Vault {
    file::open(path).unwrap()
}

pub(super) fn submission(device: &str, readings: i64) -> Submission {
    let record = |n| format!(r#"{{"n":"{device}/temperature","u":"Cel","t":{},"v":1}}"#, 1_000_000_000 + n);
    let records: Vec<String> = (0..readings).map(record).collect();
    let bytes = Bytes::from(format!("[{}]", records.join(",")));
    Upload::new(Format::Json, bytes, origin(), crate::clock::now()).read().unwrap()
}

#[test]
fn p1_the_writer_commits_to_disk_before_it_acknowledges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    // Once on a store that was just made, once on one that was there.
    for _ in 0..2 {
        let vault = vault(&path);
        let ask = |pragma| vault.connection.pragma_query_value(None, pragma, |row| row.get(0));
        let synchronous: i64 = ask("synchronous").unwrap();
        assert_eq!(synchronous, 2, "FULL: the log is synced at each commit");
        let mode = vault.connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        assert_eq!(mode.unwrap(), "wal");
    }
}

/// The disk fills up in the middle of a batch. The batch is rolled back, so is each of its uploads that does not
/// fit, their senders are told; a small one fits; and when there is room again everything goes on by itself.
#[test]
fn p10_a_full_disk_refuses_what_does_not_fit_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let pages: i64 = vault.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let store = |vault: &mut Vault, devices: &[(&str, i64)]| {
        vault.store(devices.iter().map(|(device, readings)| submission(device, *readings)).collect())
    };
    limit(&vault, pages + 4);
    let said = store(&mut vault, &[("large", 5_000), ("small", 10)]);
    assert!(matches!(said[0], Err(SubmitError::Store(_))), "{said:?}");
    assert!(matches!(said[1], Ok(Stored { outcome: Outcome { new: 10, .. }, .. })), "{said:?}");
    assert_eq!(vault.readings(), 10);
    limit(&vault, 1_000_000);
    let said = store(&mut vault, &[("large", 5_000), ("small", 10)]);
    assert!(matches!(said[0], Ok(Stored { outcome: Outcome { new: 5_000, .. }, .. })), "{said:?}");
    assert!(matches!(said[1], Ok(Stored { outcome: Outcome { duplicate: 10, .. }, .. })), "{said:?}");
    assert!(!vault.is_failing());
    assert_eq!(vault.readings(), 5_010);
    let names: String = vault
        .connection
        .query_row(
            "SELECT group_concat(name || readings) FROM (SELECT * FROM devices ORDER BY name)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(names, "large5000,small10");
}

/// Lets the store's file have `pages` at most.
pub(super) fn limit(vault: &Vault, pages: i64) {
    let set = format!("PRAGMA max_page_count = {pages}");
    vault.connection.query_row(&set, [], |row| row.get::<_, i64>(0)).unwrap();
}

#[tokio::test]
async fn a_change_that_fails_changes_nothing_and_leaves_uploads_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db")).unwrap();
    let fails = store.write(|transaction| {
        transaction.execute("INSERT INTO refusals VALUES ('a', 1, 1)", [])?;
        transaction.execute("INSERT INTO refusals VALUES ('a', 2, 2)", [])
    });
    assert!(matches!(fails.await, Err(SubmitError::Store(_))));
    store.healthy(Duration::from_secs(10)).await.unwrap();
    let count = |transaction: &Transaction<'_>| {
        transaction.query_row("SELECT count(*) FROM refusals", [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(store.write(count).await.unwrap(), 0);
    store.close().await;
}

#[test]
fn the_quarantine_keeps_the_newest_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder.path().join("store.db"));
    for n in 0..1_100 {
        let bytes = Bytes::from(format!("upload {n}"));
        let upload = Upload::new(Format::Json, bytes, origin(), crate::clock::now());
        let refusal = upload.read().unwrap_err();
        quarantine::record(&vault.connection, &Refused::new(&upload, &refusal)).unwrap();
    }
    let kept: i64 =
        vault.connection.query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1_000);
    let oldest: String = vault
        .connection
        .query_row("SELECT CAST(bytes AS TEXT) FROM quarantine ORDER BY id LIMIT 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(oldest, "upload 100");
    let counted: i64 =
        vault.connection.query_row("SELECT sum(count) FROM refusals", [], |row| row.get(0)).unwrap();
    assert_eq!(counted, 1_100, "all are counted");
}

/// What the store must make of readings, said in the plainest way.
#[derive(Default)]
struct Model(BTreeMap<(u8, i64), Values>);

impl Model {
    fn offer(&mut self, device: u8, reading: Reading, outcome: &mut Outcome) {
        let held = self.0.get(&(device, reading.time.as_millis())).copied();
        let offer = held.map_or(Offer::Adds(reading.values), |held| held.offer(reading.values));
        match offer {
            Offer::Same => outcome.duplicate += 1,
            Offer::Differs => outcome.conflict += 1,
            Offer::Adds(both) => {
                outcome.new += 1;
                self.0.insert((device, reading.time.as_millis()), both);
            }
        }
    }
}

fn reading() -> impl Strategy<Value = Reading> {
    let values = (proptest::option::of(0_i64..3), proptest::option::of(0_i64..3)).prop_filter_map(
        "no value",
        |(temperature, moisture)| {
            let temperature = temperature.and_then(Temperature::from_hundredths);
            Values::new(temperature, moisture.and_then(Moisture::from_hundredths))
        },
    );
    let times = prop_oneof![0_i64..50, 0_i64..1_000_000, 0_i64..300_000_000];
    (times, values)
        .prop_map(|(n, values)| Reading { time: UtcInstant::from_millis(n + 1_000_000_000_000), values })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn p2_p3_the_store_holds_what_the_model_holds_however_readings_come(
        batches in proptest::collection::vec(
            proptest::collection::vec((0_u8..3, proptest::collection::vec(reading(), 0..400)), 1..4),
            1..4,
        ),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let mut model = Model::default();
        for batch in batches {
            let (mut waiting, mut expected) = (Vec::new(), Vec::new());
            for (device, readings) in batch {
                let mut outcome = Outcome::default();
                readings.iter().for_each(|reading| model.offer(device, *reading, &mut outcome));
                let survey = Survey { device: DeviceId::new(&format!("m{device}")).unwrap(), readings };
                let surveys = vec![PackSurvey { survey, received: None }];
                let (origin, received) = (origin(), crate::clock::now());
                waiting.push(Submission { origin, received, dated: received, surveys, undated: None, _share: None });
                expected.push(outcome);
            }
            for (said, outcome) in vault.store(waiting).into_iter().zip(expected) {
                prop_assert_eq!(said.unwrap().outcome, outcome);
            }
        }
        let mut held = BTreeMap::new();
        let connection = &vault.connection;
        let sql = "SELECT name, time, temperature, moisture FROM readings JOIN devices ON devices.id = device";
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let name: String = row.get(0).unwrap();
            let device = name[1..].parse().unwrap();
            held.insert((device, row.get(1).unwrap()), readings::values(row, 2).unwrap().unwrap());
        }
        prop_assert_eq!(held, model.0);
        let wrong: i64 = connection.query_row(
            "SELECT count(*) FROM devices WHERE
                 readings <> (SELECT count(*) FROM readings WHERE device = devices.id)
                 OR conflicts <> (SELECT count(*) FROM conflicts WHERE device = devices.id)
                 OR first_time IS NOT (SELECT min(time) FROM readings WHERE device = devices.id)
                 OR last_time IS NOT (SELECT max(time) FROM readings WHERE device = devices.id)
                 OR last_temperature IS NOT
                     (SELECT temperature FROM readings WHERE device = devices.id AND time = last_time)
                 OR last_moisture IS NOT
                     (SELECT moisture FROM readings WHERE device = devices.id AND time = last_time)",
            [],
            |row| row.get(0),
        ).unwrap();
        prop_assert_eq!(wrong, 0, "the devices' counters say what the tables hold");
        let days = |from| format!("SELECT device, day, held FROM ({from})");
        let (kept, counted) = (
            days("SELECT * FROM days"),
            days("SELECT device, time / 86400000 AS day, count(*) AS held FROM readings GROUP BY 1, 2"),
        );
        let differ = format!(
            "SELECT count(*) FROM (SELECT * FROM ({kept} EXCEPT {counted}) UNION ALL SELECT * FROM ({counted} EXCEPT {kept}))"
        );
        let wrong: i64 = connection.query_row(&differ, [], |row| row.get(0)).unwrap();
        prop_assert_eq!(wrong, 0, "the days count what the readings hold");
    }
}
