//! A disk that is small, and can be filled.

use super::tools;
use anyhow::{Context, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// A file system of its own, in memory. It goes with the mount namespace.
#[derive(Debug)]
pub(super) struct Room {
    /// Where it is.
    pub(super) path: PathBuf,
}

impl Room {
    /// A file system of that size at `path`.
    pub(super) fn mount(path: PathBuf, size: &str) -> Result<Self> {
        fs::create_dir_all(&path)?;
        let place = path.display().to_string();
        tools::run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "lab-disk", &place])?;
        Ok(Self { path })
    }

    /// Takes the last byte of it, as anything else on the same disk might. Returns how many bytes it took.
    pub(super) fn fill(&self) -> Result<u64> {
        let mut taken = 0;
        for chunk in [64 << 10, 4 << 10, 1] {
            taken += append(&self.filler(), &vec![0; chunk])?;
        }
        Ok(taken)
    }

    /// Gives back `bytes` of what [`Self::fill`] took.
    pub(super) fn spare(&self, bytes: u64) -> Result<()> {
        let filler = OpenOptions::new().write(true).open(self.filler())?;
        let length = filler.metadata()?.len().saturating_sub(bytes);
        filler.set_len(length).context("cannot give room back")
    }

    /// Gives back all of what [`Self::fill`] took.
    pub(super) fn free(&self) -> Result<()> {
        fs::remove_file(self.filler()).context("the file that fills the disk is not there")
    }

    fn filler(&self) -> PathBuf {
        self.path.join("somebody-elses-file")
    }
}

/// Appends `chunk` until the disk is full.
fn append(path: &Path, chunk: &[u8]) -> Result<u64> {
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    let mut taken = 0;
    loop {
        match file.write(chunk) {
            Ok(length) => taken += length as u64,
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(taken),
            Err(error) => return Err(error).context("cannot fill the disk"),
        }
    }
}
