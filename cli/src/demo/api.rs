//! Asking the cloud over its own API, as anybody could.

use anyhow::{Context, Result, bail};
use fieldpost_core::DeviceId;
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// The longest answer that is read: four times a year of hours as CSV.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
/// The longest that an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often a cloud that starts is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// The cloud's API.
#[derive(Clone, Copy)]
pub(super) struct Api {
    address: SocketAddr,
}

/// What the cloud says of a device; nothing at all of one that it does not know.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) readings: u64,
    pub(super) conflicts: u64,
}

impl Api {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// The URL under which people reach it.
    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) async fn device(&self, id: &DeviceId) -> Result<Held> {
        let (status, body) = self.get(&format!("/api/v1/devices/{id}"), "application/json").await?;
        match status {
            200 => {
                let device: Value = serde_json::from_str(&body).context("the cloud's answer is no JSON")?;
                let number = |key: &str| device.get(key).and_then(Value::as_u64).unwrap_or_default();
                Ok(Held { readings: number("readings"), conflicts: number("conflicts") })
            }
            404 => Ok(Held::default()),
            other => bail!("the cloud answered {other}: {body}"),
        }
    }

    /// All readings of a device, as CSV.
    pub(super) async fn readings(&self, id: &DeviceId) -> Result<String> {
        let path = format!("/api/v1/devices/{id}/readings?limit=100000");
        match self.get(&path, "text/csv").await? {
            (200, csv) => Ok(csv),
            (status, body) => bail!("the cloud answered {status}: {body}"),
        }
    }

    /// Has the cloud say `details` of a device of which nobody has said anything yet; what somebody has said stays.
    pub(super) async fn introduce(&self, id: &DeviceId, details: &Value) -> Result<()> {
        let (status, body) = self.get(&format!("/api/v1/devices/{id}"), "application/json").await?;
        if status == 200 && is_described(&body)? {
            return Ok(());
        }
        let path = format!("/api/v1/devices/{id}/details");
        match self.ask("PUT", &path, "application/json", &details.to_string()).await? {
            (200, _) => Ok(()),
            (status, body) => bail!("the cloud answered {status}: {body}"),
        }
    }

    /// Waits until the cloud answers that it is well.
    pub(super) async fn wait_until_ready(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let answer = self.get("/healthz", "application/json").await;
            match answer {
                Ok((200, _)) => return Ok(()),
                Ok((status, body)) if began.elapsed() > DEADLINE => {
                    bail!("the cloud answered {status}: {body}")
                }
                Err(error) if began.elapsed() > DEADLINE => return Err(error),
                Ok(_) | Err(_) => sleep(ASK_EVERY).await,
            }
        }
    }

    async fn get(&self, path: &str, accept: &str) -> Result<(u16, String)> {
        self.ask("GET", path, accept, "").await
    }

    /// `body` is JSON, or empty for none.
    async fn ask(&self, method: &str, path: &str, accept: &str, body: &str) -> Result<(u16, String)> {
        let answer = timeout(DEADLINE, self.exchange(method, path, accept, body)).await;
        let answer = answer
            .map_err(anyhow::Error::from)
            .flatten()
            .with_context(|| format!("no answer from {}{path}", self.base()))?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the cloud's answer is cut short")?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .context("the cloud's answer is not HTTP")?;
        Ok((status, body.to_owned()))
    }

    /// HTTP/1.0, so that the end of the answer is the end of the connection.
    async fn exchange(&self, method: &str, path: &str, accept: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        let content = match body.len() {
            0 => String::new(),
            length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
        };
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAccept: {accept}\r\n{content}\r\n{body}",
            self.address
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

/// Whether anything is said of the device of this answer.
fn is_described(answer: &str) -> Result<bool> {
    let device: Value = serde_json::from_str(answer).context("the cloud's answer is no JSON")?;
    let details = device.get("details").and_then(Value::as_object);
    Ok(details.is_some_and(|details| details.values().any(|value| !value.is_null())))
}
