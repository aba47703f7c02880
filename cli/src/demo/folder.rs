//! Where the demo keeps its data: a folder of the user's, or a temporary one.

use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The demo's data folder. A temporary one is removed when this is closed or dropped.
pub(super) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl Folder {
    /// The folder at `path`, made if it is missing; a new temporary one if there is no path.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self> {
        let Some(path) = path else {
            let made = tempfile::Builder::new().prefix("fieldpost-demo-").tempdir();
            let folder = made.context("cannot make a temporary folder; name one with --data DIR")?;
            return Ok(Self { path: folder.path().to_owned(), temporary: Some(folder) });
        };
        fs::create_dir_all(&path).with_context(|| cannot_make(&path))?;
        Ok(Self { path, temporary: None })
    }

    /// The gateway's data folder.
    pub(super) fn gateway(&self) -> PathBuf {
        self.path.join("gateway")
    }

    /// The cloud's data folder.
    pub(super) fn cloud(&self) -> PathBuf {
        self.path.join("cloud")
    }

    /// Writes a file for a device to send from, and returns its path.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let folder = self.path.join("devices");
        fs::create_dir_all(&folder).with_context(|| cannot_make(&folder))?;
        let file = folder.join(name);
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Removes the folder if it is temporary; says so if it cannot be removed, which dropping it would not.
    pub(super) fn close(self) -> Result<()> {
        let Some(folder) = self.temporary else { return Ok(()) };
        folder.close().with_context(|| format!("cannot remove {}; remove it yourself", self.path.display()))
    }
}

fn cannot_make(path: &Path) -> String {
    format!("cannot make the folder {}; choose another with --data DIR", path.display())
}
