//! How much room the journal has. A full one refuses what is new, and never drops what it acknowledged.

use std::{fmt, fs, path::Path};

use nix::sys::statvfs::statvfs;
use rusqlite::Connection;

use super::{JournalError, Limits, error::Doing, schema::PAGE};

/// What is written is in the write-ahead log first and in the file later.
const COPIES: u64 = 2;
/// Kept free of surveys: cursor, rounds and counters are written also when the journal is full.
const RESERVE: u64 = 64 << 10;

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The journal has reached its limit.
    Journal,
    /// The disk has too little left.
    Disk,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Journal => "journal full",
            Self::Disk => "disk full",
        })
    }
}

/// Whether `bytes` more may be written.
pub(super) fn check(
    conn: &Connection,
    path: &Path,
    limits: &Limits,
    bytes: usize,
) -> Result<Result<(), Full>, JournalError> {
    let need = COPIES.saturating_mul(bytes as u64).saturating_add(RESERVE);
    if free_disk(path)? < limits.min_free_disk.saturating_add(need) {
        return Ok(Err(Full::Disk));
    }
    if used(conn, path)?.saturating_add(need) <= limits.journal_max {
        return Ok(Ok(()));
    }
    // The log counts too, until it is folded into the file; it may be all that is in the way.
    let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
    conn.query_row(fold, [], |_| Ok(())).doing("checkpoint", path)?;
    let fits = used(conn, path)?.saturating_add(need) <= limits.journal_max;
    Ok(if fits { Ok(()) } else { Err(Full::Journal) })
}

/// The bytes in use: pages that are not free, and the write-ahead log.
pub(super) fn used(conn: &Connection, path: &Path) -> Result<u64, JournalError> {
    let pages = |sql| {
        let count: rusqlite::Result<i64> =
            conn.prepare_cached(sql).and_then(|mut count| count.query_row([], |row| row.get(0)));
        count.map(i64::cast_unsigned).doing("measure", path)
    };
    let pages = pages("PRAGMA page_count")?.saturating_sub(pages("PRAGMA freelist_count")?);
    let log = fs::metadata(beside(path, "-wal")).map_or(0, |file| file.len());
    Ok(pages.saturating_mul(PAGE).saturating_add(log))
}

fn free_disk(path: &Path) -> Result<u64, JournalError> {
    let disk = statvfs(path.parent().unwrap_or(path)).map_err(std::io::Error::from).doing("measure", path)?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

/// SQLite's companion files have the journal's name and an ending.
pub(super) fn beside(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
