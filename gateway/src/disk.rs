//! What the journal needs of a disk beside SQLite's own files, so that it can stand on another one than the system's.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::sys::statvfs::statvfs;

/// The files and folders of a disk. SQLite opens its files by itself, through its own file layer: whoever gives the journal
/// another disk gives SQLite the same one.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Whether there is something of this name.
    ///
    /// # Errors
    /// When the disk does not say: what cannot be seen may well be there.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// The length of a file, in bytes; 0 if there is none.
    ///
    /// # Errors
    /// When the disk does not say.
    fn length(&self, path: &Path) -> io::Result<u64>;

    /// Gives a disk that could not be read a moment to come to itself, before it is read again.
    fn rest(&self);

    /// What is in the folder, in any order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Gives a file another name, in the place of whatever has it.
    ///
    /// # Errors
    /// When the file keeps its name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; none is fine.
    ///
    /// # Errors
    /// When the file stays.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the folder's entries durable: a new file's bytes survive a power cut only where its name does.
    ///
    /// # Errors
    /// When it is not known whether they are.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// The bytes that may still be written to the disk that holds the folder.
    ///
    /// # Errors
    /// When the disk does not say.
    fn free(&self, folder: &Path) -> io::Result<u64>;
}

/// What [`Disk::rest`] takes: a bus that is being reset takes a second or two, and whoever waits for an answer not many more.
const REST: Duration = Duration::from_millis(500);

/// The disks of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            file => file.map(|file| file.len()),
        }
    }

    fn rest(&self) {
        thread::sleep(REST);
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let disk = statvfs(folder).map_err(io::Error::from)?;
        Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
    }
}
