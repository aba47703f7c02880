//! How much room the journal has. A full one refuses what is new, and never drops what it acknowledged.

use std::{fmt, path::Path};

use fieldpost_core::bug::{self, Bug};
use rusqlite::Connection;

use super::{
    Journal, JournalError,
    error::Doing,
    facts,
    schema::{self, PAGE},
};
use crate::disk::Disk;

/// What is written is in the write-ahead log first and in the file later.
const COPIES: u64 = 2;
/// Kept free of surveys: cursor, rounds and counters are written also when the journal is full.
const RESERVE: u64 = 64 << 10;

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Full {
    /// The journal has reached its limit.
    Journal,
    /// The disk has too little left.
    Disk,
    /// Nobody can say.
    Unknown,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Journal => "journal full",
            Self::Disk => "disk full",
            Self::Unknown => "the gateway cannot measure its disk",
        })
    }
}

/// Whether `bytes` more may be written.
pub(super) fn check(journal: &Journal, bytes: usize) -> Result<Result<(), Full>, JournalError> {
    let need = COPIES.saturating_mul(bytes as u64).saturating_add(RESERVE);
    let (mut room, folding_helps) = measure(journal, need)?;
    if folding_helps {
        match schema::fold(&journal.conn).doing("checkpoint", &journal.path) {
            Err(error) if error.is_corrupt() => return Err(error),
            // Then there is no room yet. The log is as it was, and small things can still be written to it.
            Err(error) => tracing::debug!(%error, "the log stays"),
            Ok(_) => room = measure(journal, need)?.0,
        }
    }
    Ok(room)
}

/// Whether `need` fits; if not, whether it may once the log is folded into the file. The log counts in the journal's
/// bounds, and the file may have to grow by as much as is in it: without room for that it could never be folded.
fn measure(journal: &Journal, need: u64) -> Result<(Result<(), Full>, bool), JournalError> {
    let Journal { conn, disk, path, limits, .. } = journal;
    let folder = path.parent().unwrap_or(path);
    let left = disk.free(folder).doing("measure", folder)?;
    let floor = if bug::on(Bug::FillDisk) { need } else { limits.min_free_disk.saturating_add(need) };
    let log = disk.length(&beside(path, "-wal")).doing("measure", path)?;
    if left < floor.saturating_add(log) {
        // Refusals are counted on a full disk too: the log must not grow by them into the last that is left.
        return Ok((Err(Full::Disk), left >= floor || log >= RESERVE / 2));
    }
    let fits = used(conn, &**disk, path)?.saturating_add(need) <= limits.journal_max;
    Ok(if fits { (Ok(()), false) } else { (Err(Full::Journal), true) })
}

/// The room of a journal, as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes in use.
    pub(crate) used: u64,
    /// The most that may be, as things are: the journal's limit, or less where the disk has less to give. None: this
    /// journal does not say.
    pub(crate) limit: Option<u64>,
}

/// What there is to tell of the room, by the bounds in the journal itself and by its disk.
pub(super) fn told(conn: &Connection, disk: &dyn Disk, path: &Path) -> Result<Room, JournalError> {
    let bound = |name| facts::integer(conn, name).map(|bytes| bytes.map(i64::cast_unsigned));
    let max = bound(facts::JOURNAL_MAX).doing("read", path)?;
    let left_alone = bound(facts::MIN_FREE_DISK).doing("read", path)?.unwrap_or(0);
    let folder = path.parent().unwrap_or(path);
    let free = disk.free(folder).doing("measure", folder)?;
    let log = disk.length(&beside(path, "-wal")).doing("measure", path)?;
    let used = used(conn, disk, path)?;
    // As `measure` reckons, which decides what is refused.
    let on_disk = used.saturating_add(free.saturating_sub(left_alone.saturating_add(log)));
    Ok(Room { used, limit: max.map(|max| max.min(on_disk)) })
}

/// The bytes in use: pages that are not free, and the write-ahead log.
fn used(conn: &Connection, disk: &dyn Disk, path: &Path) -> Result<u64, JournalError> {
    let pages = |sql| {
        let count: rusqlite::Result<i64> =
            conn.prepare_cached(sql).and_then(|mut count| count.query_row([], |row| row.get(0)));
        count.map(i64::cast_unsigned).doing("measure", path)
    };
    let pages = pages("PRAGMA page_count")?.saturating_sub(pages("PRAGMA freelist_count")?);
    let log = disk.length(&beside(path, "-wal")).doing("measure", path)?;
    Ok(pages.saturating_mul(PAGE).saturating_add(log))
}

/// SQLite's companion files have the journal's name and an ending.
pub(super) fn beside(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
