//! More connections than there are places (promise P6): silent ones never keep others out.

use crate::support;

use fieldpost_cloud::{Limits, Settings};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use support::{Cloud, PATIENCE, sql};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Crowds come one after another: two at once would need more files than a process may usually open.
static ONE_CROWD: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// No deadline comes to anybody's help while a test runs.
fn endless(_: &mut Settings, limits: &mut Limits) {
    let ever = Duration::from_secs(24 * 60 * 60);
    limits.upload_stall = ever;
    limits.upload_deadline = ever;
    limits.upload_linger = ever;
    limits.body_stall = ever;
    limits.body_deadline = ever;
    limits.head_deadline = ever;
}

/// So many connections that say `beginning` and no more.
async fn crowd(address: SocketAddr, count: usize, beginning: &str) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        crowd.push(stream);
    }
    crowd
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("held up by the crowd")
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_crowd_that_is_silent_keeps_no_upload_out() {
    let _alone = ONE_CROWD.lock().await;
    let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), endless).await;
    for (n, beginning) in ["", "m1 08:00 - 2", "m1 08:00 - 20 - 30"].into_iter().enumerate() {
        let _crowd = in_time(crowd(cloud.upload, 420, beginning)).await;
        let text = format!("m{n} 2025-07-01 08:00Z - 20 - 30%\n");
        assert_eq!(in_time(cloud.upload(&text)).await, "Surveys received", "{beginning:?}");
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 3);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_crowd_that_is_silent_keeps_no_request_out() {
    let _alone = ONE_CROWD.lock().await;
    let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), endless).await;
    let body = "POST /api/v1/surveys HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/senml+json\r\ncontent-length: 9\r\n\r\n[";
    for (n, beginning) in ["", "GET /healthz HTT", body].into_iter().enumerate() {
        let _crowd = in_time(crowd(cloud.http, 420, beginning)).await;
        assert_eq!(in_time(cloud.get_json("/healthz")).await["status"], "ok", "{beginning:?}");
        let pack = format!(r#"[{{"bn":"m{n}/","bt":1751356800,"n":"temperature","u":"Cel","v":20}}]"#);
        let said = in_time(cloud.post_json(&pack)).await;
        assert_eq!(said.text(), r#"{"new":1,"duplicate":0,"conflict":0}"#, "{beginning:?}");
    }
    cloud.stop().await;
}

/// A connection that has been answered waits for the next request, like one that never asked.
#[tokio::test(flavor = "multi_thread")]
async fn p6_connections_that_were_answered_and_stay_keep_nobody_out() {
    let few = |settings: &mut Settings, limits: &mut Limits| {
        endless(settings, limits);
        limits.http_connections = 3;
        limits.upload_connections = 3;
    };
    let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), few).await;
    let pack = r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20}]"#;
    let requests = [
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        format!(
            "POST /api/v1/surveys HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/senml+json\r\ncontent-length: {}\r\n\r\n{pack}",
            pack.len()
        ),
    ];
    let mut stay = Vec::new();
    for n in 0..12 {
        for (address, message, answer) in [
            (cloud.http, requests[n % 2].as_str(), "HTTP/1.1 200 OK"),
            (cloud.upload, "m2 2025-07-01 08:00Z - 20 - 30%\n", "Surveys received"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(message.as_bytes()).await.unwrap();
            let mut said = vec![0; answer.len()];
            in_time(stream.read_exact(&mut said)).await.unwrap();
            assert_eq!(said, answer.as_bytes(), "connection {n}");
            stay.push(stream);
        }
    }
    cloud.stop().await;
}
