//! The way to the cloud: both uplinks against small real ones, and what happens when they fail.

use crate::common;

use common::{
    cloud::{Cloud, Seen},
    *,
};
use fieldpost_gateway::{Settings, Token, UplinkWhen};
use jiff::tz::TimeZone;
use std::time::Duration;
use tempfile::tempdir;

/// A survey with a date, so that what arrives does not depend on when the test runs.
fn survey(device: &str, hours: std::ops::Range<u32>) -> String {
    hours.map(|hour| format!("{device} 2026-07-01 {hour:02}:00Z - 20.5 - 30%\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn surveys_reach_the_cloud_over_http_once_and_in_order() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen::default()).await);
    let zone = TimeZone::get("Europe/Rome").unwrap();
    let gateway = Gateway::start(Settings { time_zone: zone, ..settings(data.path(), cloud.http_target()) });
    let device = Device::new(gateway.address).await;
    let mut expected = Vec::new();
    for number in 0..50 {
        assert_eq!(device.exchange(survey(&format!("d{number}"), 8..10)).await, ARRIVED);
        expected.extend([8, 9].map(|hour| format!("d{number} 2026-07-01T{hour:02}:00:00Z 20.5 - 30%")));
    }
    let status = gateway.until("all held", |status| status.waiting_surveys == 0).await;
    assert_eq!(status.surveys, 50, "kept for a while");
    assert_eq!(status.uplink.unwrap().error, None);
    assert_eq!(cloud.readings(), expected);
    let headers = cloud.seen.lock().unwrap().headers.clone();
    assert_eq!(headers["content-type"], "application/senml+cbor");
    assert_eq!(headers["fieldpost-gateway"], "test gateway");
    assert_eq!(headers["fieldpost-time-zone"], "Europe/Rome");
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_the_cloud_answers_the_surveys_are_offered_again() {
    for (status, text) in
        [(503, "busy"), (404, "no such page"), (200, "<h1>It works!</h1>"), (400, "proxy error")]
    {
        let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen::default()).await);
        cloud.seen.lock().unwrap().trouble.push((status, text));
        let gateway = Gateway::start(settings(data.path(), cloud.http_target()));
        assert_eq!(exchange(gateway.address, survey("a", 8..10)).await, ARRIVED);
        let failing = |status: &fieldpost_gateway::Status| {
            status.uplink.as_ref().is_some_and(|uplink| uplink.error.is_some())
        };
        let told = gateway.until("told", failing).await;
        assert!(told.uplink.unwrap().error.unwrap().contains(&status.to_string()));
        assert_eq!((told.waiting_surveys, told.refused_by_cloud), (1, 0));
        gateway.until("held", |status| status.waiting_surveys == 0).await;
        assert_eq!(cloud.readings().len(), 2, "after {status}");
        gateway.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_its_token_is_told_so_and_its_surveys_wait_for_it() {
    let denied = br#"{"type":"urn:fieldpost:problem:unauthenticated","detail":"send a token"}"#;
    let denied = std::str::from_utf8(denied).unwrap();
    let seen = Seen { trouble: vec![(401, denied); 1_000], ..Seen::default() };
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(seen).await);
    let gateway = Gateway::start(settings(data.path(), cloud.http_target()));
    assert_eq!(exchange(gateway.address, survey("a", 8..10)).await, ARRIVED);
    let failing = |status: &fieldpost_gateway::Status| {
        status.uplink.as_ref().is_some_and(|uplink| uplink.error.is_some())
    };
    let told = gateway.until("told", failing).await;
    let why = told.uplink.unwrap().error.unwrap();
    assert!(why.contains("401") && why.contains("--token-file"), "{why}");
    assert_eq!((told.waiting_surveys, told.refused_by_cloud), (1, 0));
    assert!(!cloud.seen.lock().unwrap().headers.contains_key("authorization"));
    gateway.stop().await.unwrap();

    cloud.seen.lock().unwrap().trouble.clear();
    let token = Some(Token::new("fp_0123456789").unwrap());
    let gateway = Gateway::start(Settings { token, ..settings(data.path(), cloud.http_target()) });
    gateway.until("held", |status| status.waiting_surveys == 0).await;
    assert_eq!(cloud.seen.lock().unwrap().headers["authorization"], "Bearer fp_0123456789");
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_that_the_cloud_refuses_for_good_does_not_block_those_behind_it() {
    for reference in [false, true] {
        let seen = Seen { refuse: ["d13".to_owned(), "d29".to_owned()].into(), ..Seen::default() };
        let data = tempdir().unwrap();
        let gateway = Gateway::start(settings(data.path(), nobody()));
        let device = Device::new(gateway.address).await;
        for number in 0..30 {
            assert_eq!(device.exchange(survey(&format!("d{number}"), 8..9)).await, ARRIVED);
        }
        gateway.stop().await.unwrap();
        let cloud = if reference { Cloud::reference(seen).await } else { Cloud::http(seen).await };
        let target = if reference { cloud.tcp_target() } else { cloud.http_target() };
        let gateway = Gateway::start(settings(data.path(), target));
        let status = gateway.until("drained", |status| status.waiting_surveys == 0).await;
        assert_eq!(status.refused_by_cloud, 2);
        assert_eq!(cloud.readings().len(), 28);
        assert!(!cloud.readings().iter().any(|line| line.starts_with("d13 ") || line.starts_with("d29 ")));
        gateway.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_cloud_gets_whole_lines_of_at_most_4096_bytes_a_connection() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::reference(Seen::default()).await);
    let gateway = Gateway::start(settings(data.path(), nobody()));
    let device = Device::new(gateway.address).await;
    // Compact lines on the way in, blank lines between them on the way out: no longer one upload.
    let long: String =
        (0..90).map(|n| format!("far 2026-06-{:02} {:02}:00Z - 1.25 - 2%\n", n / 24 + 1, n % 24)).collect();
    assert!(long.len() < 4096);
    for message in
        [long.clone(), long.replace("far", "near").replace("2026-06", "2026-05"), survey("a", 0..3)]
    {
        assert_eq!(device.exchange(message).await, ARRIVED);
    }
    gateway.stop().await.unwrap();
    let gateway = Gateway::start(settings(data.path(), cloud.tcp_target()));
    gateway.until("drained", |status| status.waiting_surveys == 0).await;
    let uploads = cloud.seen.lock().unwrap().uploads.clone();
    assert!(uploads.len() >= 2 && uploads.iter().all(|length| *length <= 4096), "{uploads:?}");
    let readings = cloud.readings();
    assert_eq!(readings.len(), 183);
    assert_eq!(readings[0], "far 2026-06-01 00:00Z - 1.25 - 2%");
    assert_eq!(readings[182], "a 2026-07-01 02:00Z - 20.5 - 30%");
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_day_of_four_devices_is_one_upload_when_the_round_closes() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::reference(Seen::default()).await);
    let roster = ["192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5"];
    let settings = Settings {
        expect: ids(&roster),
        uplink_when: UplinkWhen::Round,
        once: true,
        ..settings(data.path(), cloud.tcp_target())
    };
    let gateway = Gateway::start(settings);
    let hour = |back: i64| {
        let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(back);
        then.strftime("%H:00").to_string()
    };
    let day = |id: &str| format!("{id} {} - 20 - 30%\n\n{id} {} - 25 - 33%\n", hour(12), hour(6));
    for id in &roster[..3] {
        assert_eq!(exchange(gateway.address, day(id)).await, ARRIVED);
    }
    let open = gateway.status().round.unwrap();
    assert_eq!((open.reported, open.silent), (3, vec![roster[3].to_owned()]));
    assert_eq!(cloud.readings(), Vec::<String>::new(), "nothing goes before the round closes");
    assert_eq!(exchange(gateway.address, day(roster[3])).await, ARRIVED);
    gateway.ended().await.unwrap();
    let expected: Vec<String> = roster
        .iter()
        .flat_map(|id| [format!("{id} {} - 20 - 30%", hour(12)), format!("{id} {} - 25 - 33%", hour(6))])
        .collect();
    assert_eq!(cloud.readings(), expected);
    assert_eq!(cloud.seen.lock().unwrap().uploads.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_not_acknowledged_ends_a_single_round_with_an_error_and_loses_nothing() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(Settings { once: true, ..settings(data.path(), nobody()) });
    assert_eq!(exchange(gateway.address, survey("a", 8..10)).await, ARRIVED);
    let error = gateway.ended().await.unwrap_err().to_string();
    assert!(error.starts_with("Connection failed, try again."), "{error}");
    let status = fieldpost_gateway::status(data.path(), now()).unwrap();
    assert_eq!((status.waiting_surveys, status.running), (1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_closes_at_its_deadline_and_status_names_the_silent_also_after_a_crash() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen::default()).await);
    let round = |deadline| Settings {
        expect: ids(&["a", "b", "127.0.0.1"]),
        round_deadline: deadline,
        uplink_when: UplinkWhen::Round,
        ..settings(data.path(), cloud.http_target())
    };
    let gateway = Gateway::start(round(Duration::from_secs(3600)));
    assert_eq!(exchange(gateway.address, survey("a", 8..9)).await, ARRIVED);
    // An empty day, from an address that is on the roster.
    assert_eq!(exchange(gateway.address, "").await, ARRIVED);
    let open = gateway.status().round.unwrap();
    assert_eq!((open.reported, open.silent), (2, vec!["b".to_owned()]));
    gateway.stop().await.unwrap();

    let gateway = Gateway::start(round(Duration::from_millis(1)));
    let status = gateway.until("closed", |status| status.last_round.is_some()).await;
    let closed = status.last_round.unwrap();
    assert_eq!((closed.reported, closed.expected, closed.silent), (2, 3, vec!["b".to_owned()]));
    let text = gateway.until("passed on", |status| status.waiting_surveys == 0).await.to_string();
    assert!(text.contains("silent    b\n"), "{text}");
    assert_eq!(cloud.readings(), ["a 2026-07-01T08:00:00Z 20.5 - 30%"]);
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn once_is_no_success_if_the_cloud_refuses_a_survey() {
    let seen = Seen { refuse: ["b".to_owned()].into(), ..Seen::default() };
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(seen).await);
    let settings =
        Settings { once: true, expect: ids(&["a", "b"]), ..settings(data.path(), cloud.http_target()) };
    let gateway = Gateway::start(settings);
    assert_eq!(exchange(gateway.address, survey("b", 8..10)).await, ARRIVED);
    assert_eq!(exchange(gateway.address, survey("a", 8..10)).await, ARRIVED);
    let error = gateway.ended().await.unwrap_err().to_string();
    assert!(error.contains("not from b"), "{error}");
    assert_eq!(cloud.readings().len(), 2, "the other one went");
}

/// Sends surveys of these devices, one after the other, each until the cloud holds it.
async fn pass_on(gateway: &Gateway, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert_eq!(exchange(gateway.address, survey(&format!("d{number}"), 8..9)).await, ARRIVED);
        gateway.until("held", |status| status.waiting_surveys == 0).await;
    }
}

fn lines(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| format!("d{number} 2026-07-01T08:00:00Z 20.5 - 30%")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_went_back_is_offered_again_what_it_lost_and_only_that() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen { mark: Some(0), ..Seen::default() }).await);
    let gateway = Gateway::start(settings(data.path(), cloud.http_target()));
    pass_on(&gateway, 1..6).await;
    assert_eq!(cloud.readings(), lines(1..6));
    {
        // It is restored from a backup that has the first two.
        let mut seen = cloud.seen.lock().unwrap();
        seen.readings.truncate(2);
        (seen.mark, seen.custody) = (Some(2), Vec::new());
    }
    assert_eq!(exchange(gateway.address, survey("d6", 8..9)).await, ARRIVED);
    let held = |_: &fieldpost_gateway::Status| cloud.seen.lock().unwrap().mark == Some(6);
    gateway.until("offered again", held).await;
    let status = gateway.until("noted", |status| status.waiting_surveys == 0).await;
    assert_eq!((status.surveys, status.refused_by_cloud), (6, 0));
    // By the sixth it was noticed, and that one comes once more.
    assert_eq!(cloud.readings(), lines([1, 2, 6, 3, 4, 5, 6].into_iter()));
    let custody = cloud.seen.lock().unwrap().custody.clone();
    let steps: Vec<_> = custody.iter().map(|(_, after, through)| (*after, *through)).collect();
    assert_eq!(steps, [(5, 6), (2, 6)]);
    pass_on(&gateway, 7..8).await;
    assert_eq!(cloud.seen.lock().unwrap().custody.last().map(|last| (last.1, last.2)), Some((6, 7)));
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_says_no_mark_gets_every_survey_once() {
    let (data, cloud) = (tempdir().unwrap(), Cloud::http(Seen::default()).await);
    let gateway = Gateway::start(settings(data.path(), cloud.http_target()));
    pass_on(&gateway, 1..4).await;
    gateway.stop().await.unwrap();
    let gateway = Gateway::start(settings(data.path(), cloud.http_target()));
    pass_on(&gateway, 4..6).await;
    assert_eq!(cloud.readings(), lines(1..6));
    let custody = cloud.seen.lock().unwrap().custody.clone();
    assert!(custody.iter().all(|(journal, ..)| *journal == custody[0].0), "{custody:?}");
    let steps: Vec<_> = custody.iter().map(|(_, after, through)| (*after, *through)).collect();
    assert_eq!(steps, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_gateway_tells_the_cloud_at_its_start_what_waits_and_whom_it_expects() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(Settings { expect: ids(&["b", "a"]), ..settings(data.path(), nobody()) });
    assert_eq!(exchange(gateway.address, "a 08:00 - 20 - 30%\nc 08:00 - 21 - 30%\n").await, ARRIVED);
    gateway.stop().await.unwrap();
    // Nobody is waited for now, so that what waits is still there when the cloud is told.
    let cloud = Cloud::http(Seen { trouble: vec![(503, "busy"); 1_000], ..Seen::default() }).await;
    let gateway = Gateway::start(Settings {
        expect: ids(&["b", "a"]),
        uplink_when: UplinkWhen::Round,
        ..settings(data.path(), cloud.http_target())
    });
    let start = std::time::Instant::now();
    let (path, report) = loop {
        if let Some(report) = cloud.seen.lock().unwrap().reports.first() {
            break report.clone();
        }
        assert!(start.elapsed() < DEADLINE, "the cloud was never told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    gateway.stop().await.unwrap();
    assert_eq!(path, "/api/v1/gateways/test%20gateway/status");
    assert_eq!(report["roster"], serde_json::json!(["b", "a"]));
    assert_eq!((&report["waiting"], &report["round"]), (&serde_json::json!(2), &serde_json::Value::Null));
    let oldest: fieldpost_core::UtcInstant = report["oldest_waiting"].as_str().unwrap().parse().unwrap();
    assert!(oldest <= now() && report["room_days"].as_f64().unwrap() > 1.0, "{report}");
    assert_eq!(report["journal_limit"], Settings::JOURNAL_MAX);
}
