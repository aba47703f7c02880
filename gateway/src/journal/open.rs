//! How the journal is opened: made, or gone on with, or salvaged.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use fieldpost_core::UtcInstant;
use rusqlite::{Connection, ffi};

use super::{FILE, Journal, JournalError, Seq, error::Doing, facts, keys::Keys, salvage, schema};
use crate::folder;

/// Up to this many pages (32 MiB) the file is checked whole at every start, which takes some 30 ms. Damage in a
/// larger one is found when the damaged place is read.
const CHECKED_PAGES: i64 = 8_192;

/// The bounds of the journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long surveys are kept after the cloud has them.
    pub(crate) keep: Duration,
    /// The most bytes in use.
    pub(crate) journal_max: u64,
    /// The bytes of free disk that are left alone.
    pub(crate) min_free_disk: u64,
}

/// What was found when the journal was opened, and an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Where the damaged file is now.
    pub(crate) aside: PathBuf,
    /// Surveys that were read and proven.
    pub(crate) saved: u64,
    /// Surveys that could be read but do not match their checksums.
    pub(crate) damaged: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aside, saved, damaged } = self;
        write!(
            f,
            "the journal was damaged: {saved} surveys were saved from it, {damaged} more are in the quarantine; the damaged \
             file is kept as `{}`; check the disk",
            aside.display()
        )
    }
}

impl Journal {
    /// Opens the journal in `folder`, and makes it if there is none. A damaged one is salvaged.
    pub(crate) fn open(
        folder: &Path,
        limits: Limits,
        now: UtcInstant,
    ) -> Result<(Self, Option<Finding>), JournalError> {
        salvage::finish(folder, now)?;
        match load(folder, limits, now) {
            Err(error) if error.is_corrupt() => Self::open_damaged(folder, limits, now),
            opened => Ok((opened?, None)),
        }
    }

    /// Opens a journal of which it is known that it is damaged.
    pub(crate) fn open_damaged(
        folder: &Path,
        limits: Limits,
        now: UtcInstant,
    ) -> Result<(Self, Option<Finding>), JournalError> {
        let finding = salvage::salvage(folder, now)?;
        Ok((load(folder, limits, now)?, Some(finding)))
    }
}

fn load(folder: &Path, limits: Limits, now: UtcInstant) -> Result<Journal, JournalError> {
    let path = folder.join(FILE);
    let conn = schema::open_writer(&path, limits.journal_max)?;
    folder::sync(folder).doing("sync", folder)?;
    check(&conn).doing("check", &path)?;
    let keys = Keys::load(&conn, &path, now)?;
    let held_through = facts::integer(&conn, facts::HELD_THROUGH).doing("read", &path)?.unwrap_or(0);
    let last_seq = last_seq(&conn, held_through).doing("read", &path)?;
    let max = limits.journal_max.cast_signed();
    if facts::integer(&conn, facts::JOURNAL_MAX).doing("read", &path)? != Some(max) {
        facts::set_integer(&conn, facts::JOURNAL_MAX, max).doing("write", &path)?;
    }
    Ok(Journal { conn, path, limits, keys, last_seq, held_through })
}

fn check(conn: &Connection) -> rusqlite::Result<()> {
    let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages > CHECKED_PAGES {
        return Ok(());
    }
    let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(verdict)))
}

/// The last seq given out: rows may be gone, but only at or below the cursor.
fn last_seq(conn: &Connection, held_through: Seq) -> rusqlite::Result<Seq> {
    let newest: Option<Seq> = conn.query_row("SELECT max(seq) FROM surveys", [], |row| row.get(0))?;
    Ok(newest.unwrap_or(0).max(held_through))
}
