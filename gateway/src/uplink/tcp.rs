//! The reference upload: text on a connection of its own, one write, one answer.

use std::time::Duration;

use fieldpost_core::{
    UtcInstant, message,
    senml::{self, PackSurvey},
};
use jiff::tz::TimeZone;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::verdict::{self, Verdict};
use crate::journal::StoredSurvey;

/// A survey that has waited longer is dated in full. Without dates, tomorrow's might read the same to the byte, come
/// soon after, and pass for a copy of it.
const FRESH: Duration = Duration::from_secs(3 * 60 * 60);
/// A reference cloud reads once, into a buffer of this size.
const MAX_UPLOAD: usize = 4_096;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte sent to the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read; the reference gateway's buffer.
const MAX_ANSWER: usize = 4_096;

/// The way to a cloud that speaks the reference protocol.
pub(crate) struct Tcp {
    host: String,
    port: u16,
    zone: TimeZone,
}

impl Tcp {
    pub(super) fn new(host: String, port: u16, zone: TimeZone) -> Self {
        Self { host, port, zone }
    }

    /// How many surveys, from the first, fit into one upload; one if not even that.
    pub(super) fn portion(&self, surveys: &[StoredSurvey], now: UtcInstant) -> usize {
        let mut bytes = 0_usize;
        let fitting = surveys.iter().take_while(|survey| {
            bytes = bytes.saturating_add(self.text(survey, now).map_or(0, |text| text.len()));
            bytes <= MAX_UPLOAD
        });
        fitting.count().max(1)
    }

    /// Sends the surveys' lines, at most [`MAX_UPLOAD`] bytes of them a connection.
    pub(super) async fn offer(&self, surveys: &[StoredSurvey], now: UtcInstant) -> Verdict {
        let texts: Result<Vec<String>, _> = surveys.iter().map(|survey| self.text(survey, now)).collect();
        let text = match texts {
            Ok(texts) => texts.concat(),
            Err(refusal) => return Verdict::Refused { reason: refusal.to_string(), future: false },
        };
        for piece in message::split(&text, MAX_UPLOAD) {
            match self.upload(piece).await {
                Verdict::Accepted => {}
                other => return other,
            }
        }
        Verdict::Accepted
    }

    fn text(&self, survey: &StoredSurvey, now: UtcInstant) -> Result<String, fieldpost_core::Refusal> {
        let pack = senml::pack([survey.records.as_slice()]);
        // It was dated when it came; should our clock have been set back since, that is no reason to doubt it.
        let pack = senml::decode_cbor(&pack, UtcInstant::LATEST)?;
        let lines = pack.surveys.iter().flat_map(|PackSurvey { survey, received }| {
            let fresh = received.is_some_and(|received| now.duration_since(received) < FRESH);
            survey.readings.iter().map(move |reading| match fresh {
                true => message::line(&survey.device, reading, now, &self.zone),
                false => message::dated_line(&survey.device, reading),
            })
        });
        Ok(lines.collect())
    }

    async fn upload(&self, text: &str) -> Verdict {
        let mut stream =
            match timeout(CONNECT_TIMEOUT, TcpStream::connect((self.host.as_str(), self.port))).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Verdict::Later(format!("cannot connect: {error}")),
                Err(_) => return Verdict::Later("no connection in time".to_owned()),
            };
        match timeout(ANSWER_TIMEOUT, exchange(&mut stream, text)).await {
            Ok(Ok(answer)) if answer.is_empty() => {
                Verdict::Later("the cloud closed the connection without an answer".to_owned())
            }
            Ok(Ok(answer)) => verdict::of_reply(&answer),
            Ok(Err(error)) => Verdict::Later(format!("the connection broke: {error}")),
            Err(_) => Verdict::Later("the cloud did not answer in time".to_owned()),
        }
    }
}

/// Sends the text in one write, because a reference cloud reads once; our side stays open, as the reference
/// gateway's does. The answer is what one read brings.
async fn exchange(stream: &mut TcpStream, text: &str) -> std::io::Result<Vec<u8>> {
    stream.set_nodelay(true)?;
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; MAX_ANSWER];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::Survey;

    #[test]
    fn a_survey_that_has_waited_is_dated_in_full() {
        let tcp = Tcp::new("localhost".into(), 1, TimeZone::UTC);
        let received: UtcInstant = "2026-07-01T09:00:00Z".parse().unwrap();
        let Survey { device, readings } =
            message::surveys(b"m 08:00 - 20 - 30%\n", received, &TimeZone::UTC).unwrap().remove(0);
        let survey = Survey { device: device.clone(), readings };
        let records = senml::encode_records(&survey, Some(received));
        let stored = StoredSurvey { seq: 1, device, readings: 1, records };
        let text = |now: &str| tcp.text(&stored, now.parse().unwrap()).unwrap();
        assert_eq!(text("2026-07-01T10:00:00Z"), "m 08:00 - 20 - 30%\n\n");
        assert_eq!(text("2026-07-01T13:00:00Z"), "m 2026-07-01 08:00Z - 20 - 30%\n\n");
    }
}
