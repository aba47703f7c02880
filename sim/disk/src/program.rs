//! What a program asks its disk; where it changes something it takes a step, where it looks for something a read.

use std::io;
use std::path::Path;

use crate::disk::Disk;
use crate::state::Fault;

/// What [`Disk::free`] says of a disk without a capacity, in bytes.
const FREE_WITHOUT_CAPACITY: u64 = 1 << 40;

impl Disk {
    /// Whether there is such a file; no while the power is off. For onlookers: no read.
    pub fn exists(&self, path: &Path) -> bool {
        let state = self.state().borrow();
        !state.off && state.content.names.get(path).is_some()
    }

    /// The file's length in bytes; 0 if there is none, or the power is off. For onlookers: no read.
    pub fn length(&self, path: &Path) -> u64 {
        let state = self.state().borrow();
        let file = state.content.live(path).filter(|_| !state.off);
        file.map_or(0, |file| file.live().len() as u64)
    }

    /// The length of a file in bytes, as a program asks for it by the file's name: a read, which can fail. None if there is no such file.
    ///
    /// # Errors
    /// A fault.
    pub fn look(&self, path: &Path) -> io::Result<Option<u64>> {
        let mut state = self.state().borrow_mut();
        state.read().map_err(|fault| failed("look at", path, fault))?;
        Ok(state.content.live(path).map(|file| file.live().len() as u64))
    }

    /// Renames a file, over the one that has the name; durable with the folder.
    ///
    /// # Errors
    /// `NotFound`, or a fault.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state().borrow_mut();
        let id = state.content.names.get(from).ok_or_else(|| not_found("rename", from))?;
        state.rename(id, to).map_err(|fault| failed("rename", from, fault))
    }

    /// Deletes a file; durable with the folder.
    ///
    /// # Errors
    /// `NotFound`, or a fault.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state().borrow_mut();
        state.content.names.get(path).ok_or_else(|| not_found("delete", path))?;
        state.delete(path).map_err(|fault| failed("delete", path, fault))
    }

    /// Makes the names of all files durable.
    ///
    /// # Errors
    /// A fault.
    pub fn sync_folder(&self) -> io::Result<()> {
        self.state().borrow_mut().sync_folder().map_err(|fault| failed("sync", &self.folder(), fault))
    }

    /// How many bytes can still be written; 1 TiB of a disk without a capacity.
    ///
    /// # Errors
    /// The power is off.
    pub fn free(&self) -> io::Result<u64> {
        let state = self.state().borrow();
        if state.off {
            return Err(failed("measure", &self.folder(), Fault::PowerCut));
        }
        Ok(state.capacity.map_or(FREE_WITHOUT_CAPACITY, |bytes| bytes.saturating_sub(state.content.used())))
    }
}

fn not_found(operation: &str, path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("cannot {operation} {}: there is no such file", path.display()),
    )
}

fn failed(operation: &str, path: &Path, fault: Fault) -> io::Error {
    let (kind, why) = match fault {
        Fault::Full => (io::ErrorKind::StorageFull, "the disk is full: delete something"),
        Fault::Io => (io::ErrorKind::Other, "the disk failed: try again"),
        Fault::Kill => (io::ErrorKind::Other, "the process is dead: start it"),
        Fault::PowerCut => (io::ErrorKind::Other, "the power is off: restart the machine"),
    };
    io::Error::new(kind, format!("cannot {operation} {}: {why}", path.display()))
}
