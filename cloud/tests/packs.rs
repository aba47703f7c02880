//! SenML over HTTP: what is taken, and everything that is not.

use crate::support;

use bytes::Bytes;
use fieldpost_cloud::{Limits, Settings};
use fieldpost_core::{DeviceId, Moisture, Reading, Survey, Temperature, Values, senml};
use std::{sync::Arc, time::Duration};
use support::{Cloud, hasty, hours_ago, sql};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CBOR: &str = "application/senml+cbor";
const JSON: &str = "application/senml+json";

fn survey(device: &str, readings: u64) -> Survey {
    let reading = |n: u64| Reading {
        time: hours_ago(readings).saturating_add(Duration::from_secs(n * 60)),
        values: Values::new(
            Temperature::from_hundredths(i64::try_from(n % 4000).unwrap()),
            Moisture::from_hundredths(i64::try_from(n % 10_000).unwrap()),
        )
        .unwrap(),
    };
    Survey { device: DeviceId::new(device).unwrap(), readings: (0..readings).map(reading).collect() }
}

fn pack(surveys: &[Survey]) -> Bytes {
    let records: Vec<Vec<u8>> = surveys.iter().map(|survey| senml::encode_records(survey, None)).collect();
    senml::pack(records.iter().map(Vec::as_slice)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_the_same_pack_three_times_is_held_once() {
    let cloud = Cloud::start().await;
    let body = pack(&[survey("m1", 600), survey("m2", 24)]);
    let first = cloud.post(CBOR, body.clone()).await;
    assert_eq!(first.text(), r#"{"new":624,"duplicate":0,"conflict":0}"#);
    assert_eq!(first.header("content-type"), "application/json");
    for _ in 0..2 {
        assert_eq!(cloud.post(CBOR, body.clone()).await.text(), r#"{"new":0,"duplicate":624,"conflict":0}"#);
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 624);
    assert_eq!(sql::<String>(&cloud.store(), "SELECT group_concat(copies) FROM surveys"), "3,3");
    let health = cloud.get_json("/healthz").await;
    assert_eq!((health["status"].as_str(), health["readings"].as_u64()), (Some("ok"), Some(624)));
    let (_, printed) = cloud.stop().await;
    assert_eq!(printed.lines().filter(|line| line.starts_with('m')).count(), 624, "each is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_pack_that_overlaps_what_is_held_adds_the_rest() {
    let cloud = Cloud::start().await;
    let mut some = survey("m1", 1000);
    let all = some.clone();
    some.readings.retain(|reading| reading.time.as_millis() / 60_000 % 7 == 0);
    let held = some.readings.len();
    assert!(held > 100);
    cloud.post(CBOR, pack(&[some])).await;
    let said = cloud.post(CBOR, pack(&[survey("m0", 30), all, survey("m2", 30)])).await.json();
    assert_eq!(
        (said["new"].as_u64(), said["duplicate"].as_u64()),
        (Some(1060 - held as u64), Some(held as u64))
    );
    let new: i64 =
        sql(&cloud.store(), "SELECT new FROM surveys_plain WHERE device = 'm1' AND readings = 1000");
    assert_eq!(new, 1000 - i64::try_from(held).unwrap(), "each survey is credited with its own");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT readings FROM devices WHERE name = 'm1'"), 1000);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_the_first_value_stays_and_conflicts_are_seen() {
    let cloud = Cloud::start().await;
    let time = hours_ago(3).as_millis() / 1000;
    let post = async |value: &str| {
        let pack = format!(r#"[{{"bn":"m1/","bt":{time},"n":"temperature","u":"Cel","v":{value}}}]"#);
        cloud.post_json(&pack).await.text()
    };
    assert_eq!(post("20.5").await, r#"{"new":1,"duplicate":0,"conflict":0}"#);
    assert_eq!(post("21").await, r#"{"new":0,"duplicate":0,"conflict":1}"#);
    assert_eq!(post("21").await, r#"{"new":0,"duplicate":0,"conflict":1}"#);
    assert_eq!(post("20.5").await, r#"{"new":0,"duplicate":1,"conflict":0}"#);
    let device = cloud.get_json("/api/v1/devices/m1").await;
    assert_eq!((&device["readings"], &device["conflicts"]), (&1.into(), &1.into()));
    assert_eq!(device["last_values"]["temperature_c"].to_string(), "20.5");
    let conflicts = cloud.get_json("/api/v1/devices/m1/conflicts").await;
    let conflict = &conflicts["conflicts"][0];
    assert_eq!(conflict["held"]["temperature_c"].to_string(), "20.5");
    assert_eq!(conflict["offered"]["temperature_c"].to_string(), "21");
    assert_eq!((conflict["count"].as_i64(), &conflict["gateway"]), (Some(2), &"http:127.0.0.1".into()));
    for value in 22..40 {
        post(&value.to_string()).await;
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM conflicts_plain"), 8, "bounded");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_missing_value_is_filled_in_by_a_later_copy() {
    let cloud = Cloud::start().await;
    let time = hours_ago(3).as_millis() / 1000;
    let temperature = format!(r#"[{{"n":"m1/temperature","u":"Cel","t":{time},"v":-7.25}}]"#);
    let moisture = format!(r#"[{{"n":"m1/moisture","u":"/","t":{time},"v":0.285}}]"#);
    for pack in [&temperature, &moisture] {
        assert_eq!(cloud.post_json(pack).await.text(), r#"{"new":1,"duplicate":0,"conflict":0}"#);
    }
    let page = cloud.get_json("/api/v1/devices/m1/readings").await;
    let readings = page["readings"].as_array().unwrap();
    assert_eq!(readings.len(), 1);
    assert_eq!(readings[0]["temperature_c"].to_string(), "-7.25");
    assert_eq!(readings[0]["moisture_pct"].to_string(), "28.5");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT readings FROM devices"), 1);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_one_bad_record_of_a_thousand_refuses_the_pack_whole_and_is_named() {
    let cloud = Cloud::start().await;
    let base = hours_ago(1000).as_millis() / 1000;
    let records: Vec<String> = (0..1000)
        .map(|n| {
            let value = if n == 499 { "1e9" } else { "20" };
            format!(r#"{{"n":"m1/temperature","u":"Cel","t":{},"v":{value}}}"#, base + n)
        })
        .collect();
    let said = cloud.post_json(&format!("[{}]", records.join(","))).await;
    let (reason, detail) = said.problem(422);
    assert_eq!(reason, "bad-temperature");
    assert!(detail.contains("record 500"), "{detail}");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 0);
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count FROM refusals WHERE reason = 'bad-temperature'"), 1);
    assert_eq!(sql::<String>(&cloud.store(), "SELECT format FROM quarantine"), "senml+json");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_senml_is_a_bad_request_and_what_we_do_not_take_is_unprocessable() {
    let cloud = Cloud::start().await;
    let whole = pack(&[survey("m1", 5)]);
    let cut = whole.slice(..whole.len() - 3);
    let time = hours_ago(3).as_millis() / 1000;
    for (content_type, body, status) in [
        (CBOR, cut, 400),
        (CBOR, Bytes::from_static(b"\xff\xff"), 400),
        (CBOR, Bytes::new(), 400),
        (JSON, Bytes::from_static(b"{\"not\":\"a pack\"}"), 400),
        (JSON, Bytes::from_static(b"[{"), 400),
        (JSON, format!(r#"[{{"n":"m1/temperature","u":"K","t":{time},"v":290}}]"#).into(), 422),
        (JSON, format!(r#"[{{"n":"m1/wind","u":"m/s","t":{time},"v":2}}]"#).into(), 422),
        (JSON, format!(r#"[{{"n":"m1/moisture","u":"/","t":{time},"v":1.01}}]"#).into(), 422),
        (JSON, r#"[{"n":"m1/temperature","u":"Cel","t":4102444800,"v":2}]"#.into(), 422),
        (JSON, r#"[{"n":"m1/temperature","u":"Cel","t":946684799,"v":2}]"#.into(), 422),
    ] {
        let said = cloud.post(content_type, body.clone()).await;
        let (reason, detail) = said.problem(status);
        let counted = format!("SELECT count FROM refusals WHERE reason = '{reason}'");
        assert!(sql::<i64>(&cloud.store(), &counted) >= 1, "{detail}");
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM quarantine"), 10);
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 0);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_content_type_is_refused_by_name() {
    let cloud = Cloud::start().await;
    for content_type in ["text/plain", "application/json", "application/x-www-form-urlencoded", ""] {
        let (reason, detail) = cloud.post(content_type, "[]".into()).await.problem(415);
        assert_eq!(reason, "unsupported-media-type");
        assert!(detail.contains("application/senml+cbor"), "{detail}");
    }
    let said = cloud.post("Application/SenML+JSON; charset=utf-8", "[]".into()).await;
    assert_eq!(said.text(), r#"{"new":0,"duplicate":0,"conflict":0}"#);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_are_refused_with_an_answer_also_without_a_length() {
    let cloud = Cloud::start().await;
    let body = Bytes::from(vec![b' '; 100 * 1024 * 1024]);
    let (reason, detail) = cloud.post(JSON, body).await.problem(413);
    assert_eq!(reason, "too-long");
    assert!(detail.contains("16777216"), "{detail}");

    let mut stream = TcpStream::connect(cloud.http).await.unwrap();
    let head = format!(
        "POST /api/v1/surveys HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut chunk = b"100000\r\n".to_vec();
    chunk.extend(std::iter::repeat_n(b' ', 0x10_0000));
    chunk.extend(b"\r\n");
    for _ in 0..100 {
        stream.write_all(&chunk).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count FROM refusals WHERE reason = 'too-long'"), 2);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_and_a_head_that_never_ends_are_given_up() {
    let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), hasty).await;
    let mut stream = TcpStream::connect(cloud.http).await.unwrap();
    let head = format!(
        "POST /api/v1/surveys HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\ncontent-length: 9\r\n\r\n["
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let said = support::answer(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("too-slow"), "{said}");

    let mut stream = TcpStream::connect(cloud.http).await.unwrap();
    stream.write_all(b"GET /healthz HTT").await.unwrap();
    let said = support::answer(&mut stream).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_of_too_many_records_is_too_large_however_few_its_bytes() {
    let cloud = Cloud::start().await;
    // [{-2: "m1/", -3: 1e9, -1: "Cel", 0: "temperature", 2: 20}, {2: 20, 6: n}, ...]
    let first = b"\xa5\x21\x63m1/\x22\x1a\x3b\x9a\xca\x00\x23\x63Cel\x00\x6btemperature\x02\x14";
    let pack = |records: usize| {
        let rest = std::iter::repeat_n(&[0xa0][..], records - 1);
        Bytes::from(senml::pack(std::iter::once(&first[..]).chain(rest)))
    };
    let said = cloud.post(CBOR, pack(senml::MAX_RECORDS + 1)).await;
    let (reason, detail) = said.problem(413);
    assert!(reason == "too-long" && detail.contains("200000"), "{detail}");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count FROM refusals WHERE reason = 'too-long'"), 1);
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 0);
    let said = cloud.post(CBOR, pack(senml::MAX_RECORDS)).await;
    assert_eq!(said.text(), r#"{"new":1,"duplicate":0,"conflict":0}"#);
    cloud.stop().await;
}

/// The store is stuck, and senders give up and come again: what they sent before is still in memory, and counts.
#[tokio::test(flavor = "multi_thread")]
async fn p6_what_waits_for_a_stuck_store_is_within_the_budget_though_its_sender_gave_up() {
    let tight = |_: &mut Settings, limits: &mut Limits| {
        limits.commit_deadline = Duration::from_millis(100);
        limits.bytes_in_flight = 64 * 1024;
    };
    let pad = " ".repeat(Limits::FREE_BYTES);
    let pack = format!(r#"[{{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20}}]{pad}"#);
    let text = format!("m2 2025-07-01 08:00Z - 20 - 30%\n{}", "\n".repeat(Limits::FREE_BYTES));
    for over_http in [true, false] {
        let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), tight).await;
        cloud.get_json("/healthz").await;
        let stuck = rusqlite::Connection::open(cloud.store()).unwrap();
        stuck.execute_batch("BEGIN IMMEDIATE").unwrap();
        if over_http {
            assert_eq!(cloud.post_json(&pack).await.problem(503).1, "the store is busy; send the same again");
        } else {
            assert_eq!(cloud.upload(&text).await, "An error is occurred");
        }
        let no_room = "too many uploads at once; send the same again";
        assert_eq!(cloud.post_json(&pack).await.problem(503).1, no_room);
        let said = cloud.upload(&text).await;
        assert_eq!(said, "Surveys refused: the cloud has too many uploads at once; try again later");
        stuck.execute_batch("ROLLBACK").unwrap();
        let deadline = std::time::Instant::now() + support::PATIENCE;
        while sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings") == 0 {
            assert!(std::time::Instant::now() < deadline, "it was not stored in the end");
            tokio::task::yield_now().await;
        }
        cloud.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_on_its_way_is_no_refusal() {
    let cloud = Cloud::start().await;
    let pack = r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20}]"#;
    let head = format!("POST /api/v1/surveys HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n");
    let with_length = format!("{head}content-length: {}\r\n\r\n{}", pack.len(), &pack[..pack.len() - 1]);
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{pack}\r\n", pack.len());
    for request in [with_length, chunked] {
        let mut stream = TcpStream::connect(cloud.http).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let said = support::answer(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 408") && said.contains("\"broken-off\""), "{said}");
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 0);
    assert_eq!(cloud.post_json(pack).await.text(), r#"{"new":1,"duplicate":0,"conflict":0}"#, "sent again");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_times_may_be_absolute_or_relative_and_a_resent_relative_pack_keeps_its_dates() {
    let cloud = Cloud::start().await;
    let relative =
        r#"[{"bn":"m1/","bu":"Cel","n":"temperature","t":-60,"v":20},{"n":"temperature","t":-120,"v":21}]"#;
    assert_eq!(cloud.post_json(relative).await.text(), r#"{"new":2,"duplicate":0,"conflict":0}"#);
    // The clock must have moved for the copy to be dated differently: to the next millisecond.
    let first = jiff::Timestamp::now();
    while jiff::Timestamp::now().as_millisecond() <= first.as_millisecond() {
        tokio::task::yield_now().await;
    }
    assert_eq!(cloud.post_json(relative).await.text(), r#"{"new":0,"duplicate":2,"conflict":0}"#);
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT copies FROM surveys"), 2);
    let now = jiff::Timestamp::now().as_millisecond();
    let newest: i64 = sql(&cloud.store(), "SELECT max(time) FROM readings");
    assert!((60_000..120_000).contains(&(now - newest)), "{}", now - newest);

    let absolute = r#"[{"bn":"m2/","bt":1751356800,"n":"temperature","u":"Cel","v":20}]"#;
    cloud.post_json(absolute).await;
    let time: String = sql(&cloud.store(), "SELECT time FROM readings_plain WHERE device = 'm2'");
    assert_eq!(time, "2025-07-01T08:00:00Z");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_names_itself_and_its_sites_zone() {
    let cloud = Cloud::start().await;
    let headers =
        |zone| [("content-type", JSON), ("fieldpost-gateway", "north"), ("fieldpost-time-zone", zone)];
    let pack = Bytes::from_static(br#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20.50}]"#);
    let said = cloud.request("POST", "/api/v1/surveys", &headers("Asia/Kolkata"), pack.clone()).await;
    assert_eq!(said.text(), r#"{"new":1,"duplicate":0,"conflict":0}"#);
    assert_eq!(cloud.prints("m1").await, "== 2025-07-01 ==\nm1 - 13:30 - 20.5 - -%\n");
    let gateways = cloud.get_json("/api/v1/gateways").await;
    assert_eq!(gateways["gateways"][0]["name"], "north");
    assert_eq!(gateways["gateways"][0]["time_zone"], "Asia/Kolkata");
    let (reason, detail) =
        cloud.request("POST", "/api/v1/surveys", &headers("Mars/Olympus"), pack).await.problem(400);
    assert_eq!(reason, "bad-header");
    assert!(detail.contains("Europe/Rome"), "{detail}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_says_when_its_gateway_got_it_and_an_empty_day_is_noted() {
    let cloud = Cloud::start().await;
    let received = hours_ago(24);
    let empty = Survey { device: DeviceId::new("m1").unwrap(), readings: Vec::new() };
    let records = senml::encode_records(&empty, Some(received));
    let body: Bytes = senml::pack([records.as_slice()]).into();
    assert_eq!(cloud.post(CBOR, body).await.text(), r#"{"new":0,"duplicate":0,"conflict":0}"#);
    let at: String = sql(&cloud.store(), "SELECT received_at_gateway FROM surveys_plain WHERE readings = 0");
    assert_eq!(at, received.to_string());
    let device = cloud.get_json("/api/v1/devices/m1").await;
    assert_eq!((&device["readings"], &device["last_time"]), (&0.into(), &serde_json::Value::Null));
    cloud.stop().await;
}

/// The store breaks under a running cloud: its table is moved away, and back.
#[tokio::test(flavor = "multi_thread")]
async fn p10_a_store_that_cannot_be_written_is_admitted_to_and_recovers_by_itself() {
    let cloud = Cloud::start().await;
    let pack = r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20}]"#;
    let text = "m2 08:00 - 20 - 30%\n";
    let move_table = |from: &str, to: &str| {
        let connection = rusqlite::Connection::open(cloud.store()).unwrap();
        connection.pragma_update(None, "legacy_alter_table", true).unwrap();
        connection.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
    };
    cloud.get_json("/healthz").await;
    move_table("surveys", "elsewhere");
    let said = cloud.post_json(pack).await;
    assert_eq!(said.problem(503).0, "store-failing");
    assert_eq!(said.header("retry-after"), "5");
    assert_eq!(cloud.upload(text).await, "An error is occurred");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 0, "nothing of it is stored");
    move_table("elsewhere", "surveys");
    assert_eq!(cloud.get_json("/healthz").await["status"], "ok", "before anybody sends again");
    assert_eq!(cloud.post_json(pack).await.text(), r#"{"new":1,"duplicate":0,"conflict":0}"#);
    assert_eq!(cloud.upload(text).await, "Surveys received");
    let metrics = cloud.get("/metrics").await.text();
    assert!(metrics.contains("fieldpost_uploads_failed_total 2\n"), "{metrics}");
    cloud.stop().await;
}
