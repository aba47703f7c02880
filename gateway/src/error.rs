//! Why a gateway could not start, or had to end.

use std::{io, path::PathBuf};

use crate::journal::JournalError;

/// Why a gateway could not start, or had to end. Each names the thing and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data folder cannot be made, read or written.
    #[error(
        "cannot {operation} `{path}`: {source}; give a data folder that this user may write, with --data"
    )]
    Folder {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no room for the data folder.
    #[error(
        "cannot {operation} `{path}`: {source}: the disk is full; make room on it, and start the gateway again"
    )]
    NoRoom {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another gateway holds the data folder.
    #[error(
        "data folder `{path}` is in use by another gateway; stop that one, or give this one a folder of its own with --data"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There is no journal to report on.
    #[error("no journal in `{path}`; is this the --data folder of a gateway that has run?")]
    NoJournal {
        /// The folder.
        path: PathBuf,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The gateway cannot begin with its journal.
    #[error("{source}{}", way_out(.source))]
    CannotStart {
        /// What was tried, and what was said.
        source: JournalError,
    },
    /// A socket cannot be used as the gateway needs it.
    #[error("cannot {operation}: {source}")]
    Socket {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// With [`crate::Settings::once`]: the upload was not acknowledged.
    #[error("Connection failed, try again. ({why}; the surveys are safe in the journal)")]
    NotAcknowledged {
        /// What happened.
        why: String,
    },
    /// A part of the gateway stopped that never should.
    #[error("{part} stopped unexpectedly; please report this with the log")]
    Stopped {
        /// Which.
        part: &'static str,
    },
}

impl Error {
    /// Something could not be done with the data folder.
    pub(crate) fn folder(operation: &'static str, path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull => Self::NoRoom { operation, path, source },
            _ => Self::Folder { operation, path, source },
        }
    }
}

/// At a start whoever starts the gateway starts it again: a person, or a service manager.
fn way_out(error: &JournalError) -> &'static str {
    match error {
        JournalError::Newer { .. } => "",
        JournalError::DiskFull { .. } => ", and start the gateway again",
        JournalError::Sql { .. } | JournalError::File { .. } => {
            "; check the disk and who may write there, and start the gateway again"
        }
    }
}
