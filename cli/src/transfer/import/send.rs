//! Surveys go to the cloud in packs, as a gateway sends them.

use super::{
    super::cloud::{self, Cloud},
    Faults,
    days::FromFile,
};
use crate::{failure::Failure, object::object};
use anyhow::Result;
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

impl Taken {
    fn add(&mut self, other: Self) {
        for (sum, more) in [
            (&mut self.new, other.new),
            (&mut self.duplicate, other.duplicate),
            (&mut self.conflict, other.conflict),
            (&mut self.expired, other.expired),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// What the cloud's answer to a pack means.
#[derive(Debug)]
enum Verdict {
    Taken(Taken),
    Refused(String),
    /// It may take the same pack later.
    Again(String),
    /// It takes nothing like this, or is no cloud.
    Never(String),
}

impl Verdict {
    fn of(status: u16, body: &[u8]) -> Self {
        let why = cloud::explain(status, body);
        match status {
            200 => object(body).map_or_else(
                |error| Self::Never(format!("not an answer of a Fieldpost cloud: {error}; check --cloud")),
                Self::Taken,
            ),
            400 | 413 | 422 => Self::Refused(why),
            408 | 429 | 500.. => Self::Again(why),
            _ => Self::Never(why),
        }
    }
}

/// What an import makes of a cloud's answer to a pack: how many readings were new, duplicate, in conflict, expired; or why nothing is
/// known to be taken. For the fuzzer.
///
/// # Errors
/// What would be said.
pub fn understand_report(status: u16, body: &[u8]) -> Result<[u64; 4], String> {
    match Verdict::of(status, body) {
        Verdict::Taken(Taken { new, duplicate, conflict, expired }) => {
            Ok([new, duplicate, conflict, expired])
        }
        Verdict::Refused(why) | Verdict::Again(why) | Verdict::Never(why) => Err(why),
    }
}

/// What became of a pack.
enum Fate {
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
                Fate::Taken(taken) => {
                    self.surveys += pack.len() as u64;
                    self.sum.add(taken);
                }
                Fate::Refused(why) if more.is_empty() => {
                    faults.say(&format!("{}: the cloud refuses it: {why}", first.place));
                }
                Fate::Refused(_) => {
                    let (one, other) = pack.split_at(pack.len() / 2);
                    packs.push_front(other);
                    packs.push_front(one);
                }
            }
        }
        Ok(())
    }

    async fn post(&mut self, pack: &[Record]) -> Result<Fate, Failure> {
        let body = Bytes::from(senml::pack(pack.iter().map(|record| record.bytes.as_slice())));
        let mut pause = PAUSE;
        for again in (0..TRIES).rev() {
            let verdict = match self.exchange(body.clone()).await {
                Ok((status, body)) => Verdict::of(status, &body),
                Err(error) => Verdict::Again(format!("{error:#}")),
            };
            let at = self.cloud.address();
            match verdict {
                Verdict::Taken(taken) => return Ok(Fate::Taken(taken)),
                Verdict::Refused(why) => return Ok(Fate::Refused(why)),
                Verdict::Never(why) => return Err(Failure::failed(format!("the cloud at {at}: {why}"))),
                Verdict::Again(why) if again == 0 => {
                    let hint = "run it again to go on";
                    return Err(Failure::failed(format!("the cloud at {at} takes nothing: {why}; {hint}")));
                }
                Verdict::Again(_) => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_clouds_own_report_says_that_a_pack_is_taken() {
        let report = br#"{"new":1,"duplicate":2,"conflict":3}"#;
        assert_eq!(understand_report(200, report), Ok([1, 2, 3, 0]));
        for (status, body) in [
            (200, &b"[1,2,3]"[..]),
            (200, b"[1,2,3,4]"),
            (200, b"<h1>It works!</h1>"),
            (200, b"{\"new\":1,\"duplicate\":0,\"conflict\":0,\"x\":\"\xff\"}"),
            (201, report),
            (422, report),
        ] {
            assert!(understand_report(status, body).is_err(), "{status} {}", body.escape_ascii());
        }
    }

    #[test]
    fn counts_that_no_cloud_can_mean_do_not_stop_an_import() {
        let mut sum = Taken { new: 5, ..Taken::default() };
        sum.add(Taken { new: u64::MAX, ..Taken::default() });
        assert_eq!(sum.new, u64::MAX);
    }
}
