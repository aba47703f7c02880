//! Small clouds, written from the contracts alone.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use fieldpost_core::senml;
use fieldpost_gateway::UplinkTarget;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::now;

/// What a cloud saw, and how it is to answer.
#[derive(Default)]
pub(crate) struct Seen {
    /// `device time values` of every reading that was acknowledged, in order; and how often.
    pub(crate) readings: Vec<String>,
    /// Sizes of the uploads.
    pub(crate) uploads: Vec<usize>,
    /// The headers of the last request.
    pub(crate) headers: hyper::HeaderMap,
    /// Devices whose surveys are refused for good.
    pub(crate) refuse: BTreeSet<String>,
    /// Answers that say something else, before the right ones: status and body.
    pub(crate) trouble: Vec<(u16, &'static str)>,
    /// `Fieldpost-Custody` of every request that was acknowledged: the journal, `after`, `through`.
    pub(crate) custody: Vec<(String, u64, u64)>,
    /// What the gateway told of itself: where, and what.
    pub(crate) reports: Vec<(String, serde_json::Value)>,
    /// How far it says that it holds the journal; none is a cloud without marks.
    pub(crate) mark: Option<u64>,
}

/// A cloud on a port of loopback.
pub(crate) struct Cloud {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cloud {
    /// A Fieldpost cloud, as far as custody goes.
    pub(crate) async fn http(seen: Seen) -> Self {
        Self::start(seen, |listener, seen| async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let answer = service_fn(|request| answer(Arc::clone(&seen), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        })
        .await
    }

    /// The reference cloud, but for ever: one read of 4,096 bytes a connection, one answer.
    pub(crate) async fn reference(seen: Seen) -> Self {
        Self::start(seen, |listener, seen| async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = vec![0; 4096];
                let length = stream.read(&mut buffer).await.unwrap();
                let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
                let reply = upload(&mut seen.lock().unwrap(), &text);
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    async fn start<F>(seen: Seen, serve: impl FnOnce(TcpListener, Arc<Mutex<Seen>>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(seen)));
        let task = tokio::spawn(serve(listener, Arc::clone(&seen)));
        Self { address, seen, task }
    }

    pub(crate) fn http_target(&self) -> UplinkTarget {
        UplinkTarget::Http { host: self.address.ip().to_string(), port: self.address.port() }
    }

    pub(crate) fn tcp_target(&self) -> UplinkTarget {
        UplinkTarget::Tcp { host: self.address.ip().to_string(), port: self.address.port() }
    }

    pub(crate) fn readings(&self) -> Vec<String> {
        self.seen.lock().unwrap().readings.clone()
    }
}

async fn answer(
    seen: Arc<Mutex<Seen>>,
    request: Request<Incoming>,
) -> Result<Response<Full<bytes::Bytes>>, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut seen = seen.lock().unwrap();
    if head.method == "PUT" {
        assert_eq!(head.headers["content-type"], "application/json");
        seen.reports.push((head.uri.path().to_owned(), serde_json::from_slice(&body).unwrap()));
        return Ok(Response::builder().status(204).body(Full::default()).unwrap());
    }
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/api/v1/surveys"));
    seen.headers = head.headers;
    seen.uploads.push(body.len());
    let (status, kind, text) = pack(&mut seen, &body);
    let mut response = Response::builder().status(status).header("content-type", kind);
    if status == 200 && !text.starts_with('<') {
        let before = custody(&mut seen);
        if let Some(mark) = before {
            response = response.header("fieldpost-custody", mark.to_string());
        }
    }
    Ok(response.body(Full::from(text)).unwrap())
}

/// Keeps the mark as PROTOCOL.md has it; says the one before.
fn custody(seen: &mut Seen) -> Option<u64> {
    let header = seen.headers["fieldpost-custody"].to_str().unwrap().to_owned();
    let words: Vec<&str> = header.split(' ').collect();
    let (after, through) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    assert!(words.len() == 3 && words[0].len() == 16 && after <= through, "{header}");
    seen.custody.push((words[0].to_owned(), after, through));
    let before = seen.mark?;
    seen.mark = Some(if before >= after { through } else { before });
    Some(before)
}

fn pack(seen: &mut Seen, body: &[u8]) -> (u16, &'static str, String) {
    if let Some((status, text)) = seen.trouble.pop() {
        return (status, "text/plain", text.to_owned());
    }
    let surveys = senml::decode_cbor(body, now()).unwrap().surveys;
    let culprit = surveys.iter().find(|pack| seen.refuse.contains(pack.survey.device.as_str()));
    if let Some(culprit) = culprit {
        let problem = format!(
            r#"{{"type":"urn:fieldpost:problem:bad-device","detail":"not from {}","reason":"bad-device"}}"#,
            culprit.survey.device
        );
        return (422, "application/problem+json", problem);
    }
    let before = seen.readings.len();
    for pack in surveys {
        assert!(pack.received.is_some(), "the gateway says when it got it");
        seen.readings.extend(
            pack.survey
                .readings
                .iter()
                .map(|reading| format!("{} {} {}", pack.survey.device, reading.time, reading.values)),
        );
    }
    let new = seen.readings.len() - before;
    (200, "application/json", format!(r#"{{"new":{new},"duplicate":0,"conflict":0}}"#))
}

fn upload(seen: &mut Seen, text: &str) -> String {
    seen.uploads.push(text.len());
    if let Some((_, reply)) = seen.trouble.pop() {
        return reply.to_owned();
    }
    let lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    assert!(text.ends_with('\n'), "whole lines only");
    let of = |line: &String| line.split(' ').next().unwrap().to_owned();
    if lines.iter().any(|line| seen.refuse.contains(&of(line))) {
        return "Surveys refused: not from that one".to_owned();
    }
    seen.readings.extend(lines);
    "Surveys received".to_owned()
}
