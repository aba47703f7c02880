//! Surveys go to the cloud in packs, as a gateway sends them.

use super::{
    super::cloud::{self, Cloud},
    Faults,
    days::FromFile,
};
use crate::failure::Failure;
use anyhow::{Context, Result};
use bytes::Bytes;
use fieldpost_core::senml;
use hyper::Method;
use serde::Deserialize;
use std::{collections::VecDeque, fs, time::Duration};
use tokio::time::sleep;

/// A pack has at most so many surveys, and bytes but for the last one's.
const MAX_SURVEYS: usize = 512;
const MAX_BYTES: usize = 1 << 20;
/// How often a pack is sent that the cloud could not take, and how long to wait before the second time; then twice as long.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);
/// The longest name of this machine in the sender's name.
const MAX_HOST: usize = 100;

/// A survey as it is sent, and where it is from.
struct Record {
    bytes: Vec<u8>,
    place: String,
}

/// What the cloud says of a pack.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Taken {
    new: u64,
    duplicate: u64,
    conflict: u64,
    /// Older than the cloud keeps.
    #[serde(default)]
    expired: u64,
}

enum Verdict {
    Taken(Taken),
    Refused(String),
}

/// Sends surveys, and counts.
pub(super) struct Sender {
    cloud: Cloud,
    gateway: String,
    waiting: Vec<Record>,
    bytes: usize,
    surveys: u64,
    sum: Taken,
}

impl Sender {
    pub(super) fn new(cloud: Cloud) -> Self {
        let gateway = format!("{}{}", fieldpost_cloud::Origin::IMPORT, host());
        Self { cloud, gateway, waiting: Vec::new(), bytes: 0, surveys: 0, sum: Taken::default() }
    }

    /// Sends surveys of the file `name`, as soon as they fill a pack.
    pub(super) async fn send(
        &mut self,
        name: &str,
        surveys: Vec<FromFile>,
        faults: &mut Faults<'_>,
    ) -> Result<(), Failure> {
        for FromFile { survey, lines: (first, last) } in surveys {
            let day: String = survey
                .readings
                .first()
                .map(|one| one.time.to_string())
                .unwrap_or_default()
                .chars()
                .take(10)
                .collect();
            let place = format!("{name}: lines {first} to {last}, {} on {day}", survey.device);
            let bytes = senml::encode_records(&survey, None);
            self.bytes += bytes.len();
            self.waiting.push(Record { bytes, place });
            if self.waiting.len() >= MAX_SURVEYS || self.bytes >= MAX_BYTES {
                self.flush(faults).await?;
            }
        }
        Ok(())
    }

    /// Sends what waits. A pack that is refused is sent in halves, until the survey that is at fault is alone.
    pub(super) async fn flush(&mut self, faults: &mut Faults<'_>) -> Result<(), Failure> {
        self.bytes = 0;
        let all = std::mem::take(&mut self.waiting);
        let mut packs = VecDeque::from([all.as_slice()]);
        while let Some(pack) = packs.pop_front() {
            let [first, more @ ..] = pack else { continue };
            match self.post(pack).await? {
                Verdict::Taken(taken) => {
                    self.surveys += pack.len() as u64;
                    self.sum.new += taken.new;
                    self.sum.duplicate += taken.duplicate;
                    self.sum.conflict += taken.conflict;
                    self.sum.expired += taken.expired;
                }
                Verdict::Refused(why) if more.is_empty() => {
                    faults.say(&format!("{}: the cloud refuses it: {why}", first.place));
                }
                Verdict::Refused(_) => {
                    let (one, other) = pack.split_at(pack.len() / 2);
                    packs.push_front(other);
                    packs.push_front(one);
                }
            }
        }
        Ok(())
    }

    async fn post(&mut self, pack: &[Record]) -> Result<Verdict, Failure> {
        let body = Bytes::from(senml::pack(pack.iter().map(|record| record.bytes.as_slice())));
        let mut pause = PAUSE;
        for again in (0..TRIES).rev() {
            let error = match self.exchange(body.clone()).await {
                Ok((200, body)) => {
                    let taken = serde_json::from_slice(&body);
                    let strange = || {
                        format!("not an answer of a Fieldpost cloud; check --cloud {}", self.cloud.address())
                    };
                    return Ok(Verdict::Taken(taken.with_context(strange)?));
                }
                Ok((status @ (400 | 413 | 422), body)) => {
                    return Ok(Verdict::Refused(cloud::explain(status, &body)));
                }
                Ok((status @ (408 | 429 | 500..), body)) => cloud::explain(status, &body),
                Ok((status, body)) => {
                    let why = cloud::explain(status, &body);
                    return Err(Failure::failed(format!("the cloud at {}: {why}", self.cloud.address())));
                }
                Err(error) => format!("{error:#}"),
            };
            if again == 0 {
                let at = self.cloud.address();
                return Err(Failure::failed(format!(
                    "the cloud at {at} takes nothing: {error}; run it again to go on"
                )));
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        Err(Failure::failed("nothing was tried"))
    }

    async fn exchange(&mut self, body: Bytes) -> Result<(u16, Bytes)> {
        let headers =
            [("content-type", "application/senml+cbor"), ("fieldpost-gateway", self.gateway.as_str())];
        let answer = self.cloud.ask(Method::POST, "/api/v1/surveys", &headers, body).await?;
        Ok((answer.status().as_u16(), cloud::body(answer).await?))
    }

    /// What became of everything, for people.
    pub(super) fn sums(&self) -> String {
        let Taken { new, duplicate, conflict, expired } = self.sum;
        let expired = match expired {
            0 => String::new(),
            expired => format!(", {expired} expired (older than the cloud keeps)"),
        };
        let surveys = self.surveys;
        format!(
            "{surveys} surveys: {new} readings new, {duplicate} duplicate, {conflict} in conflict{expired}"
        )
    }
}

/// This machine's name, as far as it may stand in a header.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(MAX_HOST).collect();
    if name.is_empty() { "unknown".into() } else { name }
}
