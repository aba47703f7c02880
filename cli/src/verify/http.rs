//! One connection to the cloud, kept. HTTP/1.1 with its framing, because an answer that breaks off in the middle must not
//! pass for a shorter one: what it left out would look missing.

use crate::address::Address;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use fieldpost_gateway::Token;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::{sleep, timeout},
};

/// The longest answer that is taken: a page of readings has some 50 bytes a reading.
const MAX_ANSWER: usize = 8 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the request to the end of the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// A cloud that is busy, or closed a connection that idled, is asked again so many times.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);
const BUSY: u16 = 503;

/// What the cloud answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether there is another page (RFC 8288).
    pub(super) more: bool,
    pub(super) body: Bytes,
}

/// Whoever answers questions.
pub(super) trait Ask {
    /// Where it is.
    fn address(&self) -> &Address;

    /// Asks for `path`.
    fn get(&mut self, path: &str, accept: &'static str) -> Result<Answer>;
}

/// The way to the cloud.
pub(super) struct Http {
    runtime: Runtime,
    address: Address,
    authorization: Option<HeaderValue>,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

impl Http {
    pub(super) fn new(address: Address, token: Option<Token>) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().context("cannot start")?;
        let authorization = token.and_then(|token| HeaderValue::try_from(token.authorization()).ok());
        let authorization = authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Self { runtime, address, authorization, connection: None })
    }
}

impl Ask for Http {
    fn address(&self) -> &Address {
        &self.address
    }

    fn get(&mut self, path: &str, accept: &'static str) -> Result<Answer> {
        let Self { runtime, address, authorization, connection } = self;
        let answer = runtime.block_on(async {
            let mut tries = 1;
            loop {
                let answer = exchange(connection, address, authorization.as_ref(), path, accept).await;
                match &answer {
                    Ok(Answer { status: BUSY, .. }) => {}
                    Ok(_) => return answer,
                    // Nobody listens there: asking again would only take longer.
                    Err(error) if error.is::<Unreachable>() => return answer,
                    Err(_) => *connection = None,
                }
                if tries == TRIES {
                    return answer;
                }
                tries += 1;
                sleep(PAUSE).await;
            }
        });
        answer.with_context(|| format!("cannot ask the cloud at {address}; is it running there?"))
    }
}

/// There is no connection to be had.
#[derive(Debug)]
struct Unreachable(String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

async fn exchange(
    kept: &mut Option<SendRequest<Empty<Bytes>>>,
    address: &Address,
    authorization: Option<&HeaderValue>,
    path: &str,
    accept: &'static str,
) -> Result<Answer> {
    let mut connection = match kept.take() {
        Some(connection) if !connection.is_closed() => connection,
        _ => connect(address).await?,
    };
    let host = match address.host.contains(':') {
        true => format!("[{}]:{}", address.host, address.port),
        false => format!("{}:{}", address.host, address.port),
    };
    let mut request = Request::get(path).header(header::HOST, host).header(header::ACCEPT, accept);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::new()).context("cannot be asked for")?;
    let answer = async {
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status().as_u16();
        let link = response.headers().get(header::LINK).and_then(|link| link.to_str().ok());
        let more = link.is_some_and(|link| link.contains("rel=\"next\""));
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        anyhow::Ok(Answer { status, more, body: body.to_bytes() })
    };
    let Ok(answer) = timeout(ANSWER_TIMEOUT, answer).await else { bail!("no answer in time") };
    *kept = Some(connection);
    answer
}

async fn connect(address: &Address) -> Result<SendRequest<Empty<Bytes>>> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let stream = match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Unreachable(error.to_string()).into()),
        Err(_) => return Err(Unreachable("no connection in time".into()).into()),
    };
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with its sender, or with the other side.
    tokio::spawn(connection);
    Ok(sender)
}
