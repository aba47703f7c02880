//! The rest of what SQLite asks its system for: time, sleep, randomness. Simulated on a thread that has mounted a disk.

use std::cell::Cell;
use std::ffi::{c_char, c_int};

use rusqlite::ffi;

use crate::disk::thread_is_simulated;
use crate::vfs::original;

/// The Unix epoch as SQLite counts: milliseconds since noon in Greenwich on 24 November 4714 BC.
const EPOCH: i64 = 210_866_760_000_000;

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
    static RANDOM: Cell<u64> = const { Cell::new(SEED) };
}

/// Sets what SQLite's `now` is on this thread while it has a disk mounted, in milliseconds since 1970; it stands still until it is set again. At
/// first it is 0.
pub fn set_time(unix_ms: i64) {
    NOW.set(unix_ms);
}

/// Seeds this thread's randomness for SQLite, and makes SQLite draw anew. SQLite has one generator for the process: for runs that
/// are equal to the byte (in the salts of a WAL, for instance) no other thread may use SQLite.
pub fn seed_randomness(seed: u64) {
    // Xorshift stays at 0 for ever.
    RANDOM.set(if seed == 0 { SEED } else { seed });
    // SAFETY: with no buffer and no length it only resets the generator, under SQLite's own mutex.
    unsafe { ffi::sqlite3_randomness(0, std::ptr::null_mut()) };
}

fn random() -> u64 {
    let mut x = RANDOM.get();
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    RANDOM.set(x);
    x
}

pub(crate) unsafe extern "C" fn x_randomness(
    vfs: *mut ffi::sqlite3_vfs,
    bytes: c_int,
    out: *mut c_char,
) -> c_int {
    if !thread_is_simulated() {
        // SAFETY: SQLite's own arguments, for the VFS that was its default.
        return unsafe { original(vfs) }.map_or(0, |(vfs, real)| {
            // SAFETY: as above.
            real.xRandomness.map_or(0, |randomness| unsafe { randomness(vfs, bytes, out) })
        });
    }
    for index in 0..usize::try_from(bytes).unwrap_or(0) {
        let [byte, ..] = random().to_be_bytes();
        // SAFETY: `out` has room for `bytes` bytes.
        unsafe { out.add(index).cast::<u8>().write(byte) };
    }
    bytes
}

pub(crate) unsafe extern "C" fn x_sleep(vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    if thread_is_simulated() {
        return microseconds;
    }
    // SAFETY: SQLite's own arguments, for the VFS that was its default.
    unsafe { original(vfs) }.map_or(0, |(vfs, real)| {
        // SAFETY: as above.
        real.xSleep.map_or(0, |sleep| unsafe { sleep(vfs, microseconds) })
    })
}

pub(crate) unsafe extern "C" fn x_current_time_int64(vfs: *mut ffi::sqlite3_vfs, out: *mut i64) -> c_int {
    if !thread_is_simulated() {
        // SAFETY: SQLite's own arguments, for the VFS that was its default.
        return unsafe { original(vfs) }.map_or(ffi::SQLITE_ERROR, |(vfs, real)| {
            // SAFETY: as above.
            real.xCurrentTimeInt64.map_or(ffi::SQLITE_ERROR, |time| unsafe { time(vfs, out) })
        });
    }
    // SAFETY: SQLite passes a place for the answer.
    unsafe { out.write(NOW.get().saturating_add(EPOCH)) };
    ffi::SQLITE_OK
}

#[expect(clippy::cast_precision_loss, reason = "SQLite defines this time as a float of days")]
pub(crate) unsafe extern "C" fn x_current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    let mut now = 0;
    // SAFETY: SQLite's own VFS, and a place for the answer.
    let code = unsafe { x_current_time_int64(vfs, &raw mut now) };
    // SAFETY: SQLite passes a place for the answer.
    unsafe { out.write(now as f64 / 86_400_000.0) };
    code
}

pub(crate) unsafe extern "C" fn x_get_last_error(
    _: *mut ffi::sqlite3_vfs,
    _: c_int,
    _: *mut c_char,
) -> c_int {
    0
}
