//! An open file as SQLite calls it.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods};

use crate::file::SECTOR;
use crate::handle::{self, Handle};

/// What SQLite keeps for an open file: the methods, and the key of our handle.
#[repr(C)]
pub(crate) struct Opened {
    pub(crate) base: sqlite3_file,
    pub(crate) key: u64,
}

pub(crate) static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: Some(x_shm_map),
    xShmLock: Some(x_shm_lock),
    xShmBarrier: Some(x_shm_barrier),
    xShmUnmap: Some(x_shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Asks the handle; its code.
///
/// # Safety
/// `x_open` opened the file.
unsafe fn ask(file: *mut sqlite3_file, act: impl FnOnce(&mut Handle) -> Result<(), c_int>) -> c_int {
    // SAFETY: only files of `x_open` have these methods, and it wrote an `Opened` there.
    let key = unsafe { (*file.cast::<Opened>()).key };
    handle::with(key, act).err().unwrap_or(ffi::SQLITE_OK)
}

unsafe extern "C" fn x_close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as in `ask`.
    handle::close(unsafe { (*file.cast::<Opened>()).key });
    ffi::SQLITE_OK
}

unsafe extern "C" fn x_read(file: *mut sqlite3_file, into: *mut c_void, amount: c_int, offset: i64) -> c_int {
    let (Ok(amount), Ok(offset)) = (usize::try_from(amount), usize::try_from(offset)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    if into.is_null() {
        return ffi::SQLITE_IOERR_READ;
    }
    // SAFETY: SQLite passes a buffer of `amount` bytes; writing zeros makes it initialised.
    let into = unsafe {
        into.write_bytes(0, amount);
        std::slice::from_raw_parts_mut(into.cast::<u8>(), amount)
    };
    let read = |handle: &mut Handle| match handle.read(offset, into)? {
        there if there < amount => Err(ffi::SQLITE_IOERR_SHORT_READ),
        _ => Ok(()),
    };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, read) }
}

unsafe extern "C" fn x_write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    let (Ok(amount), Ok(offset)) = (usize::try_from(amount), usize::try_from(offset)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    if from.is_null() {
        return ffi::SQLITE_IOERR_WRITE;
    }
    // SAFETY: SQLite passes a buffer of `amount` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), amount) };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, |handle| handle.write(offset, bytes)) }
}

unsafe extern "C" fn x_truncate(file: *mut sqlite3_file, length: i64) -> c_int {
    let Ok(length) = usize::try_from(length) else { return ffi::SQLITE_IOERR_TRUNCATE };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, |handle| handle.truncate(length)) }
}

unsafe extern "C" fn x_sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, Handle::sync) }
}

unsafe extern "C" fn x_file_size(file: *mut sqlite3_file, out: *mut i64) -> c_int {
    let answer = |handle: &mut Handle| {
        let length = i64::try_from(handle.length()?).unwrap_or(i64::MAX);
        // SAFETY: SQLite passes a place for the answer.
        unsafe { out.write(length) };
        Ok(())
    };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, answer) }
}

unsafe extern "C" fn x_lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, |handle| handle.lock(level)) }
}

unsafe extern "C" fn x_unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, |handle| handle.unlock(level)) }
}

unsafe extern "C" fn x_check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    let answer = |handle: &mut Handle| {
        let reserved = handle.is_reserved()?;
        // SAFETY: SQLite passes a place for the answer.
        unsafe { out.write(reserved.into()) };
        Ok(())
    };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, answer) }
}

/// Of what SQLite may ask, one thing matters: whoever closes a file that has been renamed must not take the log of the one that has
/// its name now for its own, and delete it.
unsafe extern "C" fn x_file_control(file: *mut sqlite3_file, what: c_int, out: *mut c_void) -> c_int {
    if what != ffi::SQLITE_FCNTL_HAS_MOVED {
        return ffi::SQLITE_NOTFOUND;
    }
    let answer = |handle: &mut Handle| {
        let moved = handle.has_moved()?;
        // SAFETY: SQLite passes a place for the answer.
        unsafe { out.cast::<c_int>().write(moved.into()) };
        Ok(())
    };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, answer) }
}

unsafe extern "C" fn x_sector_size(_: *mut sqlite3_file) -> c_int {
    SECTOR as c_int
}

/// Nothing that a cautious disk does not do: no atomic writes, no appends that are safe, no order.
unsafe extern "C" fn x_device_characteristics(_: *mut sqlite3_file) -> c_int {
    0
}

unsafe extern "C" fn x_shm_map(
    file: *mut sqlite3_file,
    index: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let (Ok(index), Ok(size)) = (usize::try_from(index), usize::try_from(size)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    let answer = |handle: &mut Handle| {
        let region = handle.map(index, size, extend != 0)?;
        // SAFETY: SQLite passes a place for the answer.
        unsafe { out.write(region) };
        Ok(())
    };
    // SAFETY: SQLite passes a place for the answer, and reads it after an error too.
    unsafe { out.write(std::ptr::null_mut()) };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, answer) }
}

unsafe extern "C" fn x_shm_lock(file: *mut sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, |handle| handle.lock_shm(first, count, flags)) }
}

unsafe extern "C" fn x_shm_barrier(_: *mut sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn x_shm_unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
    let unmap = |handle: &mut Handle| {
        handle.unmap();
        Ok(())
    };
    // SAFETY: SQLite calls it with a file of `x_open`.
    unsafe { ask(file, unmap) }
}
