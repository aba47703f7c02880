//! The custody mark over HTTP: how a gateway sees whether the cloud still holds what it acknowledged.

use crate::support;

use bytes::Bytes;
use std::sync::Arc;
use support::{Cloud, Response, sql};

const CBOR: &str = "application/senml+cbor";
const JSON: &str = "application/senml+json";
const JOURNAL: &str = "00c0ffee00c0ffee";

/// One reading of a device of this name.
fn pack(device: &str) -> String {
    format!(r#"[{{"bn":"{device}/","bt":1751356800,"n":"temperature","u":"Cel","v":20}}]"#)
}

async fn post(cloud: &Cloud, content_type: &str, custody: &str, body: impl Into<Bytes>) -> Response {
    let headers =
        [("content-type", content_type), ("fieldpost-gateway", "north"), ("fieldpost-custody", custody)];
    cloud.request("POST", "/api/v1/surveys", &headers, body.into()).await
}

/// Posts a pack that goes from `after` to `through`; the mark in the answer.
async fn mark(cloud: &Cloud, after: u64, through: u64) -> String {
    let said = post(cloud, JSON, &format!("{JOURNAL} {after} {through}"), pack("m1")).await;
    assert_eq!(said.status, 200, "{}", said.text());
    said.header("fieldpost-custody").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_told_how_far_its_journal_was_held_only_if_it_says_its_custody() {
    let cloud = Cloud::start().await;
    assert_eq!(mark(&cloud, 0, 17).await, "0");
    assert_eq!(mark(&cloud, 17, 42).await, "17");
    let silent = cloud.post_json(&pack("m1")).await;
    assert!(silent.status == 200 && !silent.headers.contains_key("fieldpost-custody"));
    assert_eq!(mark(&cloud, 42, 42).await, "42");
    let refused =
        post(&cloud, JSON, &format!("{JOURNAL} 42 50"), r#"[{"n":"m1/wind","u":"m/s","v":1}]"#).await;
    refused.problem(422);
    assert!(!refused.headers.contains_key("fieldpost-custody"));
    assert_eq!(mark(&cloud, 42, 50).await, "42", "what was refused moved nothing");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_store_put_back_from_a_backup_says_so_until_the_gap_is_filled() {
    let cloud = Cloud::start().await;
    assert_eq!(mark(&cloud, 0, 10).await, "0");
    let path = cloud.store();
    let (folder, _) = cloud.stop().await;
    let backup = folder.path().join("backup.db");
    std::fs::copy(&path, &backup).unwrap();

    let cloud = Cloud::start_with(Arc::clone(&folder), |_, _| {}).await;
    assert_eq!(mark(&cloud, 10, 20).await, "10");
    cloud.stop().await;
    std::fs::copy(&backup, &path).unwrap();

    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    assert_eq!(mark(&cloud, 20, 30).await, "10", "it once said 20");
    assert_eq!(mark(&cloud, 30, 40).await, "10", "and it does not forget that by itself");
    assert_eq!(mark(&cloud, 10, 40).await, "10", "sent again");
    assert_eq!(mark(&cloud, 40, 50).await, "40");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custody_that_cannot_be_understood_is_refused_with_help_and_nothing_is_stored() {
    let cloud = Cloud::start().await;
    for (custody, help) in [
        ("", "<journal id> <after> <through>"),
        ("00c0ffee00c0ffee 17", "<journal id> <after> <through>"),
        ("00C0FFEE00C0FFEE 17 42", "16 lowercase hexadecimal digits"),
        ("00c0ffee00c0ffee 17 9223372036854775808", "9223372036854775807"),
        ("00c0ffee00c0ffee 42 17", "cannot be below"),
        ("00c0ffee00c0ffee 17 42\u{e9}", "Fieldpost-Custody"),
    ] {
        let (reason, detail) = post(&cloud, JSON, custody, pack("m1")).await.problem(400);
        assert_eq!(reason, "bad-header");
        assert!(detail.contains("Fieldpost-Custody") && detail.contains(help), "{custody}: {detail}");
    }
    let good = format!("{JOURNAL} 0 1");
    let twice = [("content-type", JSON), ("fieldpost-custody", &*good), ("fieldpost-custody", &*good)];
    let said = cloud.request("POST", "/api/v1/surveys", &twice, pack("m1").into()).await;
    assert_eq!(said.problem(400).0, "bad-header");
    let stored = "SELECT (SELECT count(*) FROM readings) + (SELECT count(*) FROM custody)";
    assert_eq!(sql::<i64>(&cloud.store(), stored), 0);
    let metrics = cloud.get("/metrics").await.text();
    assert!(metrics.contains("\"bad-header\"} 7\n"), "{metrics}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_pack_says_that_the_gateway_is_there_and_moves_its_mark() {
    let cloud = Cloud::start().await;
    let nothing = r#"{"new":0,"duplicate":0,"conflict":0}"#;
    let said = post(&cloud, JSON, &format!("{JOURNAL} 0 5"), "[]").await;
    assert_eq!((&*said.text(), said.header("fieldpost-custody")), (nothing, "0"));
    let before: i64 = sql(&cloud.store(), "SELECT last_contact FROM gateways WHERE name = 'north'");
    let said = post(&cloud, CBOR, &format!("{JOURNAL} 5 9"), &b"\x80"[..]).await;
    assert_eq!((&*said.text(), said.header("fieldpost-custody")), (nothing, "5"));
    let contact: i64 = sql(&cloud.store(), "SELECT last_contact FROM gateways WHERE name = 'north'");
    assert!(contact >= before);
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT through FROM custody"), 9);
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM surveys"), 0);
    cloud.stop().await;
}
