//! Why a device stopped short.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use fieldpost_core::Refusal;

use crate::{FileError, Gateway};

/// Why a device stopped short. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file has a line that no gateway would take; nothing was sent.
    #[error("{}: {refusal}", .file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// The line and its fault.
        refusal: Refusal,
    },
    /// A station file without a single line.
    #[error("{}: no hours in it; give a NOAA hourly02 file or a CSV with rows below its header", .0.display())]
    NoSlots(PathBuf),
    /// A speed that time cannot have.
    #[error("speed {0}: write how many times faster than real time, such as 1 or 3600")]
    BadSpeed(f64),
    /// The gateway will never take it as it is.
    #[error("the gateway {gateway} refused {what}: {reason}")]
    Refused {
        /// Which survey.
        what: String,
        /// By whom.
        gateway: Gateway,
        /// In the gateway's words.
        reason: String,
    },
    /// Nobody said that it arrived.
    #[error(
        "{what} was not acknowledged by {gateway} within {:.1} s ({attempts} sent): {trouble}",
        .after.as_secs_f64()
    )]
    NotAcknowledged {
        /// Which survey.
        what: String,
        /// Who should have.
        gateway: Gateway,
        /// How long it was tried.
        after: Duration,
        /// How often it was sent.
        attempts: u32,
        /// What was heard instead.
        trouble: String,
    },
    /// Told to stop before its one survey was acknowledged.
    #[error("stopped before the survey was acknowledged; send it again")]
    Stopped,
    /// What it prints could not be printed.
    #[error("cannot print what was sent: {0}")]
    Output(#[from] io::Error),
}
