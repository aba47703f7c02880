//! What tests of alerts do to a cloud.

use super::{Cloud, PATIENCE, Response};
use bytes::Bytes;
use fieldpost_core::UtcInstant;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

/// A cloud whose rules look at once, and whose messages are tried again soon.
pub async fn quick(folder: Arc<TempDir>) -> Cloud {
    Cloud::start_with(folder, |_, limits| {
        limits.alert_gather = Duration::from_millis(1);
        limits.alert_look = Duration::from_millis(20);
        limits.alert_settle = Duration::ZERO;
        limits.alert_first_pause = Duration::from_millis(10);
    })
    .await
}

pub async fn send(cloud: &Cloud, method: &str, path: &str, body: &Value) -> Response {
    let headers = [("content-type", "application/json")];
    cloud.request(method, path, &headers, Bytes::from(body.to_string())).await
}

/// Makes a thing; returns its id.
pub async fn make(cloud: &Cloud, path: &str, body: &Value) -> i64 {
    let said = send(cloud, "POST", path, body).await;
    assert_eq!(said.status, 201, "{}", said.text());
    said.json()["id"].as_i64().unwrap()
}

/// Hands in moisture of `m1`, in percent.
pub async fn moisture(cloud: &Cloud, time: UtcInstant, percent: u32) {
    let time = time.as_millis() / 1_000;
    let pack = format!(r#"[{{"n":"m1/moisture","u":"/","t":{time},"v":{percent}e-2}}]"#);
    assert_eq!(cloud.post_json(&pack).await.status, 200);
}

/// Asks until `path` answers something that `is` so.
pub async fn eventually(cloud: &Cloud, path: &str, is: impl Fn(&Value) -> bool) -> Value {
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
