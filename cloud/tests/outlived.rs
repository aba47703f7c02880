//! Answers that are under way end with the right to have them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "this file is a test")]

use crate::support;

use fieldpost_cloud::{Access, Announce};
use fieldpost_core::{Reading, Survey, senml, station::csv};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use support::{
    Cloud,
    site::{Browser, Site},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

const ITHACA: &str = include_str!("../../samples/ithaca.csv");
/// More than the kernel holds of a connection, as CSV.
const DEVICES: usize = 40;
/// Less than it takes until a client that takes nothing is cut off for that.
const IN_TIME: Duration = Duration::from_secs(20);

async fn hasty() -> Site {
    let links = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&links);
    let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), |settings, limits| {
        settings.access = Access::Guarded;
        settings.announce = Some(Announce::new(move |link| told.lock().unwrap().push(link.to_owned())));
        limits.look_again = Duration::from_millis(50);
    })
    .await;
    cloud.get_json("/healthz").await;
    Site { cloud, links }
}

async fn fill(site: &Site) {
    let slots = ITHACA.lines().skip(1).map(|line| csv::parse_row(line).unwrap());
    let readings: Vec<_> =
        slots.filter_map(|slot| Some(Reading { time: slot.time, values: slot.values? })).collect();
    for number in 0..DEVICES {
        let survey = Survey { device: format!("m{number}").parse().unwrap(), readings: readings.clone() };
        let pack = senml::pack([senml::encode_records(&survey, None).as_slice()]);
        assert_eq!(site.cloud.post("application/senml+cbor", pack.into()).await.status, 200);
    }
}

/// Asks, and takes the first bytes of the answer.
async fn ask(site: &Site, path: &str, credential: &str) -> (u16, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(site.cloud.http).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{credential}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    let status = std::str::from_utf8(&first).unwrap().strip_prefix("HTTP/1.1 ").unwrap();
    (status.parse().unwrap(), stream)
}

/// Asks until there is a place for it.
async fn begin(site: &Site, path: &str, credential: &str) -> TcpStream {
    let deadline = Instant::now() + IN_TIME;
    loop {
        match ask(site, path, credential).await {
            (200, stream) => return stream,
            (429, _) => assert!(Instant::now() < deadline, "{path}: the exports before it go on"),
            (status, _) => panic!("{path}: {status}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads to the end, which must not be that of a whole answer.
async fn breaks_off(mut stream: TcpStream) {
    let read = async {
        let (mut tail, mut piece) = (Vec::new(), vec![0; 1 << 16]);
        // Ok(0) is the end; what was still under way when the connection was closed may make it a reset.
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            tail.extend_from_slice(&piece[..read]);
            tail.drain(..tail.len().saturating_sub(5));
        }
        tail
    };
    let tail = tokio::time::timeout(IN_TIME, read).await.expect("it ends");
    assert_ne!(tail, b"0\r\n\r\n", "all of it was sent");
}

/// Also where the client takes nothing of what is ready for it.
#[tokio::test(flavor = "multi_thread")]
async fn p9_exports_and_events_end_when_a_token_a_session_an_account_or_a_role_does() {
    let site = hasty().await;
    fill(&site).await;
    let ann = site.set_up("ann").await;
    let (_, other) = ann.token(&site, "other", "read").await;
    ann.add(&site, "bob", "viewer").await;
    ann.add(&site, "eve", "viewer").await;
    ann.add(&site, "joe", "operator").await;
    let (id, token) = ann.token(&site, "mine", "read").await;
    let (bob, eve, joe) = (site.browser("bob").await, site.browser("eve").await, site.browser("joe").await);
    let cookie = |browser: &Browser| format!("cookie: {}\r\n", browser.cookie);
    let other = format!("authorization: Bearer {other}\r\n");
    for (credential, by, method, end) in [
        (format!("authorization: Bearer {token}\r\n"), &ann, "DELETE", format!("/api/v1/tokens/{id}")),
        (cookie(&bob), &ann, "DELETE", "/api/v1/users/bob".to_owned()),
        (cookie(&eve), &eve, "DELETE", "/api/v1/session".to_owned()),
        // Another role ends the sessions of the old one.
        (cookie(&joe), &ann, "PATCH", "/api/v1/users/joe".to_owned()),
    ] {
        let exports = ["?format=csv", "?format=senml"].map(|query| format!("/api/v1/export{query}"));
        let exports =
            [begin(&site, &exports[0], &credential).await, begin(&site, &exports[1], &credential).await];
        let events = begin(&site, "/api/v1/events", &credential).await;
        assert_eq!(
            ask(&site, "/api/v1/export", &other).await.0,
            429,
            "both places of this address are taken"
        );
        let body = if method == "PATCH" { json!({"role": "viewer"}) } else { Value::Null };
        let ended = by.ask(&site, method, &end, body).await;
        assert!(ended.status.is_success(), "{end}: {}", ended.text());
        drop(begin(&site, "/api/v1/export", &other).await);
        for stream in exports.into_iter().chain([events]) {
            breaks_off(stream).await;
        }
    }
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_who_looked_while_all_was_open_does_not_go_on_when_there_are_accounts() {
    let site = hasty().await;
    let events = begin(&site, "/api/v1/events", "").await;
    site.set_up("ann").await;
    breaks_off(events).await;
    site.cloud.stop().await;
}
