//! What can go wrong with the journal.

use std::{
    io,
    path::{Path, PathBuf},
};

use fieldpost_core::bug::{self, Bug};
use rusqlite::{ErrorCode, ffi};

use crate::disk::Disk;

/// A disk with less than this is full: SQLite's shared memory alone grows by 32 KiB.
const SCANT: u64 = 64 << 10;

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
    /// There was no room for it.
    #[error("{source}: the disk is full; make room on the disk of `{folder}`")]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
        /// What was tried, and what was said.
        source: Box<Self>,
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
    /// Whether there was no room for it, as far as the error itself tells.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Sql { source, .. } => source.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::File { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            Self::DiskFull { .. } => true,
            Self::Newer { .. } => false,
        }
    }

    /// Names the full disk if that is behind it. For want of room SQLite may also say `disk I/O error`, or that it cannot open a
    /// file.
    pub(crate) fn on(self, disk: &dyn Disk, folder: &Path) -> Self {
        let perhaps = match &self {
            Self::Sql { source, .. } => {
                matches!(source.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen))
            }
            Self::File { .. } => true,
            Self::DiskFull { .. } | Self::Newer { .. } => return self,
        };
        if self.is_full() || (perhaps && disk.free(folder).is_ok_and(|free| free < SCANT)) {
            return Self::DiskFull { folder: folder.to_path_buf(), source: Box::new(self) };
        }
        self
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
