//! What a sender handed in, as the store takes it.

use crate::{Limits, budget::Share, custody::Custody};
use bytes::Bytes;
use fieldpost_core::{
    Key, Reason, Refusal, UtcInstant, dating, message,
    senml::{self, Pack, PackSurvey},
};
use jiff::tz::TimeZone;
use std::{sync::Arc, time::Duration};

/// How long the same bytes of a SenML pack with relative times are taken for another copy of it. A sender over HTTP
/// gets an answer or an error at once and repeats within its own retry, so this need not be long; and it must not,
/// since relative times cannot tell a copy from a new reading that happens to say the same.
const RELATIVE_WINDOW: Duration = Duration::from_secs(2 * 60);

/// A survey's own rows cost the store as much as so many readings.
const SURVEY_COST: usize = 20;

/// Who hands surveys in.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The gateway's name, or the address that the upload came from.
    pub gateway: String,
    /// The gateway's site's zone, if it says: its readings are shown in it.
    pub time_zone: Option<TimeZone>,
    /// How far the upload takes the cloud in the gateway's journal, if it says.
    pub custody: Option<Custody>,
}

/// The form of an upload.
#[derive(Debug, Clone)]
pub enum Format {
    /// The reference system's text; times of day are those of this zone.
    Text(TimeZone),
    /// SenML in JSON.
    Json,
    /// SenML in CBOR.
    Cbor,
}

impl Origin {
    /// What the names of imports begin with: somebody sends a file by hand, and is no gateway.
    pub const IMPORT: &str = "import:";

    /// Whether somebody sends a file by hand.
    pub(crate) fn is_import(gateway: &str) -> bool {
        gateway.starts_with(Self::IMPORT)
    }
}

impl Format {
    /// The form's name in the quarantine.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Json => "senml+json",
            Self::Cbor => "senml+cbor",
        }
    }
}

/// An upload as it came.
#[derive(Debug, Clone)]
pub struct Upload {
    pub(crate) format: Format,
    pub(crate) bytes: Bytes,
    pub(crate) origin: Origin,
    /// When this copy of it came.
    pub(crate) received: UtcInstant,
    /// What it takes of the byte budget, if it came by a socket.
    pub(crate) share: Option<Arc<Share>>,
}

impl Upload {
    /// The upload `bytes` of which this copy came at `received`.
    #[must_use]
    pub fn new(format: Format, bytes: Bytes, origin: Origin, received: UtcInstant) -> Self {
        Self { format, bytes, origin, received, share: None }
    }

    /// The same, with what it takes of the byte budget.
    pub(crate) fn within(self, share: Share) -> Self {
        Self { share: Some(Arc::new(share)), ..self }
    }

    /// The surveys in it, dated as if its first copy had come at `received`.
    fn surveys(&self, received: UtcInstant) -> Result<Pack, Refusal> {
        match &self.format {
            Format::Text(zone) => {
                let surveys = message::surveys(&self.bytes, received, zone)?.into_iter();
                let surveys = surveys.map(|survey| PackSurvey { survey, received: None }).collect();
                Ok(Pack { surveys, relative: true })
            }
            Format::Json => senml::decode_json(&self.bytes, received),
            Format::Cbor => senml::decode_cbor(&self.bytes, received),
        }
    }

    /// Reads the upload whole, or refuses it whole.
    ///
    /// # Errors
    /// The first fault in it.
    pub fn read(&self) -> Result<Submission, Refusal> {
        let pack = self.surveys(self.received)?;
        if pack.surveys.len() > Limits::MAX_SURVEYS {
            let detail = format!("an upload has at most {} surveys; send it in several", Limits::MAX_SURVEYS);
            return Err(Refusal::new(Reason::TooLong, detail));
        }
        let undated = (pack.relative && !pack.surveys.is_empty())
            .then(|| Undated { key: Key::of(&[&self.bytes]), upload: self.clone() });
        let (origin, received, share) = (self.origin.clone(), self.received, self.share.clone());
        Ok(Submission { origin, received, dated: received, surveys: pack.surveys, undated, _share: share })
    }
}

/// Surveys on their way into the store.
#[derive(Debug)]
pub struct Submission {
    pub(crate) origin: Origin,
    /// When this copy of it came.
    pub(crate) received: UtcInstant,
    /// The receipt that its surveys are dated by, if they say no dates: the first copy's, as far as is known.
    pub(crate) dated: UtcInstant,
    pub(crate) surveys: Vec<PackSurvey>,
    /// Set if the dates depend on when the upload came.
    pub(crate) undated: Option<Undated>,
    /// Held until the writer is done with it, also if its sender has not waited so long: it is in memory until then.
    pub(crate) _share: Option<Arc<Share>>,
}

/// An upload that says no dates: those of its first copy count (promise P4), and the store knows when that came.
#[derive(Debug)]
pub(crate) struct Undated {
    /// The identity of its bytes.
    pub(crate) key: Key,
    upload: Upload,
}

impl Undated {
    /// Whether this upload, which came `now`, is a copy of the same bytes that came `first`.
    pub(crate) fn is_copy(&self, first: UtcInstant, now: UtcInstant) -> bool {
        match self.upload.format {
            Format::Text(_) => dating::is_copy(first, now),
            Format::Json | Format::Cbor => {
                now.duration_since(first) < RELATIVE_WINDOW && first.duration_since(now) < RELATIVE_WINDOW
            }
        }
    }
}

impl Submission {
    /// The surveys, as they are dated by now.
    #[must_use]
    pub fn surveys(&self) -> &[PackSurvey] {
        &self.surveys
    }

    /// Dates the surveys as those of a first copy that came at `first`.
    ///
    /// # Errors
    /// What would have been wrong with that copy.
    pub fn date_by(&mut self, first: UtcInstant) -> Result<(), Refusal> {
        if let Some(undated) = &self.undated {
            self.surveys = undated.upload.surveys(first)?.surveys;
            self.dated = first;
        }
        Ok(())
    }

    /// What it costs to store, in readings.
    pub(crate) fn cost(&self) -> usize {
        self.surveys.iter().map(|one| one.survey.readings.len().saturating_add(SURVEY_COST)).sum()
    }
}
