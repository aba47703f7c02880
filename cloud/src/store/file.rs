//! The store's file: locked, made whole or not at all, and not made anew where that could hide a loss.

use super::vault::Vault;
use crate::{Error, folder};
use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What the name of a store that a restore has set aside ends in, before a number.
pub(super) const SET_ASIDE: &str = ".before-restore-";

/// Keeps other clouds off the store; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

/// The store's file with `suffix` behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the folder of `path` and takes its lock.
pub(super) fn lock(path: &Path) -> Result<Lock, Error> {
    let folder = folder::of(path);
    let unusable = |source| Error::Folder { path: folder.to_owned(), source };
    folder::create(folder).map_err(unusable)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// A new file that nobody else may read: there are secrets in it, hashed or not (promise P9). SQLite gives the files beside it the same
/// mode.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Removes an unfinished file, and those that SQLite puts beside it.
pub(super) fn discard(unfinished: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(unfinished, suffix));
    }
}

/// Opens the store, or makes it where there is none. Whoever calls this has the lock.
pub(super) fn open(path: &Path) -> Result<Vault, Error> {
    // What a crash left of another start, or of a restore; nothing was ever stored in it.
    discard(&beside(path, ".new"));
    match fs::metadata(path) {
        Ok(file) if file.is_file() && file.len() == 0 => {
            // Stores are made elsewhere and moved here whole, so an empty file has lost its content.
            return Err(Error::Damaged { path: path.to_owned(), detail: "the file is empty".into() });
        }
        Ok(file) => {
            if file.mode() & 0o007 != 0 {
                tracing::warn!(
                    store = %path.display(),
                    "everybody on this machine may read the store, which holds the hashes of passwords; chmod o-rwx it"
                );
            }
        }
        Err(_) => create(path)?,
    }
    Vault::open(path)
}

/// Makes an empty store, whole or not at all.
fn create(path: &Path) -> Result<(), Error> {
    if let Some(aside) = set_aside(path) {
        return Err(Error::HalfRestored { path: path.to_owned(), aside });
    }
    let log = beside(path, "-wal");
    if log.exists() {
        let detail = format!("it is missing, but its log {} is there", log.display());
        return Err(Error::Damaged { path: path.to_owned(), detail });
    }
    let unfinished = beside(path, ".new");
    let unusable = |source| Error::Folder { path: path.to_owned(), source };
    create_private(&unfinished).map_err(unusable)?;
    Vault::create(&unfinished)?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(unusable)?;
    fs::rename(&unfinished, path).map_err(unusable)?;
    folder::sync_of(path).map_err(unusable)?;
    tracing::info!(store = %path.display(), "a new store was made");
    Ok(())
}

/// The newest store that a restore set aside.
fn set_aside(path: &Path) -> Option<PathBuf> {
    let mut start = path.file_name()?.to_owned();
    start.push(SET_ASIDE);
    let number = |name: &OsStr| -> Option<u32> {
        str::from_utf8(name.as_encoded_bytes().strip_prefix(start.as_encoded_bytes())?).ok()?.parse().ok()
    };
    let files = fs::read_dir(folder::of(path)).ok()?;
    let numbers = files.filter_map(|file| number(&file.ok()?.file_name()));
    numbers.max().map(|number| beside(path, &format!("{SET_ASIDE}{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn p9_nobody_else_reads_the_store_or_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let _vault = open(&path).unwrap();
        assert_eq!([mode(&path), mode(&beside(&path, "-wal"))], [0o600, 0o600]);
    }
}
