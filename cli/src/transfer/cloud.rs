//! The way to a cloud: one connection, kept while it lasts.

use crate::{address::Address, object::object, shown::shown};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use fieldpost_gateway::Token;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the cloud may take to begin its answer: longer than it waits for a commit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer that is held in memory.
const MAX_ANSWER: usize = 1 << 20;

/// A cloud, asked over HTTP.
pub(super) struct Cloud {
    address: Address,
    token: Option<HeaderValue>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Cloud {
    /// The cloud at `address`, which is shown this token.
    pub(super) fn new(address: Address, token: Option<Token>) -> Self {
        let token = token.and_then(|token| HeaderValue::try_from(token.authorization()).ok());
        let token = token.map(|mut token| {
            token.set_sensitive(true);
            token
        });
        Self { address, token, connection: None }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Asks, and returns the answer's head with its body still to come.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.host());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).context("cannot be asked for")?;
        let answer = async {
            connection.ready().await?;
            connection.send_request(request).await
        };
        let Ok(answer) = timeout(ANSWER_TIMEOUT, answer).await else { bail!("no answer in time") };
        let answer = answer?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let connecting = TcpStream::connect((self.address.host.as_str(), self.address.port));
        let Ok(stream) = timeout(CONNECT_TIMEOUT, connecting).await else { bail!("no connection in time") };
        let stream = stream?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its sender, or with the other side.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn host(&self) -> String {
        match self.address.host.contains(':') {
            true => format!("[{}]:{}", self.address.host, self.address.port),
            false => format!("{}:{}", self.address.host, self.address.port),
        }
    }
}

/// The whole body of an answer.
pub(super) async fn body(answer: Response<Incoming>) -> Result<Bytes> {
    let body = timeout(ANSWER_TIMEOUT, Limited::new(answer.into_body(), MAX_ANSWER).collect()).await;
    let Ok(body) = body else { bail!("the answer stopped") };
    Ok(body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?.to_bytes())
}

/// Why the cloud did not do what it was asked, in its own words.
pub(super) fn explain(status: u16, body: &[u8]) -> String {
    let said = match object::<Problem>(body) {
        Ok(problem) => shown(&problem.detail),
        Err(_) => format!("status {status}: {}", shown(&String::from_utf8_lossy(body))),
    };
    match status {
        401 | 403 => format!("{said}; show it a token that may do this (--token-file)"),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_no_problem_of_a_cloud() {
        assert_eq!(explain(400, br#"{"detail":"no"}"#), "no");
        assert_eq!(explain(400, br#"["no"]"#), r#"status 400: ["no"]"#);
    }

    #[test]
    fn a_server_s_words_are_bounded_and_cannot_steer_the_terminal() {
        let long = "x".repeat(100_000);
        let problem = serde_json::json!({ "detail": format!("\u{1b}]0;mine\u{7}{long}") }).to_string();
        for said in [explain(400, problem.as_bytes()), explain(500, format!("\u{1b}[2J{long}").as_bytes())] {
            assert!(said.len() < 400 && !said.contains(char::is_control), "{said}");
        }
    }
}
