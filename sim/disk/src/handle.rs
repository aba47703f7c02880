//! What SQLite has open: a file of a disk, or a temporary one in memory. Errors are SQLite's codes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::path::Path;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;

use crate::disk::Disk;
use crate::file::{self, MAX_LENGTH};
use crate::names::FileId;
use crate::sharing::{Held, REGION, Sharing, Shm};
use crate::state::{Fault, State};

thread_local! {
    static HANDLES: RefCell<BTreeMap<u64, Handle>> = const { RefCell::new(BTreeMap::new()) };
}

/// Of the whole process: another thread's table must not know a handle that wandered there.
static NEXT: AtomicU64 = AtomicU64::new(1);

pub(crate) enum Handle {
    Temporary(Vec<u8>),
    OnDisk(OnDisk),
}

pub(crate) struct OnDisk {
    key: u64,
    state: Weak<RefCell<State>>,
    generation: u64,
    file: FileId,
    read_only: bool,
    /// The first sync is to sync the folder too.
    sync_folder: bool,
    shm: Option<Rc<Shm>>,
    held: Held,
}

/// Opens a temporary file; returns the handle's key.
pub(crate) fn open_temporary() -> Result<u64, c_int> {
    insert(|_| Handle::Temporary(Vec::new()))
}

/// Opens a file as SQLite's flags want it; returns the handle's key.
pub(crate) fn open(disk: &Disk, path: &Path, flags: c_int) -> Result<u64, c_int> {
    const JOURNALS: c_int =
        ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
    let creates = flags & ffi::SQLITE_OPEN_CREATE != 0;
    let mut state = disk.state().try_borrow_mut().map_err(|_| ffi::SQLITE_CANTOPEN)?;
    if state.off || path == disk.folder() {
        return Err(ffi::SQLITE_CANTOPEN);
    }
    let file = match state.content.names.get(path) {
        Some(_) if creates && flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => return Err(ffi::SQLITE_CANTOPEN),
        Some(file) => file,
        None if creates => state.create(path).map_err(|_| ffi::SQLITE_CANTOPEN)?,
        None => return Err(ffi::SQLITE_CANTOPEN),
    };
    state.sharing.entry(file).or_default().opens += 1;
    let generation = state.generation;
    insert(|key| {
        Handle::OnDisk(OnDisk {
            key,
            state: Rc::downgrade(disk.state()),
            generation,
            file,
            read_only: flags & ffi::SQLITE_OPEN_READONLY != 0,
            sync_folder: creates && flags & JOURNALS != 0,
            shm: None,
            held: Held::default(),
        })
    })
}

/// Asks a handle of this thread.
pub(crate) fn with<R>(key: u64, act: impl FnOnce(&mut Handle) -> Result<R, c_int>) -> Result<R, c_int> {
    let asked = HANDLES.try_with(|handles| {
        let mut handles = handles.try_borrow_mut().map_err(|_| ffi::SQLITE_IOERR)?;
        act(handles.get_mut(&key).ok_or(ffi::SQLITE_IOERR)?)
    });
    asked.unwrap_or(Err(ffi::SQLITE_IOERR))
}

/// Closes a handle, dead or alive. One that wandered to another thread stays in its own thread's table until that ends.
pub(crate) fn close(key: u64) {
    let closed = HANDLES.try_with(|handles| handles.try_borrow_mut().ok()?.remove(&key));
    if let Ok(Some(Handle::OnDisk(mut handle))) = closed {
        handle.close();
    }
}

fn insert(handle: impl FnOnce(u64) -> Handle) -> Result<u64, c_int> {
    let key = NEXT.fetch_add(1, Ordering::Relaxed);
    let inserted = HANDLES.try_with(|handles| {
        handles
            .try_borrow_mut()
            .map(|mut handles| handles.insert(key, handle(key)))
            .map_err(|_| ffi::SQLITE_CANTOPEN)
    });
    inserted.unwrap_or(Err(ffi::SQLITE_CANTOPEN)).map(|_| key)
}

impl Handle {
    /// Copies what is at `offset`, zeros behind it, and says how many bytes there were.
    pub(crate) fn read(&mut self, offset: usize, into: &mut [u8]) -> Result<usize, c_int> {
        let there = match self {
            Self::Temporary(bytes) => file::read(bytes, offset, into),
            Self::OnDisk(handle) => handle.with(ffi::SQLITE_IOERR_READ, |state, id| {
                Ok(state.content.files.get(&id).map_or(0, |file| file.read(offset, into)))
            })?,
        };
        if let Some(rest) = into.get_mut(there..) {
            rest.fill(0);
        }
        Ok(there)
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), c_int> {
        match self {
            Self::Temporary(_) if offset.saturating_add(bytes.len()) > MAX_LENGTH => Err(ffi::SQLITE_FULL),
            Self::Temporary(all) => {
                file::overwrite(all, offset, bytes);
                Ok(())
            }
            Self::OnDisk(handle) if handle.read_only => Err(ffi::SQLITE_READONLY),
            Self::OnDisk(handle) => {
                let code = ffi::SQLITE_IOERR_WRITE;
                handle.with(code, |state, id| state.write(id, offset, bytes).map_err(|fault| of(fault, code)))
            }
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) -> Result<(), c_int> {
        match self {
            _ if length > MAX_LENGTH => Err(ffi::SQLITE_FULL),
            Self::Temporary(bytes) => {
                bytes.resize(length, 0);
                Ok(())
            }
            Self::OnDisk(handle) if handle.read_only => Err(ffi::SQLITE_READONLY),
            Self::OnDisk(handle) => {
                let code = ffi::SQLITE_IOERR_TRUNCATE;
                handle.with(code, |state, id| state.truncate(id, length).map_err(|fault| of(fault, code)))
            }
        }
    }

    pub(crate) fn sync(&mut self) -> Result<(), c_int> {
        let Self::OnDisk(handle) = self else { return Ok(()) };
        let code = ffi::SQLITE_IOERR_FSYNC;
        handle.with(code, |state, id| state.sync(id).map_err(|fault| of(fault, code)))?;
        if handle.sync_folder {
            let code = ffi::SQLITE_IOERR_DIR_FSYNC;
            handle.with(code, |state, _| state.sync_folder().map_err(|fault| of(fault, code)))?;
            handle.sync_folder = false;
        }
        Ok(())
    }

    pub(crate) fn length(&mut self) -> Result<usize, c_int> {
        match self {
            Self::Temporary(bytes) => Ok(bytes.len()),
            Self::OnDisk(handle) => handle.with(ffi::SQLITE_IOERR_FSTAT, |state, id| {
                Ok(state.content.files.get(&id).map_or(0, |file| file.live().len()))
            }),
        }
    }

    pub(crate) fn lock(&mut self, level: c_int) -> Result<(), c_int> {
        self.sharing(ffi::SQLITE_IOERR_LOCK, |sharing, key| sharing.lock(key, level)).unwrap_or(Ok(()))
    }

    pub(crate) fn unlock(&mut self, level: c_int) -> Result<(), c_int> {
        let unlock = |sharing: &mut Sharing, key| {
            sharing.unlock(key, level);
            Ok(())
        };
        self.sharing(ffi::SQLITE_IOERR_UNLOCK, unlock).unwrap_or(Ok(()))
    }

    pub(crate) fn is_reserved(&mut self) -> Result<bool, c_int> {
        let code = ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
        self.sharing(code, |sharing, _| Ok(sharing.is_reserved())).unwrap_or(Ok(false))
    }

    /// The address of a region of the shared memory, or null.
    pub(crate) fn map(&mut self, index: usize, size: usize, extend: bool) -> Result<*mut c_void, c_int> {
        let shm = self.sharing(ffi::SQLITE_IOERR_SHMMAP, |sharing, _| Ok(sharing.shm()));
        let (Self::OnDisk(handle), Some(shm), REGION) = (self, shm, size) else {
            return Err(ffi::SQLITE_IOERR_SHMMAP);
        };
        handle.shm.get_or_insert(shm?).region(index, extend)
    }

    pub(crate) fn lock_shm(&mut self, first: c_int, count: c_int, flags: c_int) -> Result<(), c_int> {
        let Self::OnDisk(handle) = self else { return Err(ffi::SQLITE_IOERR_SHMLOCK) };
        if flags & ffi::SQLITE_SHM_UNLOCK == 0 {
            handle.with(ffi::SQLITE_IOERR_SHMLOCK, |_, _| Ok(()))?;
        }
        let shm = handle.shm.as_ref().ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        shm.lock(&mut handle.held, first, count, flags)
    }

    pub(crate) fn unmap(&mut self) {
        if let Self::OnDisk(handle) = self {
            handle.unmap();
        }
    }

    fn sharing<R>(
        &mut self,
        code: c_int,
        act: impl FnOnce(&mut Sharing, u64) -> Result<R, c_int>,
    ) -> Option<Result<R, c_int>> {
        let Self::OnDisk(handle) = self else { return None };
        let key = handle.key;
        Some(handle.with(code, |state, id| act(state.sharing.entry(id).or_default(), key)))
    }
}

impl OnDisk {
    /// Asks the disk, unless it is gone, off, or started again since the handle was opened: then the answer is `code`.
    fn with<R>(
        &self,
        code: c_int,
        act: impl FnOnce(&mut State, FileId) -> Result<R, c_int>,
    ) -> Result<R, c_int> {
        let state = self.state.upgrade().ok_or(code)?;
        let mut state = state.try_borrow_mut().map_err(|_| code)?;
        if state.off || state.generation != self.generation {
            return Err(code);
        }
        act(&mut state, self.file)
    }

    fn unmap(&mut self) {
        if let Some(shm) = self.shm.take() {
            shm.release(&mut self.held, u8::MAX);
        }
    }

    fn close(&mut self) {
        self.unmap();
        let Some(state) = self.state.upgrade() else { return };
        let Ok(mut state) = state.try_borrow_mut() else { return };
        if state.generation != self.generation {
            return;
        }
        let Some(sharing) = state.sharing.get_mut(&self.file) else { return };
        sharing.unlock(self.key, ffi::SQLITE_LOCK_NONE);
        sharing.opens = sharing.opens.saturating_sub(1);
        if sharing.opens == 0 {
            state.sharing.remove(&self.file);
            state.forget_unnamed();
        }
    }
}

/// SQLite's code for a fault that struck an operation whose own code is `code`.
pub(crate) fn of(fault: Fault, code: c_int) -> c_int {
    if fault == Fault::Full { ffi::SQLITE_FULL } else { code }
}
