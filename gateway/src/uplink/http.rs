//! The real uplink: SenML CBOR batches over HTTP, on one connection that is kept.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use jiff::tz::TimeZone;
use tokio::{net::TcpStream, time::timeout};

use super::{Answer, chain, verdict::Verdict};
use crate::Token;

const PATH: &str = "/api/v1/surveys";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/senml+cbor");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Who sends, for the cloud's records.
const GATEWAY: HeaderName = HeaderName::from_static("fieldpost-gateway");
/// How far this cloud holds our journal (`mark.rs`).
const CUSTODY: HeaderName = HeaderName::from_static("fieldpost-custody");
/// In which zone the site's console lines are printed.
const TIME_ZONE: HeaderName = HeaderName::from_static("fieldpost-time-zone");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the request to the end of the answer: a cloud under load may take its time to commit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

type Body = Full<Bytes>;

/// The way to a Fieldpost cloud.
pub(crate) struct Http {
    host: String,
    port: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The connection, while it works.
    connection: Option<SendRequest<Body>>,
}

impl Http {
    pub(crate) fn new(host: String, port: u16, name: &str, zone: &TimeZone, token: Option<&Token>) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.map_or(host.clone(), str::to_owned);
        let authority =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let named =
            [(header::HOST, Some(authority.as_str())), (GATEWAY, Some(name)), (TIME_ZONE, zone.iana_name())];
        // A name that no header can bear is left out: it must not stop the surveys.
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
        let secret = token.and_then(|token| value(&token.authorization())).map(|mut value| {
            value.set_sensitive(true);
            (header::AUTHORIZATION, value)
        });
        let headers =
            named.into_iter().filter_map(|(name, text)| text.and_then(value).map(|value| (name, value)));
        Self { host, port, headers: headers.chain(secret).collect(), connection: None }
    }

    /// Posts a pack, with the journal's `Fieldpost-Custody`.
    pub(super) async fn send(&mut self, body: Bytes, custody: &str) -> Answer {
        let answer = self.post(body, custody).await.unwrap_or_else(Answer::Failed);
        if matches!(answer.verdict(), Verdict::Later(_)) {
            // Whatever it was, it starts afresh.
            self.connection = None;
        }
        answer
    }

    async fn post(&mut self, body: Bytes, custody: &str) -> Result<Answer, String> {
        let mut kept = self.connection.take();
        let usable = match &mut kept {
            Some(kept) => kept.ready().await.is_ok(),
            None => false,
        };
        let connection = match kept.filter(|_| usable) {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let connection = self.connection.insert(connection);
        let mut request =
            Request::post(PATH).header(header::CONTENT_TYPE, CONTENT_TYPE).header(CUSTODY, custody);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| chain(&error))?;
        let exchange = async {
            let response = connection.send_request(request).await.map_err(|error| chain(&error))?;
            read(response).await
        };
        timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| "the cloud did not answer in time".to_owned())?
    }

    /// Puts JSON at `path`, on a connection of its own; the answer's status.
    pub(super) async fn put(&self, path: &str, json: String) -> Result<u16, String> {
        let mut connection = self.connect().await?;
        let mut request = Request::put(path).header(header::CONTENT_TYPE, JSON);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(json)).map_err(|error| chain(&error))?;
        let sent = timeout(ANSWER_TIMEOUT, connection.send_request(request)).await;
        let response = sent.map_err(|_| "the cloud did not answer in time".to_owned())?;
        Ok(response.map_err(|error| chain(&error))?.status().as_u16())
    }

    async fn connect(&self) -> Result<SendRequest<Body>, String> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = timeout(CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_| "no connection in time".to_owned())?
            .map_err(|error| format!("cannot connect: {error}"))?;
        // Without this a small post waits 40 ms for the other side's acknowledgement.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
        // It ends with its sender, or with the other side.
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, String> {
    let status = response.status().as_u16();
    let text = |name: HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let (content_type, custody) = (text(header::CONTENT_TYPE).unwrap_or_default(), text(CUSTODY));
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| chain(&*error))?.to_bytes();
    Ok(Answer::Http { status, content_type, custody, body })
}
