//! Alerts as they arrive: at a webhook that is down and up again, in a mailbox, at a broker.

use crate::support;

use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{
    PATIENCE,
    alerts::{eventually, make, moisture, quick, send},
    hours_ago,
    receivers::{Broker, Hook, Mailbox},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_down_gets_each_message_in_order_signed_also_after_a_restart() {
    let hook = Hook::start(&[503, 503]).await;
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let webhook =
        json!({"kind": "webhook", "name": "phone", "url": hook.url(), "secret": "s3cr3t-of-the-hook"});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    let rule =
        json!({"name": "dry", "kind": "moisture_below", "value": 20.5, "clear": 25, "channels": [channel]});
    let rule = make(&cloud, "/api/v1/rules", &rule).await;
    let [three, two, one] = [3, 2, 1].map(hours_ago);
    moisture(&cloud, three, 30).await;
    moisture(&cloud, two, 20).await;
    hook.got(1).await;
    let (folder, _) = cloud.stop().await;
    let cloud = quick(folder).await;
    hook.got(3).await;
    moisture(&cloud, one, 25).await;
    let got = hook.got(4).await;
    for request in &got {
        request.check_signature("s3cr3t-of-the-hook");
        assert_eq!(request.header("content-type"), "application/json");
    }
    let (first, last) = (&got[0], &got[3]);
    for copy in &got[1..3] {
        assert_eq!(copy.header("idempotency-key"), first.header("idempotency-key"));
        assert_eq!(copy.body, first.body, "the same message until it is taken");
    }
    let alert = &first.json()["alert"];
    assert_eq!((&first.json()["event"], &alert["rule"]), (&json!("began"), &json!(rule)));
    assert_eq!(first.json()["id"], first.header("idempotency-key"));
    assert_eq!(alert["subject"], "device:m1");
    assert_eq!(alert["devices"], json!(["m1"]));
    assert_eq!(alert["began"], two.to_string(), "by the time of the reading");
    assert!(alert["text"].as_str().unwrap().contains("below 20.5 %"), "{alert}");
    assert_eq!(last.json()["event"], "resolved");
    assert_eq!(last.json()["alert"]["resolved"], one.to_string());
    let well = |value: &Value| value["channels"][0]["waiting"] == 0;
    let channels = eventually(&cloud, "/api/v1/channels", well).await;
    assert!(channels["channels"][0]["failing"].is_null(), "{channels}");
    assert!(!channels.to_string().contains("s3cr3t"), "{channels}");
    // A restart neither repeats nor forgets.
    let (folder, _) = cloud.stop().await;
    let cloud = quick(folder).await;
    let alerts = cloud.get_json("/api/v1/alerts?open=false").await;
    assert_eq!(alerts["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(alerts["alerts"][0]["history"], false);
    moisture(&cloud, hours_ago(0), 10).await;
    assert_eq!(hook.got(5).await[4].json()["event"], "began");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_a_rule_gets_later_is_told_what_is_so_and_the_others_are_not_told_again() {
    let (first, second) = (Hook::start(&[]).await, Hook::start(&[]).await);
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let mut channels = Vec::new();
    for (name, hook) in [("first", &first), ("second", &second)] {
        let webhook = json!({"kind": "webhook", "name": name, "url": hook.url()});
        channels.push(make(&cloud, "/api/v1/channels", &webhook).await);
    }
    let mut rule = json!({"name": "dry", "kind": "moisture_below", "value": 20.5, "clear": 25, "channels": [channels[0]]});
    let id = make(&cloud, "/api/v1/rules", &rule).await;
    moisture(&cloud, hours_ago(2), 10).await;
    let began = first.got(1).await[0].json();
    // Twice: the second time it has both already.
    for name in ["dry", "too dry"] {
        (rule["name"], rule["channels"]) = (json!(name), json!(channels));
        let said = send(&cloud, "PUT", &format!("/api/v1/rules/{id}"), &rule).await;
        assert_eq!(said.status, 200);
    }
    let told = second.got(1).await[0].json();
    assert_eq!((&told["event"], &told["alert"]["id"]), (&json!("began"), &began["alert"]["id"]));
    moisture(&cloud, hours_ago(1), 30).await;
    let events = |got: Vec<support::receivers::Received>| -> Vec<Value> {
        got.iter().map(|request| request.json()["event"].clone()).collect()
    };
    assert_eq!(events(first.got(2).await), ["began", "resolved"]);
    assert_eq!(events(second.got(2).await), ["began", "resolved"]);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_the_channel_says_why_it_fails() {
    let elsewhere = Hook::start(&[]).await;
    let hook = Hook::redirecting(&elsewhere.url()).await;
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let webhook = json!({"kind": "webhook", "name": "w", "url": hook.url()});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    let path = format!("/api/v1/channels/{channel}/test");
    let said = send(&cloud, "POST", &path, &json!(null)).await.json();
    assert_eq!(said["delivered"], false);
    assert!(said["detail"].as_str().unwrap().contains("redirects are not followed"), "{said}");
    make(
        &cloud,
        "/api/v1/rules",
        &json!({"name": "n", "kind": "moisture_below", "value": 20, "channels": [channel]}),
    )
    .await;
    moisture(&cloud, hours_ago(1), 10).await;
    let fails = |value: &Value| value["channels"][0]["failing"].is_string();
    let channels = eventually(&cloud, "/api/v1/channels", fails).await;
    assert_eq!(channels["channels"][0]["waiting"], 1);
    assert_eq!(elsewhere.count(), 0);
    // Mended, what waits goes out; and a removed channel takes with it what waits.
    let mended = json!({"kind": "webhook", "name": "w", "url": elsewhere.url()});
    let said = send(&cloud, "PUT", &format!("/api/v1/channels/{channel}"), &mended).await;
    assert_eq!(said.status, 200, "{}", said.text());
    assert_eq!(elsewhere.got(1).await[0].json()["event"], "began");
    let said = cloud.request("DELETE", &format!("/api/v1/channels/{channel}"), &[], Bytes::new()).await;
    assert_eq!(said.status, 204);
    assert_eq!(cloud.get_json("/api/v1/rules").await["rules"][0]["channels"], json!([]));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_for_good_makes_way_for_those_behind_it_and_is_counted() {
    let hook = Hook::start(&[503, 413, 413, 503, 413, 413, 413]).await;
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let webhook = json!({"kind": "webhook", "name": "w", "url": hook.url()});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    let rule = json!({"name": "n", "kind": "moisture_below", "value": 20, "channels": [channel]});
    make(&cloud, "/api/v1/rules", &rule).await;
    moisture(&cloud, hours_ago(2), 10).await;
    let lost = |value: &Value| value["channels"][0]["lost"] == 1;
    let channels = eventually(&cloud, "/api/v1/channels", lost).await;
    let failing = channels["channels"][0]["failing"].as_str().unwrap();
    assert!(failing.contains("1 message(s) given up") && failing.contains("413"), "{failing}");
    assert_eq!(hook.count(), 7, "five refusals, and twice it was not well");
    moisture(&cloud, hours_ago(1), 30).await;
    assert_eq!(hook.got(8).await[7].json()["event"], "resolved");
    let well = |value: &Value| value["channels"][0]["failing"].is_null();
    let channels = eventually(&cloud, "/api/v1/channels", well).await;
    assert_eq!(
        (&channels["channels"][0]["lost"], &channels["channels"][0]["waiting"]),
        (&json!(1), &json!(0))
    );
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_there_is_not_and_a_message_too_large_for_a_broker_are_given_up() {
    let mailbox = Mailbox::refusing().await;
    let Some(mut broker) = Broker::prepare() else { return };
    broker.start_with("max_packet_size 200");
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let email = json!({
        "kind": "email", "name": "mail", "to": "nobody@example.org", "from": "fieldpost@example.org",
        "server": format!("smtp://127.0.0.1:{}", mailbox.port),
    });
    let mqtt = json!({
        "kind": "mqtt", "name": "broker", "broker": format!("mqtt://127.0.0.1:{}", broker.port), "topic": "a",
    });
    let channels =
        [make(&cloud, "/api/v1/channels", &email).await, make(&cloud, "/api/v1/channels", &mqtt).await];
    let rule = json!({"name": "n", "kind": "moisture_below", "value": 20, "channels": channels});
    make(&cloud, "/api/v1/rules", &rule).await;
    moisture(&cloud, hours_ago(2), 10).await;
    let lost = |value: &Value| (0..2).all(|n| value["channels"][n]["lost"] == 1);
    let said = eventually(&cloud, "/api/v1/channels", lost).await;
    let failing = |n: usize| said["channels"][n]["failing"].as_str().unwrap();
    assert!(failing(0).contains("550") && failing(1).contains("maximum packet size"), "{said}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_gets_the_alert_as_text() {
    let mailbox = Mailbox::start().await;
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let email = json!({
        "kind": "email", "name": "mail", "to": "Grower <grower@example.org>", "from": "fieldpost@example.org",
        "server": format!("smtp://127.0.0.1:{}", mailbox.port), "username": "fieldpost", "password": "pass-word",
    });
    let channel = make(&cloud, "/api/v1/channels", &email).await;
    make(
        &cloud,
        "/api/v1/rules",
        &json!({"name": "zu trocken ☀", "kind": "moisture_below", "value": 20, "channels": [channel]}),
    )
    .await;
    moisture(&cloud, hours_ago(1), 10).await;
    let mail = mailbox.got().await;
    for line in [
        "AUTH PLAIN",
        "MAIL FROM:<fieldpost@example.org>",
        "RCPT TO:<grower@example.org>",
        "Message-ID: <",
        "Subject: ",
    ] {
        assert!(mail.contains(line), "{line} is not in\n{mail}");
    }
    assert!(mail.contains("moisture of m1 went below 20 %"), "{mail}");
    let channels = cloud.get("/api/v1/channels").await.text();
    assert!(!channels.contains("pass-word"), "{channels}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_gets_the_alert_when_it_is_back() {
    let Some(mut broker) = Broker::prepare() else { return };
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let mqtt = json!({
        "kind": "mqtt", "name": "broker", "broker": format!("mqtt://127.0.0.1:{}", broker.port), "topic": "farm/alerts",
    });
    let channel = make(&cloud, "/api/v1/channels", &mqtt).await;
    make(
        &cloud,
        "/api/v1/rules",
        &json!({"name": "dry", "kind": "moisture_below", "value": 20, "channels": [channel]}),
    )
    .await;
    moisture(&cloud, hours_ago(1), 10).await;
    let fails = |value: &Value| value["channels"][0]["failing"].is_string();
    eventually(&cloud, "/api/v1/channels", fails).await;
    let received = Arc::new(Mutex::new(Vec::new()));
    broker.start();
    let subscriber = broker.subscribe("farm/alerts", Arc::clone(&received)).await;
    let went = |value: &Value| value["channels"][0]["waiting"] == 0;
    eventually(&cloud, "/api/v1/channels", went).await;
    let path = format!("/api/v1/channels/{channel}/test");
    let said = send(&cloud, "POST", &path, &json!(null)).await.json();
    assert_eq!(said["delivered"], true, "{said}");
    let deadline = std::time::Instant::now() + PATIENCE;
    while !received.lock().unwrap().iter().any(|text: &String| text.contains("\"event\":\"test\"")) {
        assert!(std::time::Instant::now() < deadline, "{:?}", received.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    subscriber.abort();
    cloud.stop().await;
}
