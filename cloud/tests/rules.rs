//! What alerts are made of: silence, rounds, conflicts; and how rules and channels are made and changed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "this file is a test")]

use crate::support;

use bytes::Bytes;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use support::{
    alerts::{eventually, make, moisture, quick, send},
    hours_ago,
    receivers::Hook,
};

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
