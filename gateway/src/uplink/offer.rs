//! What is sent to the cloud, and what comes back: the bytes, without the sockets.

use std::collections::VecDeque;

use bytes::Bytes;
use fieldpost_core::{
    Refusal, UtcInstant,
    bug::{self, Bug},
    message,
    senml::{self, PackSurvey},
};
use jiff::tz::TimeZone;
use std::time::Duration;

use super::{
    mark,
    verdict::{self, Verdict},
};
use crate::journal::{Seq, StoredSurvey};

/// A survey that has waited longer is dated in full. Without dates, tomorrow's might read the same to the byte, come
/// soon after, and pass for a copy of it.
const FRESH: Duration = Duration::from_secs(3 * 60 * 60);
/// A reference cloud reads once, into a buffer of this size.
const MAX_UPLOAD: usize = 4_096;

/// How the cloud is spoken to.
#[derive(Debug, Clone)]
pub enum Wire {
    /// The reference upload, lines of text in the zone of the site.
    Tcp(TimeZone),
    /// SenML CBOR batches over HTTP.
    Http,
}

/// A message to the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// The body of a POST, and its `Fieldpost-Custody`.
    Http {
        /// SenML CBOR.
        body: Bytes,
        /// Which journal it is from, and from where to where.
        custody: String,
    },
    /// A reference upload: at most 4,096 bytes of lines, on a connection of its own.
    Text {
        /// The lines.
        text: String,
    },
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP answer.
    Http {
        /// Its status code.
        status: u16,
        /// Its `Content-Type`, empty if it has none.
        content_type: String,
        /// Its `Fieldpost-Custody`.
        custody: Option<String>,
        /// Its body.
        body: Bytes,
    },
    /// The answer to a reference upload.
    Reply(Vec<u8>),
    /// None, and why.
    Failed(String),
}

impl Wire {
    /// How many of `surveys`, from the first, are best offered together; never none.
    pub(super) fn portion(&self, surveys: &[StoredSurvey], now: UtcInstant) -> usize {
        let Self::Tcp(zone) = self else { return surveys.len() };
        let mut bytes = 0_usize;
        let fitting = surveys.iter().take_while(|survey| {
            bytes = bytes.saturating_add(lines(survey, zone, now).map_or(0, |text| text.len()));
            bytes <= MAX_UPLOAD
        });
        fitting.count().max(1)
    }
}

/// The messages that offer `surveys`: a pack, or pieces of text. The custody is the journal, `after` and `through`.
pub(super) fn messages(
    wire: &Wire,
    surveys: &[StoredSurvey],
    (journal, after, through): (u64, Seq, Seq),
    now: UtcInstant,
) -> Result<VecDeque<Offer>, Refusal> {
    let Wire::Tcp(zone) = wire else {
        let body = Bytes::from(senml::pack(surveys.iter().map(|survey| survey.records.as_slice())));
        return Ok(VecDeque::from([Offer::Http { body, custody: mark::request(journal, after, through) }]));
    };
    let texts: Result<Vec<String>, _> = surveys.iter().map(|survey| lines(survey, zone, now)).collect();
    let text = texts?.concat();
    Ok(message::split(&text, MAX_UPLOAD)
        .into_iter()
        .map(|text| Offer::Text { text: text.to_owned() })
        .collect())
}

fn lines(survey: &StoredSurvey, zone: &TimeZone, now: UtcInstant) -> Result<String, Refusal> {
    let pack = senml::pack([survey.records.as_slice()]);
    // It was dated when it came; should our clock have been set back since, that is no reason to doubt it.
    let pack = senml::decode_cbor(&pack, UtcInstant::LATEST)?;
    let lines = pack.surveys.iter().flat_map(|PackSurvey { survey, received }| {
        let fresh = received.is_some_and(|received| now.duration_since(received) < FRESH);
        survey.readings.iter().map(move |reading| match fresh {
            true => message::line(&survey.device, reading, now, zone),
            false => message::dated_line(&survey.device, reading),
        })
    });
    Ok(lines.collect())
}

impl Answer {
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Http { status, content_type, body, .. } => verdict::of_http(*status, content_type, body),
            Self::Reply(bytes) if bytes.is_empty() && bug::on(Bug::SilenceCounts) => Verdict::Accepted,
            Self::Reply(bytes) if bytes.is_empty() => {
                Verdict::Later("the cloud closed the connection without an answer".to_owned())
            }
            Self::Reply(bytes) => verdict::of_reply(bytes),
            Self::Failed(why) => Verdict::Later(why.clone()),
        }
    }

    /// The cloud's mark, if it says one.
    pub(super) fn mark(&self) -> Option<Seq> {
        match self {
            Self::Http { custody: Some(custody), .. } => mark::answer(custody),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::Survey;

    #[test]
    fn a_survey_that_has_waited_is_dated_in_full() {
        let received: UtcInstant = "2026-07-01T09:00:00Z".parse().unwrap();
        let Survey { device, readings } =
            message::surveys(b"m 08:00 - 20 - 30%\n", received, &TimeZone::UTC).unwrap().remove(0);
        let survey = Survey { device: device.clone(), readings };
        let records = senml::encode_records(&survey, Some(received));
        let stored = StoredSurvey { seq: 1, device, readings: 1, records };
        let text = |now: &str| lines(&stored, &TimeZone::UTC, now.parse().unwrap()).unwrap();
        assert_eq!(text("2026-07-01T10:00:00Z"), "m 08:00 - 20 - 30%\n\n");
        assert_eq!(text("2026-07-01T13:00:00Z"), "m 2026-07-01 08:00Z - 20 - 30%\n\n");
    }
}
