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
/// Kept free of surveys, in the journal's bounds and for each copy on its disk: cursor, rounds and counters are written also
/// when it is full, and so is what letting go takes in the log.
const RESERVE: u64 = 64 << 10;

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Full {
    /// The journal has reached its limit.
    Journal,
    /// The disk has too little left, whatever the journal lets go of.
    Disk,
    /// The disk has too little left for the journal's file to grow. There is room when the journal lets go of something in it.
    File,
    /// Nobody can say.
    Unknown,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Journal => "journal full",
            Self::Disk | Self::File => "disk full",
            Self::Unknown => "the gateway cannot measure its disk",
        })
    }
}

/// Whether `bytes` more may be written.
pub(super) fn check(journal: &Journal, bytes: usize) -> Result<Result<(), Full>, JournalError> {
    let bytes = bytes as u64;
    let (mut room, folding_helps) = judge(journal, bytes)?;
    if folding_helps {
        match schema::fold(&journal.conn).doing("checkpoint", &journal.path) {
            Err(error) if error.is_corrupt() => return Err(error),
            // Then there is no room yet. The log is as it was, and small things can still be written to it.
            Err(error) => tracing::debug!(%error, "the log stays"),
            Ok(_) => room = judge(journal, bytes)?.0,
        }
    }
    Ok(room)
}

/// Whether `bytes` fit; if not, whether they may once the log is folded into the file. The log counts in the journal's
/// bounds.
fn judge(journal: &Journal, bytes: u64) -> Result<(Result<(), Full>, bool), JournalError> {
    let Journal { conn, disk, path, limits, .. } = journal;
    let space = Space::measure(conn, &**disk, path)?;
    let left_alone = if bug::on(Bug::FillDisk) { 0 } else { limits.min_free_disk };
    let copy = bytes.saturating_add(RESERVE);
    if space.left(left_alone) < copy.saturating_add(copy.saturating_sub(space.spare)) {
        let full = if space.folded().left(left_alone) < copy { Full::Disk } else { Full::File };
        // Refusals are counted on a full disk too: the log must not grow by them into the last that is left.
        return Ok((Err(full), full == Full::File || space.log >= RESERVE / 2));
    }
    let need = COPIES.saturating_mul(bytes).saturating_add(RESERVE);
    let fits = space.used.saturating_add(need) <= limits.journal_max;
    Ok(if fits { (Ok(()), false) } else { (Err(Full::Journal), true) })
}

/// What a journal takes, and what there is left to take.
#[derive(Clone, Copy)]
struct Space {
    /// Bytes in use: pages that are not free, and the write-ahead log.
    used: u64,
    /// Bytes in the file's free pages. They are filled before the file grows: no disk has to give them.
    spare: u64,
    /// Bytes in the log.
    log: u64,
    /// By how much the file grows when the log is folded into it: without room for that it never could be.
    unfolded: u64,
    /// Bytes that are free on the disk.
    free: u64,
}

impl Space {
    fn measure(conn: &Connection, disk: &dyn Disk, path: &Path) -> Result<Self, JournalError> {
        let folder = path.parent().unwrap_or(path);
        let free = disk.free(folder).doing("measure", folder)?;
        let file = disk.length(path).doing("measure", path)?;
        let log = disk.length(&beside(path, "-wal")).doing("measure", path)?;
        let bytes = |sql| {
            let pages: rusqlite::Result<i64> =
                conn.prepare_cached(sql).and_then(|mut count| count.query_row([], |row| row.get(0)));
            pages.map(|pages| pages.cast_unsigned().saturating_mul(PAGE)).doing("measure", path)
        };
        let (all, spare) = (bytes("PRAGMA page_count")?, bytes("PRAGMA freelist_count")?);
        let used = all.saturating_sub(spare).saturating_add(log);
        Ok(Self { used, spare, log, unfolded: all.saturating_sub(file), free })
    }

    /// What the disk has to give beyond what is to be `left_alone`.
    fn left(&self, left_alone: u64) -> u64 {
        self.free.saturating_sub(left_alone.saturating_add(self.unfolded))
    }

    /// What it would be with the log folded.
    fn folded(self) -> Self {
        let free = self.free.saturating_add(self.log).saturating_sub(self.unfolded);
        Self { used: self.used.saturating_sub(self.log), log: 0, unfolded: 0, free, ..self }
    }

    /// Whether there is room when the journal lets go of something.
    fn yields(&self, left_alone: u64) -> bool {
        self.folded().left(left_alone) > RESERVE
    }

    /// The most that may be in use for the disk's sake, as [`judge`] reckons.
    fn limit(&self, left_alone: u64) -> u64 {
        if !self.yields(left_alone) {
            return self.used;
        }
        let growth = self.left(left_alone).saturating_sub(RESERVE);
        self.used.saturating_add(self.spare).saturating_add(growth)
    }
}

/// The room of a journal, as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes in use.
    pub(crate) used: u64,
    /// The most that may be, as things are: the journal's limit, or less where the disk has less to give. None: this
    /// journal does not say.
    pub(crate) limit: Option<u64>,
    /// Whether what the cloud holds makes room when it goes: not where the disk has nothing left.
    pub(crate) yields: bool,
}

impl Room {
    /// Bytes in use that the journal cannot do without, if surveys of so many bytes wait and of so many are kept besides: those go when
    /// room is short.
    pub(crate) fn needed(&self, waiting: u64, kept: u64) -> u64 {
        let all = u128::from(waiting) + u128::from(kept);
        let share = (u128::from(self.used) * u128::from(waiting)).checked_div(all).unwrap_or(0);
        if self.yields { u64::try_from(share).unwrap_or(self.used) } else { self.used }
    }
}

/// What there is to tell of the room, by the bounds in the journal itself and by its disk.
pub(super) fn told(conn: &Connection, disk: &dyn Disk, path: &Path) -> Result<Room, JournalError> {
    let bound = |name| facts::integer(conn, name).map(|bytes| bytes.map(i64::cast_unsigned));
    let max = bound(facts::JOURNAL_MAX).doing("read", path)?;
    let left_alone = bound(facts::MIN_FREE_DISK).doing("read", path)?.unwrap_or(0);
    let space = Space::measure(conn, disk, path)?;
    let limit = max.map(|max| max.min(space.limit(left_alone)));
    Ok(Room { used: space.used, limit, yields: space.yields(left_alone) })
}

/// SQLite's companion files have the journal's name and an ending.
pub(super) fn beside(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
