//! What the API answers.

use crate::support;

use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use support::{Cloud, Response, sql};

/// A cloud with a day of two devices: hourly from 2025-07-01T00:00:00Z.
async fn with_a_day() -> Cloud {
    let cloud = Cloud::start().await;
    for (device, shift) in [("ithaca", 0), ("192.168.1.2", 1)] {
        let records: Vec<String> = (0..24)
            .map(|hour| {
                let (t, v) = (1_751_328_000 + hour * 3600, 2000 + shift + 5 * hour);
                let moisture = format!(r#","n":"moisture","u":"/","t":{t},"v":0.3{hour:02}}}"#);
                let moisture = if hour == 1 { String::new() } else { format!(r#",{{{}"#, &moisture[1..]) };
                format!(r#"{{"bn":"{device}/","n":"temperature","u":"Cel","t":{t},"v":{v}e-2}}{moisture}"#)
            })
            .collect();
        let said = cloud.post_json(&format!("[{}]", records.join(","))).await;
        assert_eq!(said.text(), r#"{"new":24,"duplicate":0,"conflict":0}"#);
    }
    cloud
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_page_by_page() {
    let cloud = with_a_day().await;
    let first = cloud.get("/api/v1/devices?limit=1").await;
    let page = first.json();
    assert_eq!(page["devices"][0]["id"], "192.168.1.2");
    let next = page["next"].as_str().unwrap();
    assert_eq!(first.header("link"), format!("<{next}>; rel=\"next\""));
    let page = cloud.get_json(next).await;
    let device = &page["devices"][0];
    assert_eq!(device["id"], "ithaca");
    assert_eq!((&device["readings"], &device["conflicts"]), (&24.into(), &0.into()));
    assert_eq!(device["first_time"], "2025-07-01T00:00:00Z");
    assert_eq!(device["last_time"], "2025-07-01T23:00:00Z");
    let text = cloud.get(next).await.text();
    assert!(text.contains(r#""last_values":{"temperature_c":21.15,"moisture_pct":32.3}"#), "{text}");
    assert!(page["next"].is_null());
    let one = cloud.get_json("/api/v1/devices/ithaca").await;
    for (key, value) in device.as_object().unwrap() {
        assert_eq!(&one[key], value, "{key}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_come_as_json_with_exact_numbers() {
    let cloud = with_a_day().await;
    let path = "/api/v1/devices/ithaca/readings?from=2025-07-01T00:00:00Z&to=2025-07-01T03:00:00Z";
    let said = cloud.get(path).await;
    assert_eq!(said.header("content-type"), "application/json");
    assert_eq!(
        said.text(),
        r#"{"device":"ithaca","readings":[{"time":"2025-07-01T00:00:00Z","temperature_c":20,"moisture_pct":30},{"time":"2025-07-01T01:00:00Z","temperature_c":20.05,"moisture_pct":null},{"time":"2025-07-01T02:00:00Z","temperature_c":20.1,"moisture_pct":30.2}],"next":null}"#,
        "from is inclusive, to is not"
    );
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_come_as_csv_as_contracted() {
    let cloud = with_a_day().await;
    let path = "/api/v1/devices/ithaca/readings?to=2025-07-01T05:00:00%2B03:00";
    let said = cloud.request("GET", path, &[("accept", "text/csv")], Bytes::new()).await;
    assert_eq!(said.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        said.text(),
        "device,time,temperature_c,moisture_pct\n\
         ithaca,2025-07-01T00:00:00Z,20,30\n\
         ithaca,2025-07-01T01:00:00Z,20.05,\n"
    );
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_readings_join_without_a_gap_in_both_forms() {
    let cloud = with_a_day().await;
    for accept in ["application/json", "text/csv"] {
        let mut path = "/api/v1/devices/ithaca/readings?limit=7&to=2025-07-01T20:00:00Z".to_owned();
        let mut hours = Vec::new();
        loop {
            let page: Response = cloud.request("GET", &path, &[("accept", accept)], Bytes::new()).await;
            let text = page.text();
            let times = text.match_indices("2025-07-01T").filter(|(at, _)| !text[..*at].ends_with("from="));
            let times = times
                .filter(|(at, _)| !text[..*at].ends_with("to="))
                .map(|(at, _)| text[at + 11..at + 13].to_owned());
            hours.extend(times);
            let Some(next) = page.header("link").strip_prefix('<').and_then(|link| link.split('>').next())
            else {
                break;
            };
            path = next.to_owned();
        }
        let expected: Vec<String> = (0..20).map(|hour| format!("{hour:02}")).collect();
        assert_eq!(hours, expected, "{accept}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_page_is_sent_in_pieces_and_is_whole() {
    let cloud = Cloud::start().await;
    let record = |n: i64| format!(r#"{{"n":"m1/temperature","u":"Cel","t":{},"v":1.25}}"#, 1_000_000_000 + n);
    let records: Vec<String> = (0..30_001).map(record).collect();
    assert_eq!(cloud.post_json(&format!("[{}]", records.join(","))).await.status, 200);
    let page = cloud.get_json("/api/v1/devices/m1/readings?limit=30000").await;
    let readings = page["readings"].as_array().unwrap();
    assert_eq!(readings.len(), 30_000);
    let times: Vec<&str> = readings.iter().map(|reading| reading["time"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    let rest = cloud.get_json(page["next"].as_str().unwrap()).await;
    assert_eq!(rest["readings"].as_array().unwrap().len(), 1);
    assert_eq!(
        cloud.get_json("/api/v1/devices/m1/readings").await["readings"].as_array().unwrap().len(),
        10_000
    );
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_are_told_how_to_be_right() {
    let cloud = with_a_day().await;
    for (path, status, reason, hint) in [
        ("/api/v1/devices?first=1", 400, "bad-query", "limit, after"),
        ("/api/v1/devices?limit=0", 400, "bad-query", "from 1 to 1000"),
        ("/api/v1/devices?limit=1&limit=2", 400, "bad-query", "twice"),
        ("/api/v1/devices/ithaca?from=1", 400, "bad-query", "none"),
        ("/api/v1/devices/ithaca/readings?from=yesterday", 400, "bad-query", "2025-07-01T08:00:00Z"),
        ("/api/v1/devices/ithaca/readings?to=2025-07-01T05:00:00+02:00", 400, "bad-query", "%2B"),
        ("/api/v1/devices/ithaca/readings?limit=100001", 400, "bad-query", "100000"),
        ("/api/v1/devices/ithaca/readings?limit=-1", 400, "bad-query", "100000"),
        ("/api/v1/devices/nobody", 404, "unknown-device", "/api/v1/devices"),
        ("/api/v1/devices/nobody/readings", 404, "unknown-device", "/api/v1/devices"),
        ("/api/v1/devices/%00", 404, "unknown-device", "/api/v1/devices"),
        ("/api/v1/devices/%ff/readings", 404, "unknown-device", "/api/v1/devices"),
        ("/api/v1/devices/nobody/conflicts", 404, "unknown-device", "/api/v1/devices"),
        ("/api/v2/devices", 404, "not-found", "/api/v2/devices"),
        ("/api/v1/surveys", 405, "method-not-allowed", "GET"),
    ] {
        let (said, detail) = cloud.get(path).await.problem(status);
        assert_eq!(said, reason, "{path}");
        assert!(detail.contains(hint), "{path}: {detail}");
    }
    let said = cloud.request("DELETE", "/api/v1/devices", &[], Bytes::new()).await;
    said.problem(405);
    assert!(said.header("allow").contains("GET"), "{:?}", said.headers);
    let path = "/api/v1/devices/ithaca/readings";
    cloud.request("GET", path, &[("accept", "image/png")], Bytes::new()).await.problem(406);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_while_much_is_written() {
    let cloud = Arc::new(with_a_day().await);
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (cloud, done) = (cloud.clone(), done.clone());
        tokio::spawn(async move {
            let mut base = 1_000_000_000_i64;
            while !done.load(Ordering::Relaxed) {
                let record = |n: i64| format!(r#"{{"n":"m1/temperature","u":"Cel","t":{},"v":1}}"#, base + n);
                let records: Vec<String> = (0..5_000).map(record).collect();
                assert_eq!(cloud.post_json(&format!("[{}]", records.join(","))).await.status, 200);
                base += 5_000;
            }
        })
    };
    for _ in 0..50 {
        let page = cloud.get_json("/api/v1/devices/ithaca/readings").await;
        assert_eq!(page["readings"].as_array().unwrap().len(), 24);
        let written = cloud.get_json("/api/v1/devices/ithaca").await;
        assert_eq!(written["readings"], 24);
    }
    done.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    assert!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings") > 48);
    Arc::into_inner(cloud).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_say_what_happened() {
    let cloud = with_a_day().await;
    cloud.post_json("[").await.problem(400);
    let deadline = std::time::Instant::now() + support::PATIENCE;
    let text = loop {
        let metrics = cloud.get("/metrics").await;
        assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
        let text = metrics.text();
        // The connection before this one has ended for us; the cloud may hear of it a moment later.
        if text.contains("fieldpost_connections_open{listener=\"http\"} 1\n")
            || std::time::Instant::now() > deadline
        {
            break text;
        }
    };
    for line in [
        "fieldpost_readings_total{result=\"new\"} 48",
        "fieldpost_readings_total{result=\"conflict\"} 0",
        "fieldpost_readings_held 48",
        "fieldpost_uploads_accepted_total 2",
        "fieldpost_connections_open{listener=\"http\"} 1",
        "# TYPE fieldpost_connections_open gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("fieldpost_uploads_refused_total{reason="), "{text}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_come_newest_first_and_only_of_readings_before_to() {
    let cloud = with_a_day().await;
    for hour in 0..3 {
        let (t, v) = (1_751_328_000 + hour * 3600, 9);
        let record = format!(r#"[{{"bn":"ithaca/","n":"temperature","u":"Cel","t":{t},"v":{v}}}]"#);
        assert_eq!(cloud.post_json(&record).await.text(), r#"{"new":0,"duplicate":0,"conflict":1}"#);
    }
    let times = async |query: &str| {
        let page = cloud.get_json(&format!("/api/v1/devices/ithaca/conflicts{query}")).await;
        let rows = page["conflicts"].as_array().unwrap().clone();
        rows.iter().map(|row| row["time"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (first, second, third) = ("2025-07-01T00:00:00Z", "2025-07-01T01:00:00Z", "2025-07-01T02:00:00Z");
    assert_eq!(times("").await, [third, second, first]);
    assert_eq!(times("?to=2025-07-01T02:00:00Z").await, [second, first]);
    assert_eq!(times("?to=2025-07-01T02:00:00Z&limit=1").await, [second]);
    assert_eq!(times("?to=2025-07-01T00:00:00Z").await, Vec::<String>::new());
    assert_eq!(cloud.get("/api/v1/devices/ithaca/conflicts?to=soon").await.status, 400);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_name_when_each_device_and_gateway_was_last_heard_and_a_name_breaks_no_line() {
    let cloud = with_a_day().await;
    let name = r#"no"rth\field"#;
    let headers = [("content-type", "application/senml+json"), ("fieldpost-gateway", name)];
    let pack = r#"[{"n":"m1/temperature","u":"Cel","t":1751328000,"v":9}]"#;
    assert_eq!(cloud.request("POST", "/api/v1/surveys", &headers, pack.into()).await.status, 200);
    let text = cloud.get("/metrics").await.text();
    let value = |start: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        line.unwrap_or_else(|| panic!("{start} is not in\n{text}")).parse().unwrap()
    };
    assert_eq!(value(r#"fieldpost_device_last_reading_timestamp_seconds{device="m1"} "#), 1_751_328_000);
    let survey = value(r#"fieldpost_device_last_survey_timestamp_seconds{device="m1"} "#);
    let contact = value(r#"fieldpost_gateway_last_contact_timestamp_seconds{gateway="no\"rth\\field"} "#);
    assert!(survey > 1_700_000_000 && contact >= survey, "{survey} {contact}");
    cloud.stop().await;
}
