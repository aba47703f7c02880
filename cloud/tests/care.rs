//! Retention, the check and backups, over a running cloud.

use crate::support;

use bytes::Bytes;
use support::{Cloud, Response};

async fn put(cloud: &Cloud, body: &str) -> Response {
    let headers = [("content-type", "application/json")];
    cloud.request("PUT", "/api/v1/retention", &headers, Bytes::from(body.to_owned())).await
}

/// One reading of `device` at each of the instants, in seconds.
fn pack(device: &str, times: impl Iterator<Item = i64>) -> String {
    let records: Vec<_> = times
        .map(|time| format!(r#"{{"n":"{device}/temperature","u":"Cel","t":{time},"v":12.5}}"#))
        .collect();
    format!("[{}]", records.join(","))
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn what_is_older_than_is_kept_is_shown_first_and_then_goes() {
    const DAY: i64 = 86_400;
    let cloud = Cloud::start().await;
    let today = now() / DAY * DAY;
    assert_eq!(cloud.post_json(&pack("m1", (0..100).map(|day| today - day * DAY))).await.status, 200);
    assert_eq!(cloud.post_json(&pack("m2", (0..10).map(|day| today - day * DAY))).await.status, 200);
    assert_eq!(cloud.get_json("/api/v1/retention").await, serde_json::json!({ "keep_days": null }));
    let preview = cloud.get_json("/api/v1/retention/preview?keep_days=40").await;
    assert_eq!(preview["devices"], serde_json::json!([{ "id": "m1", "readings": 60 }]));
    assert_eq!(preview["readings"], 60);

    for bad in [r#"{"keep_days":5}"#, r#"{"keep_days":-1}"#, r#"{"keep":40}"#, "40", "{", ""] {
        let said = put(&cloud, bad).await;
        assert_eq!(said.status, 400, "{bad}");
        assert_eq!(said.headers["content-type"], "application/problem+json");
    }
    assert_eq!(put(&cloud, r#"{"keep_days":40}"#).await.status, 200);
    // The next start lets go of it at once; a running one does within the hour.
    let (folder, _) = cloud.stop().await;
    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    let gone = async {
        while cloud.get_json("/healthz").await["readings"] != 50 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(support::PATIENCE, gone).await.expect("50 readings are left");
    let devices = cloud.get_json("/api/v1/devices").await;
    assert_eq!(
        (&devices["devices"][0]["readings"], &devices["devices"][1]["readings"]),
        (&40.into(), &10.into())
    );
    let checked = cloud.request("POST", "/api/v1/check", &[], Bytes::new()).await.json();
    assert_eq!((&checked["ok"], &checked["messages"]), (&true.into(), &serde_json::json!([])));
    cloud.stop().await;
}

/// A meter that was away for long, a gateway with an old journal, an old file: what they bring has been let go of, or would be.
#[tokio::test]
async fn p5_readings_that_are_older_than_is_kept_are_told_as_such_and_not_taken_as_new() {
    const DAY: i64 = 86_400;
    let cloud = Cloud::start().await;
    assert_eq!(put(&cloud, r#"{"keep_days":40}"#).await.status, 200);
    let days = |range: std::ops::Range<i64>| pack("m1", range.map(|day| now() / DAY * DAY - day * DAY));
    let said = cloud.post_json(&days(35..45)).await;
    assert_eq!(said.text(), r#"{"new":5,"duplicate":0,"conflict":0,"expired":5}"#);
    assert_eq!(cloud.post_json(&days(35..38)).await.text(), r#"{"new":0,"duplicate":3,"conflict":0}"#);
    let said = cloud.post_json(&days(41..45)).await;
    assert_eq!(said.text(), r#"{"new":0,"duplicate":0,"conflict":0,"expired":4}"#);
    assert_eq!(cloud.upload("m2 2001-01-01 08:00Z - 20 - 30%\n").await, "Surveys received");
    assert_eq!(cloud.get_json("/healthz").await["readings"], 5);
    let metrics = cloud.get("/metrics").await.text();
    assert!(metrics.contains("fieldpost_readings_total{result=\"expired\"} 10\n"), "{metrics}");
    let checked = cloud.request("POST", "/api/v1/check", &[], Bytes::new()).await.json();
    assert_eq!(checked["messages"], serde_json::json!([]));
    cloud.stop().await;
}

#[tokio::test]
async fn a_backup_is_made_while_surveys_come_and_holds_one_moment() {
    let cloud = Cloud::start().await;
    let start = now() - 1_000_000;
    cloud.post_json(&pack("m1", start..start + 20_000)).await;
    let (store, to) = (cloud.store(), cloud.folder.path().join("copy.db"));
    let copying = tokio::task::spawn_blocking({
        let to = to.clone();
        move || fieldpost_cloud::back_up(&store, &to, &mut |_, _| {}).unwrap()
    });
    // Uploads of two readings at once: a copy of one moment has an even number of them.
    for pair in 0..30 {
        let time = start + 30_000 + pair * 2;
        assert_eq!(cloud.post_json(&pack("m2", time..time + 2)).await.status, 200);
    }
    let copied = copying.await.unwrap();
    assert!(copied.readings >= 20_000 && copied.readings.is_multiple_of(2), "{copied:?}");
    let (_kept, _) = cloud.stop().await;

    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let restored = fieldpost_cloud::restore(&to, &folder.path().join("store.db"), false).unwrap();
    assert_eq!(restored, (copied, None));
    let cloud = Cloud::start_with(folder, |_, _| {}).await;
    assert_eq!(cloud.get_json("/healthz").await["readings"], copied.readings);
    cloud.stop().await;
}
