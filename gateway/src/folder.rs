//! The data folder: one gateway at a time.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    Error,
    disk::{Disk, OsDisk},
};

/// The file whose lock says that a gateway runs here. It stays when the gateway ends; the lock does not.
const LOCK_FILE: &str = "gateway.lock";

/// Asking whether a gateway runs takes the lock for an instant, so a start that finds it taken looks again.
const LOCK_ATTEMPTS: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A data folder, held until this is dropped (or the process dies, however it dies).
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing, and takes it.
    pub(crate) fn claim(path: &Path) -> Result<Self, Error> {
        let failed = |operation, path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::folder(operation, path, source)
        };
        fs::create_dir_all(path).map_err(failed("make the data folder", path))?;
        let file = path.join(LOCK_FILE);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&file)
            .map_err(failed("write", &file))?;
        take(&lock, path, &file)?;
        OsDisk.sync_folder(path).map_err(failed("sync the data folder", path))?;
        // Its own name must last too. An operator may have made it where the gateway may not look.
        if let Some(parent) = path.canonicalize().ok().as_deref().and_then(Path::parent)
            && let Err(error) = OsDisk.sync_folder(parent)
        {
            tracing::warn!(%error, folder = %parent.display(), "cannot sync the folder of the data folder");
        }
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn take(lock: &File, folder: &Path, file: &Path) -> Result<(), Error> {
    for attempt in 1.. {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path: folder.to_path_buf() }),
            Err(TryLockError::Error(source)) => {
                return Err(Error::folder("lock", file.to_path_buf(), source));
            }
        }
    }
    Ok(())
}

/// Whether a gateway runs on the folder now.
pub(crate) fn in_use(path: &Path) -> bool {
    File::open(path.join(LOCK_FILE))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_serves_one_gateway_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("made/on/the/way");
        let first = Folder::claim(&path).unwrap();
        assert!(in_use(&path));
        let refused = Folder::claim(&path).unwrap_err().to_string();
        assert!(refused.contains("in use by another gateway") && refused.contains("--data"), "{refused}");
        drop(first);
        assert!(!in_use(&path));
        Folder::claim(&path).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "x").unwrap();
        let refused = Folder::claim(&file.join("data")).unwrap_err().to_string();
        assert!(refused.contains("file/data") && refused.contains("--data"), "{refused}");
    }
}
