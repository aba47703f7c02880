//! Reading a file whole, with errors that say what is wrong with it and how to mend that.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing is at that path.
    #[error("{}: there is no such file; check the path", .0.display())]
    Missing(PathBuf),
    /// A folder is.
    #[error("{}: this is a folder, not a file; name a file in it", .0.display())]
    Folder(PathBuf),
    /// The file may not be read by this user.
    #[error("{}: no permission to read it; allow it (chmod +r) or run as its owner", .0.display())]
    Denied(PathBuf),
    /// The file is larger than any that is read.
    #[error("{}: larger than {limit} bytes, the most that is read; split it", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is no text.
    #[error("{}: line {line} is not UTF-8 text; is it the right file?", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first line that is no text, from 1.
        line: usize,
    },
    /// The disk, or what stands for it, failed.
    #[error("{}: reading it failed: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The text of the file at `path`, if it has at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<String, FileError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        io::ErrorKind::IsADirectory => FileError::Folder(path.to_owned()),
        io::ErrorKind::PermissionDenied => FileError::Denied(path.to_owned()),
        _ => FileError::Io { path: path.to_owned(), source: error },
    };
    let mut bytes = Vec::new();
    // Not the size that the folder tells: a pipe has none, and a file may grow while it is read.
    File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        FileError::NotText { path: path.to_owned(), line }
    })
}
