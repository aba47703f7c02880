//! Uplink: what the journal holds goes to the cloud, in order, until the cloud has acknowledged it.
//!
//! Only an acknowledgement moves the cursor, and only the committer writes it ([`crate::journal::Order`]). Whatever else happens, the
//! surveys stay where they are and are offered again: after a while, for ever.

mod backoff;
mod http;
mod plan;
mod run;
mod state;
mod tcp;
mod verdict;

use std::fmt;

use fieldpost_core::UtcInstant;
use jiff::tz::TimeZone;

use crate::{UplinkTarget, journal::StoredSurvey};
use http::Http;
use tcp::Tcp;
use verdict::Verdict;

pub(crate) use run::Uplink;

/// Surveys that are read from the journal, and offered, at a time.
const MAX_BATCH: usize = 512;
/// And the bytes in them.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// The way to the cloud.
pub(crate) enum Link {
    Tcp(Tcp),
    Http(Http),
}

impl Link {
    /// A link to `target`, from the site in `zone` whose gateway has this `name`. Nothing is connected yet.
    pub(crate) fn new(target: &UplinkTarget, name: &str, zone: &TimeZone) -> Self {
        match target {
            UplinkTarget::Tcp { host, port } => Self::Tcp(Tcp::new(host.clone(), *port, zone.clone())),
            UplinkTarget::Http { host, port } => Self::Http(Http::new(host.clone(), *port, name, zone)),
        }
    }

    /// How many of `surveys`, from the first, are best offered together; never none.
    fn portion(&self, surveys: &[StoredSurvey], now: UtcInstant) -> usize {
        match self {
            Self::Tcp(tcp) => tcp.portion(surveys, now),
            Self::Http(_) => surveys.len(),
        }
    }

    /// Offers `surveys` to the cloud.
    async fn offer(&mut self, surveys: &[StoredSurvey], now: UtcInstant) -> Verdict {
        match self {
            Self::Tcp(tcp) => tcp.offer(surveys, now).await,
            Self::Http(http) => http.offer(surveys).await,
        }
    }
}

/// What an error says, with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = fmt::Write::write_fmt(&mut text, format_args!(": {error}"));
        source = error.source();
    }
    text
}
