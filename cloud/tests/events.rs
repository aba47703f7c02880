//! Server-sent events: who watches sees what comes, and costs nobody anything.

use crate::support;

use bytes::Bytes;
use fieldpost_core::{DeviceId, Reading, Survey, Temperature, Values, senml};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use support::{Cloud, PATIENCE};
use tokio::net::TcpStream;

async fn watch(cloud: &Cloud) -> Response<Incoming> {
    let stream = TcpStream::connect(cloud.http).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let request = Request::get("/api/v1/events")
        .header("host", "localhost")
        .header("accept-encoding", "gzip")
        .body(Empty::<Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    // The connection ends with its sender; a watcher keeps it as long as it reads.
    tokio::spawn(async move {
        let _ = sender.ready().await;
    });
    response
}

/// Reads until `part` has come.
async fn until(stream: &mut Response<Incoming>, part: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(part) {
            let frame = stream.body_mut().frame().await.expect("the stream goes on").unwrap();
            text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    text
}

const PACK: &str = r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20.5},{"n":"moisture","u":"/","v":0.3},{"t":3600,"n":"temperature","u":"Cel","v":21}]"#;

#[tokio::test]
async fn a_watcher_sees_a_survey_when_it_is_stored_and_not_its_copy() {
    let cloud = Cloud::start().await;
    let mut stream = watch(&cloud).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert!(!stream.headers().contains_key("content-encoding"), "a compressor would keep it back");
    until(&mut stream, ": watching").await;
    assert_eq!(cloud.post_json(PACK).await.status, 200);
    let text = until(&mut stream, "event: contact").await;
    let expected = r#"{"device":"m1","time":"2025-07-01T09:00:00Z","temperature_c":21,"moisture_pct":null,"new":2,"last_contact":""#;
    assert!(text.contains(&format!("event: readings\ndata: {expected}")), "{text}");
    assert!(text.contains(r#""state":"fresh"}"#), "{text}");
    assert_eq!(cloud.post_json(PACK).await.status, 200);
    let text = until(&mut stream, "event: contact").await;
    assert!(!text.contains("event: readings"), "{text}");
    cloud.stop().await;
}

#[tokio::test]
async fn p8_a_backlog_does_not_look_like_a_sign_of_life() {
    let cloud = Cloud::start().await;
    let mut stream = watch(&cloud).await;
    until(&mut stream, ": watching").await;
    // Its gateway had it a year ago, and could not pass it on.
    let time = "2025-07-01T08:00:00Z".parse().unwrap();
    let received = "2025-07-01T09:00:00Z".parse().unwrap();
    let values = Values::new(Temperature::from_hundredths(2_100), None).unwrap();
    let survey = Survey { device: DeviceId::new("m1").unwrap(), readings: vec![Reading { time, values }] };
    let records = senml::encode_records(&survey, Some(received));
    let body = senml::pack([records.as_slice()]).into();
    assert_eq!(cloud.post("application/senml+cbor", body).await.status, 200);
    let text = until(&mut stream, "event: contact").await;
    assert!(text.contains(r#""last_contact":"2025-07-01T09:00:00Z","state":"silent"}"#), "{text}");
    assert_eq!(cloud.get_json("/api/v1/fleet").await["devices"][0]["state"], "silent", "as the fleet says");
    cloud.stop().await;
}

#[tokio::test]
async fn p7_a_thousand_idle_watchers_keep_nobody_from_uploading() {
    let cloud = Cloud::start().await;
    let (mut watching, mut told) = (Vec::new(), 0);
    for _ in 0..1_000 {
        let stream = watch(&cloud).await;
        match stream.status().as_u16() {
            200 => watching.push(stream),
            503 => told += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((watching.len(), told), (200, 800));
    for number in 0..50 {
        let pack = PACK.replace("m1/", &format!("m{number}/"));
        let answer = tokio::time::timeout(Duration::from_secs(20), cloud.post_json(&pack)).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    for stream in &mut watching {
        until(stream, "event: readings").await;
    }
    cloud.stop().await;
}

#[tokio::test]
async fn a_stopping_cloud_ends_its_streams_by_itself() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    // Longer than anybody waits here: that connections are cut in the end is no way out.
    let cloud = Cloud::start_with(folder, |_, limits| limits.drain = PATIENCE * 10).await;
    let mut stream = watch(&cloud).await;
    until(&mut stream, ": watching").await;
    cloud.stop().await;
    let end = tokio::time::timeout(PATIENCE, stream.body_mut().frame()).await.unwrap();
    assert!(end.is_none_or(|frame| frame.is_err()));
}
