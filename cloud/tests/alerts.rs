//! Alerts as they arrive: at a webhook that is down and up again, in a mailbox, at a broker.

use crate::support;

use bytes::Bytes;
use fieldpost_core::UtcInstant;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{
    Cloud, PATIENCE, hours_ago,
    receivers::{Broker, Hook, Mailbox},
};
use tempfile::TempDir;

/// A cloud whose rules look at once, and whose messages are tried again soon.
async fn quick(folder: Arc<TempDir>) -> Cloud {
    Cloud::start_with(folder, |_, limits| {
        limits.alert_gather = Duration::from_millis(1);
        limits.alert_look = Duration::from_millis(20);
        limits.alert_settle = Duration::ZERO;
        limits.alert_first_pause = Duration::from_millis(10);
    })
    .await
}

async fn send(cloud: &Cloud, method: &str, path: &str, body: &Value) -> support::Response {
    let headers = [("content-type", "application/json")];
    cloud.request(method, path, &headers, Bytes::from(body.to_string())).await
}

/// Makes a thing; returns its id.
async fn make(cloud: &Cloud, path: &str, body: &Value) -> i64 {
    let said = send(cloud, "POST", path, body).await;
    assert_eq!(said.status, 201, "{}", said.text());
    said.json()["id"].as_i64().unwrap()
}

/// Hands in moisture of `m1`, in percent.
async fn moisture(cloud: &Cloud, time: UtcInstant, percent: u32) {
    let time = time.as_millis() / 1_000;
    let pack = format!(r#"[{{"n":"m1/moisture","u":"/","t":{time},"v":{percent}e-2}}]"#);
    assert_eq!(cloud.post_json(&pack).await.status, 200);
}

/// Asks until `path` answers something that `is` so.
async fn eventually(cloud: &Cloud, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let value = cloud.get_json(path).await;
        if is(&value) {
            return value;
        }
        assert!(std::time::Instant::now() < deadline, "{path} stays {value}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

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
async fn an_outage_of_a_gateway_is_one_message_that_lists_its_devices() {
    let hook = Hook::start(&[]).await;
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let time = hours_ago(80).as_millis() / 1_000;
    let record = |n: i32| format!(r#"{{"n":"m{n:03}/moisture","u":"/","t":{time},"v":0.3}}"#);
    let pack: Vec<String> = (0..200).map(record).collect();
    let headers = [("content-type", "application/senml+json"), ("fieldpost-gateway", "north")];
    let body = Bytes::from(format!("[{}]", pack.join(",")));
    assert_eq!(cloud.request("POST", "/api/v1/surveys", &headers, body).await.status, 200);
    let webhook = json!({"kind": "webhook", "name": "w", "url": hook.url()});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    for kind in ["device_late", "device_silent", "gateway_silent"] {
        make(&cloud, "/api/v1/rules", &json!({"name": kind, "kind": kind, "channels": [channel]})).await;
    }
    let (folder, _) = cloud.stop().await;
    // Three days go by.
    let store = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    let (past, missed) = (hours_ago(72).as_millis(), hours_ago(72 - 26));
    store.execute("UPDATE devices SET last_contact = ?", [past]).unwrap();
    store.execute("UPDATE gateways SET last_contact = ?", [past]).unwrap();
    drop(store);
    let cloud = quick(folder).await;
    let got = hook.got(1).await[0].json();
    assert_eq!((&got["event"], &got["alert"]["subject"]), (&json!("began"), &json!("gateway:north")));
    assert_eq!(got["alert"]["devices"].as_array().unwrap().len(), 200);
    assert_eq!(got["alert"]["began"], missed.to_string());
    let open = cloud.get_json("/api/v1/alerts?open=true").await;
    assert_eq!(open["alerts"].as_array().unwrap().len(), 1, "{open}");
    // Somebody knows, and then the gateway is back.
    let id = open["alerts"][0]["id"].as_i64().unwrap();
    let said = send(&cloud, "POST", &format!("/api/v1/alerts/{id}/acknowledge"), &json!(null)).await;
    assert!(said.json()["acknowledged"]["at"].is_string(), "{}", said.text());
    let body = Bytes::from(format!("[{}]", record(0)));
    assert_eq!(cloud.request("POST", "/api/v1/surveys", &headers, body).await.status, 200);
    assert_eq!(hook.got(2).await[1].json()["event"], "resolved");
    let open = cloud.get_json("/api/v1/alerts?open=true").await;
    assert_eq!(open["alerts"], json!([]), "199 devices have a survey's time to follow");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_says_of_its_round_and_its_journal_is_an_alert() {
    let hook = Hook::start(&[]).await;
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    moisture(&cloud, hours_ago(1), 30).await;
    let webhook = json!({"kind": "webhook", "name": "w", "url": hook.url()});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    for kind in ["round_incomplete", "journal_full"] {
        make(&cloud, "/api/v1/rules", &json!({"name": kind, "kind": kind, "channels": [channel]})).await;
    }
    let closed = hours_ago(1).to_string();
    let status = json!({
        "version": "0.1.0", "waiting": 0, "oldest_waiting": null, "journal_bytes": 90, "journal_limit": 100,
        "room_days": 3, "roster": ["m1", "m2"], "round": {"opened": closed, "closed": closed, "reported": 1, "silent": ["m2"]},
    });
    let headers = [("content-type", "application/json")];
    let path = "/api/v1/gateways/north/status";
    let told = cloud.request("PUT", path, &headers, status.to_string().into()).await;
    assert_eq!(told.status, 204, "{}", told.text());
    let mut kinds: Vec<String> = hook
        .got(2)
        .await
        .iter()
        .map(|got| got.json()["alert"]["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["journal_full", "round_incomplete"]);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_told_once() {
    let hook = Hook::start(&[]).await;
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let webhook = json!({"kind": "webhook", "name": "w", "url": hook.url()});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    make(&cloud, "/api/v1/rules", &json!({"name": "c", "kind": "conflicts", "channels": [channel]})).await;
    let one = hours_ago(1);
    for percent in [30, 31, 32, 33] {
        moisture(&cloud, one, percent).await;
    }
    let alert = hook.got(1).await[0].json()["alert"].clone();
    assert_eq!((&alert["kind"], &alert["subject"]), (&json!("conflicts"), &json!("device:m1")));
    assert_eq!(cloud.get_json("/api/v1/alerts").await["alerts"].as_array().unwrap().len(), 1);
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

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_channels_that_are_wrong_are_told_how_to_be_right() {
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let webhook =
        json!({"kind": "webhook", "name": "w", "url": "http://127.0.0.1:9/", "secret": "old-secret"});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    let dry = json!({"name": "dry", "kind": "moisture_below", "value": 20});
    let rule = make(&cloud, "/api/v1/rules", &dry).await;
    let (rules, channels) = ("/api/v1/rules".to_owned(), "/api/v1/channels".to_owned());
    let (the_rule, the_channel) = (format!("{rules}/{rule}"), format!("{channels}/{channel}"));
    for (method, path, body, status, hint) in [
        ("POST", &rules, json!({"name": "d", "kind": "moist", "value": 20}), 400, "moisture_below"),
        ("POST", &rules, json!({"name": "d", "kind": "moisture_below"}), 400, "needs a value"),
        (
            "POST",
            &rules,
            json!({"name": "d", "kind": "moisture_below", "value": 20.001}),
            400,
            "two decimals",
        ),
        ("POST", &rules, json!({"name": "d", "kind": "frost", "colour": "red"}), 400, "unknown field"),
        ("POST", &rules, json!({"name": "d", "kind": "frost", "channels": [77]}), 400, "no channel 77"),
        ("POST", &rules, json!({"name": "", "kind": "frost"}), 400, "1 to 200"),
        ("PUT", &"/api/v1/rules/77".to_owned(), dry.clone(), 404, "/api/v1/rules"),
        ("PUT", &"/api/v1/rules/x".to_owned(), dry.clone(), 404, "/api/v1/rules"),
        ("PUT", &the_rule, json!({"id": 77, "name": "d", "kind": "frost"}), 400, "path"),
        ("POST", &channels, json!({"kind": "fax", "name": "f"}), 400, "webhook, email, mqtt"),
        ("POST", &channels, json!({"kind": "webhook", "name": "f"}), 400, "needs url"),
        (
            "POST",
            &channels,
            json!({"kind": "webhook", "name": "f", "url": "file:///etc/passwd"}),
            400,
            "https://",
        ),
        (
            "POST",
            &channels,
            json!({"kind": "webhook", "name": "f", "url": "http://h/", "topic": "t"}),
            400,
            "nothing else",
        ),
        (
            "PUT",
            &the_channel,
            json!({"kind": "webhook", "name": "w", "url": "http://127.0.0.1:8/"}),
            400,
            "secret again",
        ),
        ("POST", &"/api/v1/channels/77/test".to_owned(), json!(null), 404, "/api/v1/channels"),
        ("POST", &"/api/v1/alerts/77/acknowledge".to_owned(), json!(null), 404, "/api/v1/alerts"),
    ] {
        let (_, detail) = send(&cloud, method, path, &body).await.problem(status);
        assert!(detail.contains(hint), "{method} {path} {body}: {detail}");
    }
    for path in
        ["/api/v1/alerts?open=yes", "/api/v1/alerts?before=x", "/api/v1/alerts?limit=0", "/api/v1/rules?a=b"]
    {
        cloud.get(path).await.problem(400);
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_channels_are_changed_as_a_whole_but_for_secrets() {
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    let webhook =
        json!({"kind": "webhook", "name": "w", "url": "http://127.0.0.1:9/", "secret": "old-secret"});
    let channel = make(&cloud, "/api/v1/channels", &webhook).await;
    let rule =
        make(&cloud, "/api/v1/rules", &json!({"name": "dry", "kind": "moisture_below", "value": 20})).await;
    let (the_rule, the_channel) = (format!("/api/v1/rules/{rule}"), format!("/api/v1/channels/{channel}"));
    let same = json!({"kind": "webhook", "name": "renamed", "url": "http://127.0.0.1:9/"});
    let said = send(&cloud, "PUT", &the_channel, &same).await.json();
    assert_eq!((&said["name"], &said["has_secret"]), (&json!("renamed"), &json!(true)));
    let said =
        send(&cloud, "PUT", &the_rule, &json!({"name": "d", "kind": "frost", "enabled": false})).await.json();
    let whole = json!({
        "id": rule, "name": "d", "kind": "frost", "value": null, "clear": null, "for_s": 0, "devices": null,
        "repeat_s": 86_400, "channels": [], "enabled": false,
    });
    assert_eq!(said, whole);
    assert_eq!(cloud.get_json("/api/v1/rules").await, json!({"rules": [whole]}));
    let said = cloud.request("DELETE", &the_rule, &[], Bytes::new()).await;
    assert_eq!(said.status, 204);
    cloud.request("DELETE", &the_rule, &[], Bytes::new()).await.problem(404);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_come_page_by_page_newest_first() {
    let cloud = quick(Arc::new(tempfile::tempdir().unwrap())).await;
    make(&cloud, "/api/v1/rules", &json!({"name": "dry", "kind": "moisture_below", "value": 20})).await;
    let start = hours_ago(100);
    for hour in 1..=6 {
        let time = start.saturating_add(Duration::from_hours(hour));
        moisture(&cloud, time, if hour % 2 == 0 { 30 } else { 10 }).await;
    }
    let three = |value: &Value| {
        let alerts = value["alerts"].as_array().unwrap();
        alerts.len() == 3 && alerts.iter().all(|alert| alert["resolved"].is_string())
    };
    let all = eventually(&cloud, "/api/v1/alerts", three).await;
    assert!(all["alerts"].as_array().unwrap().iter().all(|alert| alert["history"] == true), "{all}");
    let mut path = "/api/v1/alerts?limit=2&open=false".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = cloud.get_json(&path).await;
        ids.extend(page["alerts"].as_array().unwrap().iter().map(|alert| alert["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        path = next.to_owned();
    }
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted_by(|one, next| one > next), "{ids:?}");
    cloud.stop().await;
}
