//! A database that counts its own commits, so that it can be asked which of them it still has.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;

use fieldpost_simdisk::{Disk, install, seed_randomness};
use rusqlite::{Connection, OpenFlags};

pub(crate) const COMMITS: u32 = 20;

/// How a database is to be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) journal: &'static str,
    pub(crate) synchronous: &'static str,
}

pub(crate) const WAL_FULL: Mode = Mode { journal: "wal", synchronous: "full" };

pub(crate) fn mount(name: &str) -> Disk {
    install();
    seed_randomness(1);
    Disk::mount(name)
}

pub(crate) fn path(disk: &Disk) -> PathBuf {
    disk.folder().join("commits.db")
}

pub(crate) fn open(disk: &Disk, mode: Mode) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path(disk))?;
    conn.pragma_update(None, "journal_mode", mode.journal)?;
    conn.pragma_update(None, "synchronous", mode.synchronous)?;
    // Small, so that the twenty commits go through several checkpoints.
    conn.pragma_update(None, "wal_autocheckpoint", 8)?;
    conn.execute_batch("CREATE TABLE IF NOT EXISTS commits (n INTEGER PRIMARY KEY, payload BLOB NOT NULL)")?;
    Ok(conn)
}

pub(crate) fn reader(disk: &Disk) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path(disk), OpenFlags::SQLITE_OPEN_READ_ONLY)
}

pub(crate) fn commit(conn: &Connection, n: u32) -> rusqlite::Result<usize> {
    conn.execute("INSERT INTO commits VALUES (?1, zeroblob(700))", [n])
}

pub(crate) fn count(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("SELECT count(*) FROM commits", [], |row| row.get(0))
}

/// How many commits were acknowledged before one failed.
pub(crate) fn work(disk: &Disk, mode: Mode) -> u32 {
    let Ok(conn) = open(disk, mode) else { return 0 };
    (0..COMMITS).find(|n| commit(&conn, *n).is_err()).unwrap_or(COMMITS)
}

/// How many commits the database has: those from 0 on without a gap, in a whole database.
pub(crate) fn found(disk: &Disk, mode: Mode) -> Result<u32, String> {
    let look = || {
        let conn = open(disk, mode)?;
        let verdict: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let last: u32 =
            conn.query_row("SELECT coalesce(max(n) + 1, 0) FROM commits", [], |row| row.get(0))?;
        Ok((verdict, last, count(&conn)?))
    };
    match look() {
        Ok((verdict, last, count)) if verdict == "ok" && last == count => Ok(count),
        Ok(seen) => Err(format!("{seen:?}")),
        Err::<_, rusqlite::Error>(error) => Err(error.to_string()),
    }
}

/// Decides what survives: 0 nothing, 1 everything, else by the seed.
pub(crate) fn chooser(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |n| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if seed < 2 { seed.min(n - 1) } else { (x >> 32) % n }
    }
}
