//! Exports of real soil data, read back by others' readers; and clients that are slow, or want too much.

use crate::support;

use bytes::Bytes;
use fieldpost_cloud::{Access, Origin, Store};
use fieldpost_core::{
    Moisture, Reading, Survey, Temperature, UtcInstant, Values, quality::Flags, senml, station::csv,
};
use parquet::{
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
    record::RowAccessor,
};
use std::{
    io::{Cursor, Read},
    sync::Arc,
    time::{Duration, Instant},
};
use support::{Cloud, PATIENCE, Response, site::Site};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

const ITHACA: &str = include_str!("../../samples/ithaca.csv");
const DINOSAUR: &str = include_str!("../../samples/dinosaur.csv");

/// The readings of a sample.
fn readings(sample: &str) -> Vec<Reading> {
    let slots = sample.lines().skip(1).map(|line| csv::parse_row(line).unwrap());
    slots.filter_map(|slot| Some(Reading { time: slot.time, values: slot.values? })).collect()
}

async fn hand_in(cloud: &Cloud, device: &str, readings: &[Reading]) {
    let days =
        readings.chunks(24).map(|day| Survey { device: device.parse().unwrap(), readings: day.to_vec() });
    let records: Vec<_> = days.map(|day| senml::encode_records(&day, None)).collect();
    let pack = senml::pack(records.iter().map(Vec::as_slice));
    let answer = cloud.post("application/senml+cbor", pack.into()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn with_samples() -> Cloud {
    let cloud = Cloud::start().await;
    hand_in(&cloud, "ithaca", &readings(ITHACA)).await;
    hand_in(&cloud, "dino_saur:1", &readings(DINOSAUR)).await;
    cloud
}

async fn export(cloud: &Cloud, query: &str) -> Response {
    let response = cloud.get(&format!("/api/v1/export{query}")).await;
    assert_eq!(response.status, 200, "{query}: {}", response.text());
    response
}

/// The rows of a CSV export without their flags.
fn values(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(csv::HEADER_WITH_FLAGS));
    let mut values = Vec::new();
    for line in lines {
        let (row, flags) = line.rsplit_once(',').unwrap();
        assert!(Flags::parse(flags).is_some(), "{line}");
        values.push(row.to_owned());
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_has_every_reading_of_the_devices_and_times_that_were_asked_for() {
    let cloud = with_samples().await;
    let all = export(&cloud, "").await;
    assert_eq!(all.header("content-type"), "text/csv; charset=utf-8");
    let name = all.header("content-disposition");
    assert!(name.starts_with("attachment; filename=\"fieldpost-2") && name.ends_with(".csv\""), "{name}");
    let rows = |sample: &str, id: &str| -> Vec<String> {
        let print = |one: &Reading| csv::row(&id.parse().unwrap(), one).trim_end().to_owned();
        readings(sample).iter().map(print).collect()
    };
    let expected = [rows(DINOSAUR, "dino_saur:1"), rows(ITHACA, "ithaca")].concat();
    assert_eq!(values(&all.text()), expected);
    let part = export(&cloud, "?devices=ithaca&from=2019-07-01T00:00:00Z&to=2019-07-02T00:00:00Z").await;
    let july: Vec<_> =
        rows(ITHACA, "ithaca").into_iter().filter(|row| row.contains(",2019-07-01T")).collect();
    assert_eq!((values(&part.text()), july.len()), (july, 24));
    let none = export(&cloud, "?devices=ithaca&from=2029-07-01T00:00:00Z&format=csv").await;
    assert_eq!(none.text(), format!("{}\n", csv::HEADER_WITH_FLAGS));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn senml_is_one_pack_that_says_the_same() {
    let cloud = with_samples().await;
    let answer = export(&cloud, "?format=senml").await;
    assert_eq!(answer.header("content-type"), "application/senml+json");
    let pack = senml::decode_json(&answer.body, "2030-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert!(!pack.relative);
    for (id, sample) in [("dino_saur:1", DINOSAUR), ("ithaca", ITHACA)] {
        let of = pack.surveys.iter().filter(|one| one.survey.device.as_str() == id);
        let found: Vec<_> = of.flat_map(|one| one.survey.readings.clone()).collect();
        assert_eq!(found, readings(sample));
    }
    let empty = export(&cloud, "?format=senml&to=2001-01-01T00:00:00Z").await;
    assert_eq!(empty.text(), "[]\n");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ismn_files_are_named_and_filled_as_the_network_does_it() {
    let cloud = with_samples().await;
    let answer = export(&cloud, "?format=ismn").await;
    assert_eq!(answer.header("content-type"), "application/zip");
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.body.clone())).unwrap();
    let names: Vec<_> = archive.file_names().map(str::to_owned).collect();
    let dinosaur = "FIELDPOST/dino%5Fsaur%3A1/FIELDPOST_FIELDPOST_dino%5Fsaur%3A1_ts_NaN_NaN_meter_20190101_20200101.stm";
    assert_eq!(names.len(), 4);
    assert!(names.iter().any(|name| name == dinosaur), "{names:?}");
    let ithaca = names.iter().find(|name| name.contains("ithaca_sm_")).unwrap();
    let mut text = String::new();
    archive.by_name(ithaca).unwrap().read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("FIELDPOST FIELDPOST ithaca NaN NaN NaN NaN NaN meter"));
    let first = lines.next().unwrap();
    assert!(first.starts_with("2019/01/01 01:00 0.4090 ") && first.ends_with(" M"), "{first}");
    let moist = readings(ITHACA).iter().filter(|one| one.values.moisture().is_some()).count();
    assert_eq!(lines.count() + 1, moist);
    text.clear();
    archive.by_name(dinosaur).unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("\n2019/01/01 01:00 -2.50 G M\n"), "{}", &text[..200]);
    cloud.stop().await;
}

/// So many hourly readings, of devices with a year each.
async fn fill(cloud_folder: &std::path::Path, count: i64) -> Vec<(String, i64)> {
    let store = Store::open(&cloud_folder.join("store.db")).unwrap();
    let mut expected = Vec::new();
    for device in 0..(count + 8_759) / 8_760 {
        let (id, hours) = (format!("m{device:04}"), 8_760.min(count - device * 8_760));
        let hour = |n| {
            let values = Values::new(
                Temperature::from_hundredths((n * 37 + device) % 4_000 - 500),
                Moisture::from_hundredths((n * 11 + device) % 5_000).filter(|_| n % 10 != 0),
            );
            Reading { time: UtcInstant::from_millis((420_000 + n) * 3_600_000), values: values.unwrap() }
        };
        let survey = Survey { device: id.parse().unwrap(), readings: (0..hours).map(hour).collect() };
        let pack = senml::pack([senml::encode_records(&survey, None).as_slice()]);
        let origin = Origin { gateway: "test".into(), time_zone: None, custody: None };
        store.ingest_cbor(pack.into(), "2030-01-01T00:00:00Z".parse().unwrap(), origin).await.unwrap();
        expected.push((id, hours));
    }
    store.close().await;
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_has_a_million_readings_in_row_groups_of_bounded_size() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    fill(folder.path(), 1_000_000).await;
    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    let answer = export(&cloud, "?format=parquet").await;
    assert_eq!(answer.header("content-type"), "application/vnd.apache.parquet");
    cloud.stop().await;
    let file = SerializedFileReader::new(answer.body).unwrap();
    let groups = file.metadata().row_groups();
    assert_eq!(groups.iter().map(|group| group.num_rows()).sum::<i64>(), 1_000_000);
    assert!(groups.iter().all(|group| group.num_rows() <= 131_072), "a group is in memory whole");
    let (mut rows, mut last) = (0_i64, (String::new(), 0_i64));
    for row in file.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let (device, time) = (row.get_string(0).unwrap().clone(), row.get_timestamp_millis(1).unwrap());
        let (number, n) = (rows / 8_760, rows % 8_760);
        if n < 5 {
            assert_eq!((device.clone(), time), (format!("m{number:04}"), (420_000 + n) * 3_600_000));
            let temperature = (n * 37 + number) % 4_000 - 500;
            assert_eq!((row.get_double(2).unwrap() * 100.0).round() as i64, temperature);
            assert_eq!(row.get_double(3).is_err(), n % 10 == 0, "a missing value is null");
            assert!(Flags::parse(row.get_string(4).unwrap()).is_some());
        }
        assert!(last < (device.clone(), time), "in order, each once");
        last = (device, time);
        rows += 1;
    }
    assert_eq!(rows, 1_000_000);
}

async fn ask(socket: TcpStream, query: &str) -> TcpStream {
    ask_with(socket, query, "").await
}

/// Asks, with more headers, each with its line's end.
async fn ask_with(socket: TcpStream, query: &str, headers: &str) -> TcpStream {
    let mut socket = socket;
    let request = format!("GET /api/v1/export{query} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    socket.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 "));
    socket
}

async fn exported(cloud: &Cloud) -> u64 {
    let text = cloud.get("/metrics").await.text();
    let line = text.lines().find(|line| line.starts_with("fieldpost_export_bytes_total")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// The cloud must not run ahead of a client: beyond what the kernel holds of a connection it makes a few pieces.
#[tokio::test(flavor = "multi_thread")]
async fn p6_a_slow_reader_of_a_large_export_costs_no_memory_and_still_gets_it_whole() {
    // Both kernel buffers of a connection at their largest, and the pieces before the client, each with a page more.
    const MOST: u64 = (4 + 6) * 1024 * 1024 + 5 * 512 * 1024;
    let folder = Arc::new(tempfile::tempdir().unwrap());
    fill(folder.path(), 400_000).await;
    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut slow = ask(socket.connect(cloud.http).await.unwrap(), "?format=csv").await;
    // It takes a byte now and then, until the cloud makes no more.
    let (mut byte, mut made, mut still) = ([0], 0, 0);
    while still < 5 {
        slow.read_exact(&mut byte).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = exported(&cloud).await;
        still = if now == made && now > 0 { still + 1 } else { 0 };
        made = now;
    }
    assert!(made < MOST, "{made} bytes wait for a client that took some");
    let mut rest = Vec::new();
    let mut piece = vec![0; 1 << 20];
    while !rest.ends_with(b"0\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, slow.read(&mut piece)).await.unwrap().unwrap();
        assert_ne!(read, 0, "it broke off after {} bytes", rest.len());
        rest.extend_from_slice(&piece[..read]);
    }
    assert!(rest.len() as u64 > MOST, "the export is larger than what may wait: {}", rest.len());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_exports_twice_at_once_and_again_when_one_has_ended() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    fill(folder.path(), 400_000).await;
    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    let small = || async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        ask(socket.connect(cloud.http).await.unwrap(), "").await
    };
    let (one, two) = (small().await, small().await);
    let third = cloud.get("/api/v1/export").await;
    assert_eq!(third.problem(429).0, "too-many-exports");
    drop(one);
    let deadline = Instant::now() + PATIENCE;
    while cloud.get("/api/v1/export?devices=m0001").await.status != 200 {
        assert!(Instant::now() < deadline, "the place of an export whose client has gone is not free");
    }
    drop(two);
    cloud.stop().await;
}

/// People in one office, or in one town: to the cloud they come from the same address, a proxy's on its own machine.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_everybody_has_exports_of_their_own() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    fill(folder.path(), 400_000).await;
    // Behind a proxy nobody is let in without an account.
    let site = Site::start_in(folder, Access::Guarded).await;
    let cookie = site.set_up("ann").await.cookie;
    let by = async |person: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let socket = socket.connect(site.cloud.http).await.unwrap();
        let headers = format!("cookie: {cookie}\r\nx-forwarded-for: 203.0.113.9, {person}\r\n");
        ask_with(socket, "", &headers).await
    };
    let _held = [by("10.0.0.1").await, by("10.0.0.1").await, by("10.0.0.2").await, by("10.0.0.2").await];
    for (person, status) in [("10.0.0.1", 429), ("10.0.0.3", 200)] {
        let headers = [("x-forwarded-for", person), ("cookie", cookie.as_str())];
        let said = site.cloud.request("GET", "/api/v1/export?devices=m0001", &headers, Bytes::new()).await;
        assert_eq!(said.status, status, "{person}");
    }
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_too_many_devices_is_refused_before_it_begins() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let path = folder.path().join("store.db");
    Store::open(&path).unwrap().close().await;
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "INSERT INTO devices (name, last_contact, first_time, last_time)
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 25001)
             SELECT 'm' || n, 0, 1000000000000, 1000000000000 FROM n",
        )
        .unwrap();
    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    let (reason, detail) = cloud.get("/api/v1/export?format=ismn").await.problem(400);
    assert!(reason == "bad-query" && detail.contains("at most 25000 devices"), "{detail}");
    for query in ["format=csv", "format=ismn&devices=m1,m2", "format=ismn&from=2020-01-01T00:00:00Z"] {
        assert_eq!(cloud.get(&format!("/api/v1/export?{query}")).await.status, 200, "{query}");
    }
    cloud.stop().await;
}

/// Right after an import, or under load. `G` would call readings good that nobody has looked at.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_says_of_how_many_devices_the_readings_have_not_been_examined() {
    let cloud = with_samples().await;
    let number = |id: &str| format!("SELECT id FROM devices WHERE name = '{id}'");
    let unexamined = |query: &str| {
        let query = format!("/api/v1/export{query}");
        let cloud = &cloud;
        async move { cloud.get(&query).await.headers.get("fieldpost-unexamined").cloned() }
    };
    let deadline = Instant::now() + PATIENCE;
    while unexamined("").await.is_some() {
        assert!(Instant::now() < deadline, "they are not examined");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nobody rings the examiner's bell for this: it stays. Until it sleeps it may still see it, once.
    let store = rusqlite::Connection::open(cloud.store()).unwrap();
    let note = format!(
        "REPLACE INTO unexamined SELECT id, 1561939200000, 1561942800000, 1 FROM ({})",
        number("ithaca")
    );
    while unexamined("").await.is_none() {
        store.execute_batch(&note).unwrap();
        assert!(Instant::now() < deadline, "it is not told");
    }
    for (query, expected) in [
        ("?devices=ithaca", Some("1")),
        ("?devices=ithaca,dino_saur:1&format=ismn", Some("1")),
        ("?devices=dino_saur:1", None),
        ("?devices=ithaca&to=2019-07-01T00:00:00Z", None),
        ("?devices=ithaca&from=2019-07-01T01:00:00Z", Some("1")),
        ("?devices=ithaca&from=2019-07-01T01:00:01Z", None),
    ] {
        let found = unexamined(query).await;
        assert_eq!(found.as_ref().map(|count| count.to_str().unwrap()), expected, "{query}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_is_said_before_anything_is_sent() {
    let cloud = with_samples().await;
    for (query, status, reason, part) in [
        ("?format=xlsx", 400, "bad-query", "csv, parquet, ismn, senml"),
        ("?devices=", 400, "bad-query", "ids with commas"),
        ("?devices=a,b%20c", 400, "bad-query", "ids with commas"),
        ("?devices=ithaca,nobody", 404, "unknown-device", "nobody"),
        ("?from=yesterday", 400, "bad-query", "from"),
        ("?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400, "bad-query", "earlier"),
        ("?fields=all", 400, "bad-query", "unknown key"),
        ("?devices=../../etc/passwd", 400, "bad-query", "ids with commas"),
    ] {
        let (found, detail) = cloud.get(&format!("/api/v1/export{query}")).await.problem(status);
        assert_eq!(found, reason, "{query}");
        assert!(detail.contains(part), "{query}: {detail}");
    }
    let named: Vec<_> = (0..1_001).map(|n| format!("m{n}")).collect();
    let (_, detail) = cloud.get(&format!("/api/v1/export?devices={}", named.join(","))).await.problem(400);
    assert!(detail.contains("at most 1000"), "{detail}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spike_is_flagged_soon_after_it_came_and_its_value_stays() {
    let cloud = Cloud::start().await;
    let mut day: Vec<_> =
        readings(ITHACA).into_iter().filter(|one| one.values.moisture().is_some()).take(48).collect();
    let moisture = |one: &Reading| one.values.moisture().unwrap().hundredths();
    day[24].values =
        Values::new(day[24].values.temperature(), Moisture::from_hundredths(moisture(&day[24]) / 2)).unwrap();
    hand_in(&cloud, "m1", &day).await;
    let row = csv::row_with_flags(&"m1".parse().unwrap(), &day[24], Flags::D06);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = export(&cloud, "").await.text();
        if text.contains(&row) {
            assert_eq!(text.matches("D06").count(), 1, "{text}");
            break;
        }
        assert!(Instant::now() < deadline, "{row} is not in\n{text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let empty = cloud.request("GET", "/api/v1/export", &[], Bytes::new()).await;
    assert_eq!(empty.status, 200);
    cloud.stop().await;
}
