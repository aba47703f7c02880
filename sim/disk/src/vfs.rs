//! The VFS as SQLite calls it: files by their names. What is on no disk of the thread goes to the VFS that was the default before.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Once;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_vfs};

use crate::disk::{Disk, thread_is_simulated};
use crate::handle;
use crate::io::{METHODS, Opened};
use crate::on_disk::of;
use crate::{env, state::Fault};

/// Makes the VFS SQLite's default in this process, which other uses of SQLite there do not notice. Call it from any thread, as often as wanted.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Of how much memory it has, SQLite is not asked here: counting that takes a lock that all threads share, each time. Where SQLite is in
        // use already it goes on counting.
        // SAFETY: the option takes one integer.
        unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0) };
        // SAFETY: it initialises SQLite, and returns the default VFS, which lives as long as the process.
        let original = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        // SAFETY: it is null or such a VFS, whose fields nobody changes but SQLite the list's `pNext`, which is not read.
        let Some(real) = (unsafe { original.as_ref() }) else { return };
        let vfs = Box::leak(Box::new(sqlite3_vfs {
            iVersion: 2,
            szOsFile: real.szOsFile.max(size_of::<Opened>() as c_int),
            pNext: std::ptr::null_mut(),
            zName: c"fieldpost-disk".as_ptr(),
            pAppData: original.cast(),
            xOpen: Some(x_open),
            xDelete: Some(x_delete),
            xAccess: Some(x_access),
            xFullPathname: Some(x_full_pathname),
            xRandomness: Some(env::x_randomness),
            xSleep: Some(env::x_sleep),
            xCurrentTime: Some(env::x_current_time),
            xGetLastError: Some(env::x_get_last_error),
            xCurrentTimeInt64: Some(env::x_current_time_int64),
            ..*real
        }));
        // SAFETY: a VFS that lives for ever. It can fail only for want of memory at initialisation, which is over.
        unsafe { ffi::sqlite3_vfs_register(vfs, 1) };
    });
}

/// The VFS that was the default before.
///
/// # Safety
/// `vfs` is the one that `install` registered.
pub(crate) unsafe fn original<'a>(vfs: *mut sqlite3_vfs) -> Option<(*mut sqlite3_vfs, &'a sqlite3_vfs)> {
    // SAFETY: `install` put it there, and it lives as long as the process.
    let original = unsafe { (*vfs).pAppData }.cast::<sqlite3_vfs>();
    // SAFETY: as above.
    unsafe { original.as_ref() }.map(|real| (original, real))
}

unsafe extern "C" fn x_open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite's name is null or a C string.
    let found = unsafe { find(name) };
    let opened = match found {
        Some((disk, path)) if flags & ffi::SQLITE_OPEN_DELETEONCLOSE == 0 => handle::open(&disk, path, flags),
        None if !(name.is_null() && thread_is_simulated()) => {
            // SAFETY: SQLite's own arguments, for the VFS that was its default; the file is as large as that wants it.
            return unsafe { original(vfs) }.map_or(ffi::SQLITE_CANTOPEN, |(vfs, real)| {
                // SAFETY: as above.
                real.xOpen
                    .map_or(ffi::SQLITE_CANTOPEN, |open| unsafe { open(vfs, name, file, flags, out_flags) })
            });
        }
        _ => handle::open_temporary(),
    };
    let (methods, key, code) = match opened {
        Ok(key) => (&raw const METHODS, key, ffi::SQLITE_OK),
        Err(code) => (std::ptr::null(), 0, code),
    };
    // SAFETY: the file has `szOsFile` bytes, aligned to 8; methods of null tell SQLite not to close it.
    unsafe { file.cast::<Opened>().write(Opened { base: sqlite3_file { pMethods: methods }, key }) };
    if !out_flags.is_null() {
        // SAFETY: not null, so a place for the answer.
        unsafe { out_flags.write(flags) };
    }
    code
}

unsafe extern "C" fn x_delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite's name is null or a C string.
    let Some((disk, path)) = (unsafe { find(name) }) else {
        // SAFETY: SQLite's own arguments, for the VFS that was its default.
        return unsafe { original(vfs) }.map_or(ffi::SQLITE_IOERR_DELETE, |(vfs, real)| {
            // SAFETY: as above.
            real.xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| unsafe { delete(vfs, name, sync_folder) })
        });
    };
    delete(&disk, path, sync_folder & 1 != 0).err().unwrap_or(ffi::SQLITE_OK)
}

fn delete(disk: &Disk, path: &Path, sync_folder: bool) -> Result<(), c_int> {
    let mut state = disk.state().try_borrow_mut().map_err(|_| ffi::SQLITE_IOERR_DELETE)?;
    if state.off {
        return Err(ffi::SQLITE_IOERR_DELETE);
    }
    state.content.names.get(path).ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)?;
    let code = |code| move |fault: Fault| of(fault, code);
    state.delete(path).map_err(code(ffi::SQLITE_IOERR_DELETE))?;
    if sync_folder { state.sync_folder().map_err(code(ffi::SQLITE_IOERR_DIR_FSYNC)) } else { Ok(()) }
}

unsafe extern "C" fn x_access(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite's name is null or a C string.
    let Some((disk, path)) = (unsafe { find(name) }) else {
        // SAFETY: SQLite's own arguments, for the VFS that was its default.
        return unsafe { original(vfs) }.map_or(ffi::SQLITE_IOERR_ACCESS, |(vfs, real)| {
            // SAFETY: as above.
            real.xAccess.map_or(ffi::SQLITE_IOERR_ACCESS, |access| unsafe { access(vfs, name, flags, out) })
        });
    };
    let Ok(state) = disk.state().try_borrow() else { return ffi::SQLITE_IOERR_ACCESS };
    if state.off {
        return ffi::SQLITE_IOERR_ACCESS;
    }
    // As SQLite's unix VFS: an empty file counts as none where it asks whether there is a journal.
    let exists = flags == ffi::SQLITE_ACCESS_EXISTS;
    let yes = state.content.live(path).is_some_and(|file| !exists || !file.live().is_empty());
    // SAFETY: SQLite passes a place for the answer.
    unsafe { out.write(yes.into()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn x_full_pathname(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite's name is null or a C string.
    let Some((_, path)) = (unsafe { find(name) }) else {
        // SAFETY: SQLite's own arguments, for the VFS that was its default.
        return unsafe { original(vfs) }.map_or(ffi::SQLITE_CANTOPEN, |(vfs, real)| {
            // SAFETY: as above.
            real.xFullPathname.map_or(ffi::SQLITE_CANTOPEN, |full| unsafe { full(vfs, name, room, out) })
        });
    };
    let length = path.as_os_str().len() + 1;
    if length > usize::try_from(room).unwrap_or(0) {
        return ffi::SQLITE_CANTOPEN_FULLPATH;
    }
    // SAFETY: the name is a C string of that length with its end, and `out` has room for it elsewhere.
    unsafe { std::ptr::copy_nonoverlapping(name, out, length) };
    ffi::SQLITE_OK
}

/// The disk of this thread that the name is on.
///
/// # Safety
/// `name` is null, or a C string that outlives the path.
unsafe fn find<'a>(name: *const c_char) -> Option<(Disk, &'a Path)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, so a C string.
    let name = unsafe { CStr::from_ptr(name) };
    let path = Path::new(OsStr::from_bytes(name.to_bytes()));
    Disk::find(path).map(|disk| (disk, path))
}
