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
    let failed = |error| failed(path, error);
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

fn failed(path: &Path, error: io::Error) -> FileError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing(path),
        io::ErrorKind::IsADirectory => FileError::Folder(path),
        io::ErrorKind::PermissionDenied => FileError::Denied(path),
        _ => FileError::Io { path, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_may_not_be_read_is_named_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "08:00 - 20 - 30%\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read everything; for it the system's answer stands in.
        let said = match read(&path, 100) {
            Err(error) => error,
            Ok(_) => failed(&path, io::ErrorKind::PermissionDenied.into()),
        };
        let expected =
            format!("{}: no permission to read it; allow it (chmod +r) or run as its owner", path.display());
        assert_eq!(said.to_string(), expected);
    }
}
