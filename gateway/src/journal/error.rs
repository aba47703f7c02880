//! What can go wrong with the journal.

use std::{
    io,
    path::{Path, PathBuf},
};

use fieldpost_core::bug::{self, Bug};
use rusqlite::{ErrorCode, ffi};

/// Why the journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The database said no.
    #[error("cannot {operation} the journal `{path}`: {source}")]
    Sql {
        /// What was tried.
        operation: &'static str,
        /// The journal.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file system said no.
    #[error("cannot {operation} `{path}`: {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer program has written it.
    #[error(
        "journal `{path}` is of version {version}, and this program knows versions up to {known}; run the newer program again"
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// The newest that this program knows.
        known: usize,
    },
}

impl JournalError {
    /// Whether there was no room for it.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Sql { source, .. } if source.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }

    /// Whether something in the file could not be read now: it may be read again another time, and is damaged only if it never can.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Sql { source, .. } if is_unreadable(source))
    }

    /// Whether the file itself is damaged, so that trying again cannot help and salvage can.
    pub(crate) fn is_corrupt(&self) -> bool {
        let Self::Sql { source, .. } = self else { return false };
        let failed = source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        if failed && bug::on(Bug::SalvageOnReadError) {
            return true;
        }
        matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || matches!(
                source,
                rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..)
            )
    }
}

/// Whether the medium gave nothing back.
pub(super) fn is_unreadable(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_READ)
}

/// Says of an error what was being done, and to which file.
pub(super) trait Doing<T> {
    fn doing(self, operation: &'static str, path: &Path) -> Result<T, JournalError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, operation: &'static str, path: &Path) -> Result<T, JournalError> {
        self.map_err(|source| JournalError::Sql { operation, path: path.to_path_buf(), source })
    }
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, operation: &'static str, path: &Path) -> Result<T, JournalError> {
        self.map_err(|source| JournalError::File { operation, path: path.to_path_buf(), source })
    }
}
