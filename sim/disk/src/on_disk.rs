//! An open file of a disk. Errors are SQLite's codes.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

use rusqlite::ffi;

use crate::disk::Disk;
use crate::names::FileId;
use crate::sharing::{Held, REGION, Sharing, Shm};
use crate::state::{Fault, State};

pub(crate) struct OnDisk {
    key: u64,
    /// Weak: an open file does not keep its disk mounted.
    state: Weak<RefCell<State>>,
    generation: u64,
    file: FileId,
    /// By which name it was opened.
    path: PathBuf,
    read_only: bool,
    /// The next sync is to sync the folder too.
    sync_folder: bool,
    shm: Option<Rc<Shm>>,
    held: Held,
    /// An onlooker's, opened in this era: it counts for nobody, and is dead in the next one.
    onlooker: Option<u64>,
}

impl OnDisk {
    /// Opens a file as SQLite's flags want it.
    pub(crate) fn open(key: u64, disk: &Disk, path: &Path, flags: c_int) -> Result<Self, c_int> {
        const JOURNALS: c_int =
            ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
        let creates = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let must_be_new = creates && flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0;
        let mut state = disk.state().try_borrow_mut().map_err(|_| ffi::SQLITE_CANTOPEN)?;
        let file = match state.content.names.get(path) {
            _ if state.off || path == disk.folder() => return Err(ffi::SQLITE_CANTOPEN),
            Some(file) if !must_be_new => file,
            None if creates => state.create(path).map_err(|_| ffi::SQLITE_CANTOPEN)?,
            _ => return Err(ffi::SQLITE_CANTOPEN),
        };
        let onlooker = (state.quiet > 0).then_some(state.era);
        state.sharing.entry(file).or_default().opens += u32::from(onlooker.is_none());
        Ok(Self {
            key,
            state: Rc::downgrade(disk.state()),
            generation: state.generation,
            file,
            path: path.to_path_buf(),
            read_only: flags & ffi::SQLITE_OPEN_READONLY != 0,
            sync_folder: creates && flags & JOURNALS != 0,
            shm: None,
            held: Held::default(),
            onlooker,
        })
    }

    /// Whether its name leads to another file by now, or to none.
    pub(crate) fn has_moved(&self) -> Result<bool, c_int> {
        self.with(ffi::SQLITE_IOERR, |state| Ok(state.content.names.get(&self.path) != Some(self.file)))
    }

    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> Result<usize, c_int> {
        let code = ffi::SQLITE_IOERR_READ;
        self.with(code, |state| {
            state.read().map_err(|fault| of(fault, code))?;
            Ok(state.content.files.get(&self.file).map_or(0, |file| file.read(offset, into)))
        })
    }

    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), c_int> {
        self.change(ffi::SQLITE_IOERR_WRITE, |state| state.write(self.file, offset, bytes))
    }

    pub(crate) fn truncate(&self, length: usize) -> Result<(), c_int> {
        self.change(ffi::SQLITE_IOERR_TRUNCATE, |state| state.truncate(self.file, length))
    }

    pub(crate) fn sync(&mut self) -> Result<(), c_int> {
        let code = ffi::SQLITE_IOERR_FSYNC;
        self.with(code, |state| state.sync(self.file).map_err(|fault| of(fault, code)))?;
        if self.sync_folder {
            let code = ffi::SQLITE_IOERR_DIR_FSYNC;
            self.with(code, |state| state.sync_folder().map_err(|fault| of(fault, code)))?;
            self.sync_folder = false;
        }
        Ok(())
    }

    pub(crate) fn length(&self) -> Result<usize, c_int> {
        self.with(ffi::SQLITE_IOERR_FSTAT, |state| {
            Ok(state.content.files.get(&self.file).map_or(0, |file| file.live().len()))
        })
    }

    /// Asks what the handles of the file share, as the handle that this is.
    pub(crate) fn sharing<R>(
        &self,
        code: c_int,
        act: impl FnOnce(&mut Sharing, u64) -> Result<R, c_int>,
    ) -> Result<R, c_int> {
        self.with(code, |state| act(state.sharing.entry(self.file).or_default(), self.key))
    }

    /// Raises its lock. An onlooker is let in or not as anybody, and keeps nobody else out.
    pub(crate) fn lock(&self, level: c_int) -> Result<(), c_int> {
        self.sharing(ffi::SQLITE_IOERR_LOCK, |sharing, key| match self.onlooker {
            None => sharing.lock(key, level),
            Some(_) => sharing.admits(key, level),
        })
    }

    /// The address of a region of the shared memory, or null.
    pub(crate) fn map(&mut self, index: usize, size: usize, extend: bool) -> Result<*mut c_void, c_int> {
        let shm = self.sharing(ffi::SQLITE_IOERR_SHMMAP, |sharing, _| Ok(sharing.shm()))?;
        if size != REGION {
            return Err(ffi::SQLITE_IOERR_SHMMAP);
        }
        if self.shm.is_none() && self.onlooker.is_none() {
            self.sharing(ffi::SQLITE_IOERR_SHMMAP, |sharing, _| {
                sharing.mapped += 1;
                Ok(())
            })?;
        }
        self.shm.get_or_insert(shm).region(index, extend)
    }

    pub(crate) fn lock_shm(&mut self, first: c_int, count: c_int, flags: c_int) -> Result<(), c_int> {
        if flags & ffi::SQLITE_SHM_UNLOCK == 0 {
            self.with(ffi::SQLITE_IOERR_SHMLOCK, |_| Ok(()))?;
        }
        let shm = self.shm.as_ref().ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        shm.lock(&mut self.held, first, count, flags)
    }

    pub(crate) fn unmap(&mut self) {
        let Some(shm) = self.shm.take() else { return };
        shm.release(&mut self.held, u8::MAX);
        drop(shm);
        if self.onlooker.is_none() {
            // What an onlooker still has of it is nobody's shared memory any more. A disk that is off or was restarted has forgotten all of it.
            let _ = self.with(ffi::SQLITE_IOERR_SHMMAP, |state| {
                state.unmap(self.file);
                Ok(())
            });
        }
    }

    pub(crate) fn close(mut self) {
        self.unmap();
        let Some(state) = self.state.upgrade() else { return };
        let Ok(mut state) = state.try_borrow_mut() else { return };
        if state.generation != self.generation {
            return;
        }
        let Some(sharing) = state.sharing.get_mut(&self.file) else { return };
        if self.onlooker.is_none() {
            sharing.unlock(self.key, ffi::SQLITE_LOCK_NONE);
            sharing.opens = sharing.opens.saturating_sub(1);
        }
        if sharing.opens == 0 {
            state.sharing.remove(&self.file);
            state.forget_if_unnamed(self.file);
        }
    }

    fn change(&self, code: c_int, act: impl FnOnce(&mut State) -> Result<(), Fault>) -> Result<(), c_int> {
        if self.read_only {
            return Err(ffi::SQLITE_READONLY);
        }
        self.with(code, |state| act(state).map_err(|fault| of(fault, code)))
    }

    /// Asks the disk, unless it is gone, off, or started again since the file was opened: then the answer is `code`.
    fn with<R>(&self, code: c_int, act: impl FnOnce(&mut State) -> Result<R, c_int>) -> Result<R, c_int> {
        let state = self.state.upgrade().ok_or(code)?;
        let mut state = state.try_borrow_mut().map_err(|_| code)?;
        let outdated = self.onlooker.is_some_and(|era| era != state.era);
        if state.off || state.generation != self.generation || outdated {
            return Err(code);
        }
        act(&mut state)
    }
}

impl Drop for OnDisk {
    /// Still mapped when its thread ends: the connection wandered to another thread, and SQLite may read there.
    fn drop(&mut self) {
        std::mem::forget(self.shm.take());
    }
}

/// SQLite's code for a fault that struck an operation whose own code is `code`.
pub(crate) fn of(fault: Fault, code: c_int) -> c_int {
    if fault == Fault::Full { ffi::SQLITE_FULL } else { code }
}
