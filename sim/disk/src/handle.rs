//! What SQLite has open on this thread: files of a disk, and temporary ones in memory. Errors are SQLite's codes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;

use crate::disk::Disk;
use crate::file::{self, MAX_LENGTH};
use crate::on_disk::OnDisk;
use crate::sharing::Sharing;

thread_local! {
    static HANDLES: RefCell<BTreeMap<u64, Handle>> = const { RefCell::new(BTreeMap::new()) };
}

/// Of the whole process: another thread's table must not know a handle that wandered there.
static NEXT: AtomicU64 = AtomicU64::new(1);

pub(crate) enum Handle {
    Temporary(Vec<u8>),
    OnDisk(OnDisk),
}

/// Opens a temporary file; returns the handle's key.
pub(crate) fn open_temporary() -> Result<u64, c_int> {
    insert(|_| Ok(Handle::Temporary(Vec::new())))
}

/// Opens a file as SQLite's flags want it; returns the handle's key.
pub(crate) fn open(disk: &Disk, path: &Path, flags: c_int) -> Result<u64, c_int> {
    insert(|key| OnDisk::open(key, disk, path, flags).map(Handle::OnDisk))
}

/// Asks a handle of this thread.
pub(crate) fn with<R>(key: u64, act: impl FnOnce(&mut Handle) -> Result<R, c_int>) -> Result<R, c_int> {
    table(|handles| act(handles.get_mut(&key).ok_or(ffi::SQLITE_IOERR)?))
}

/// Closes a handle, dead or alive. One that wandered to another thread stays in its own thread's table, with its locks.
pub(crate) fn close(key: u64) {
    if let Ok(Some(Handle::OnDisk(handle))) = table(|handles| Ok(handles.remove(&key))) {
        handle.close();
    }
}

fn insert(open: impl FnOnce(u64) -> Result<Handle, c_int>) -> Result<u64, c_int> {
    let key = NEXT.fetch_add(1, Ordering::Relaxed);
    table(|handles| {
        handles.insert(key, open(key)?);
        Ok(key)
    })
}

/// This thread's handles; an error while the thread ends.
fn table<R>(act: impl FnOnce(&mut BTreeMap<u64, Handle>) -> Result<R, c_int>) -> Result<R, c_int> {
    let done =
        HANDLES.try_with(|handles| act(&mut *handles.try_borrow_mut().map_err(|_| ffi::SQLITE_IOERR)?));
    done.unwrap_or(Err(ffi::SQLITE_IOERR))
}

impl Handle {
    /// Copies what is at `offset`, zeros behind it, and says how many bytes there were.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> Result<usize, c_int> {
        let there = match self {
            Self::Temporary(bytes) => file::read(bytes, offset, into),
            Self::OnDisk(handle) => handle.read(offset, into)?,
        };
        if let Some(rest) = into.get_mut(there..) {
            rest.fill(0);
        }
        Ok(there)
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), c_int> {
        match self {
            Self::OnDisk(handle) => handle.write(offset, bytes),
            Self::Temporary(_) if offset.saturating_add(bytes.len()) > MAX_LENGTH => Err(ffi::SQLITE_FULL),
            Self::Temporary(all) => {
                file::overwrite(all, offset, bytes);
                Ok(())
            }
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) -> Result<(), c_int> {
        match self {
            Self::OnDisk(handle) => handle.truncate(length),
            Self::Temporary(_) if length > MAX_LENGTH => Err(ffi::SQLITE_FULL),
            Self::Temporary(bytes) => {
                bytes.resize(length, 0);
                Ok(())
            }
        }
    }

    pub(crate) fn sync(&mut self) -> Result<(), c_int> {
        match self {
            Self::Temporary(_) => Ok(()),
            Self::OnDisk(handle) => handle.sync(),
        }
    }

    pub(crate) fn length(&self) -> Result<usize, c_int> {
        match self {
            Self::Temporary(bytes) => Ok(bytes.len()),
            Self::OnDisk(handle) => handle.length(),
        }
    }

    pub(crate) fn has_moved(&self) -> Result<bool, c_int> {
        match self {
            Self::Temporary(_) => Ok(false),
            Self::OnDisk(handle) => handle.has_moved(),
        }
    }

    pub(crate) fn lock(&self, level: c_int) -> Result<(), c_int> {
        match self {
            Self::Temporary(_) => Ok(()),
            Self::OnDisk(handle) => handle.lock(level),
        }
    }

    pub(crate) fn unlock(&self, level: c_int) -> Result<(), c_int> {
        let unlock = |sharing: &mut Sharing, key| {
            sharing.unlock(key, level);
            Ok(())
        };
        self.sharing(ffi::SQLITE_IOERR_UNLOCK, unlock)
    }

    pub(crate) fn is_reserved(&self) -> Result<bool, c_int> {
        self.sharing(ffi::SQLITE_IOERR_CHECKRESERVEDLOCK, |sharing, _| Ok(sharing.is_reserved()))
    }

    /// The address of a region of the shared memory, or null.
    pub(crate) fn map(&mut self, index: usize, size: usize, extend: bool) -> Result<*mut c_void, c_int> {
        match self {
            Self::Temporary(_) => Err(ffi::SQLITE_IOERR_SHMMAP),
            Self::OnDisk(handle) => handle.map(index, size, extend),
        }
    }

    pub(crate) fn lock_shm(&mut self, first: c_int, count: c_int, flags: c_int) -> Result<(), c_int> {
        match self {
            Self::Temporary(_) => Err(ffi::SQLITE_IOERR_SHMLOCK),
            Self::OnDisk(handle) => handle.lock_shm(first, count, flags),
        }
    }

    pub(crate) fn unmap(&mut self) {
        if let Self::OnDisk(handle) = self {
            handle.unmap();
        }
    }

    /// Nobody shares a temporary file: whatever is asked of it is granted.
    fn sharing<R: Default>(
        &self,
        code: c_int,
        act: impl FnOnce(&mut Sharing, u64) -> Result<R, c_int>,
    ) -> Result<R, c_int> {
        match self {
            Self::Temporary(_) => Ok(R::default()),
            Self::OnDisk(handle) => handle.sharing(code, act),
        }
    }
}
