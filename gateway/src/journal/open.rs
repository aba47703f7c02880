//! How the journal is opened: made, or gone on with, or salvaged.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
};
use rusqlite::{Connection, ErrorCode, ffi};

use super::{
    FILE, Journal, JournalError, Seq, error::Doing, facts, keys::Keys, room::beside, salvage, schema, summary,
};
use crate::disk::Disk;

/// Up to this many pages (32 MiB) the file is checked whole at every start, which takes some 30 ms. Damage in a
/// larger one is found when the damaged place is read.
const CHECKED_PAGES: i64 = 8_192;

/// A journal that is being made.
const FRESH: &str = "journal.db.new";

/// How often it is tried to read what cannot be read, before it is taken for damaged.
const READ_ATTEMPTS: u32 = 5;

/// Where the journal is, and within which bounds.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    pub(crate) limits: Limits,
    /// What becomes the id of a journal that has none; another one for each opening.
    pub(crate) random: u64,
}

/// The bounds of the journal.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long surveys are kept after the cloud has them.
    pub keep: Duration,
    /// The most bytes in use.
    pub journal_max: u64,
    /// The bytes of free disk that are left alone.
    pub min_free_disk: u64,
}

/// How far the journal's files can be relied on, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    /// As at any start.
    Whole,
    /// The disk failed to write or to sync. What is read back of it may be nowhere but in the system's memory, and
    /// syncing it again would not tell: it is written once more, elsewhere.
    Unsure,
    /// They are damaged.
    Damaged,
}

impl Trust {
    /// What is left of it after `error`.
    pub(crate) fn after(error: &JournalError) -> Self {
        match error {
            JournalError::DiskFull { source, .. } => Self::after(source),
            _ if error.is_corrupt() => Self::Damaged,
            JournalError::Sql { source, .. }
                if source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) =>
            {
                Self::Unsure
            }
            _ => Self::Whole,
        }
    }
}

/// What was found when the journal was opened, and an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where the damaged file is now.
    pub aside: PathBuf,
    /// Surveys that were read and proven.
    pub saved: u64,
    /// Surveys that could be read but do not match their checksums.
    pub damaged: u64,
    /// Surveys that nothing is left of, and that had not been passed on.
    pub lost: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aside, saved, damaged, lost } = self;
        write!(
            f,
            "the journal was damaged: {saved} surveys were saved from it, {damaged} more are in the quarantine, {lost} are \
             lost; the damaged file was set aside as `{}`; check the disk",
            aside.display()
        )
    }
}

impl Journal {
    /// Opens the journal at `place`, and makes it if there is none. A damaged one is salvaged, and `findings` are told of
    /// it, also if it cannot be opened afterwards.
    pub(crate) fn open(
        place: &Place,
        trust: Trust,
        now: UtcInstant,
        findings: &mut Vec<Finding>,
    ) -> Result<Self, JournalError> {
        let finished = salvage::finish(place, now, findings)?;
        if let Err(error) = clear(place) {
            tracing::warn!(%error, "the next start tries again");
        }
        if trust == Trust::Damaged && !finished {
            salvage::salvage(place, now, findings)?;
        }
        let journal = match load(place, trust, now) {
            Err(error) if error.is_corrupt() => {
                salvage::salvage(place, now, findings)?;
                load(place, trust, now)
            }
            opened => opened,
        }?;
        if findings.is_empty() && !bug::on(Bug::SalvageUntold) {
            // Of a salvage after which the gateway died before it had said so.
            findings.extend(salvage::untold(&journal.conn, &place.folder).doing("read", &journal.path)?);
        }
        Ok(journal)
    }
}

/// Reads what may not be readable now, again after a rest each: what a disk does not give for a moment is not to be taken for
/// damaged, and what it never gives must not keep the gateway from going on. `read` is told which attempt is the last.
pub(super) fn patiently<T>(
    disk: &dyn Disk,
    mut read: impl FnMut(bool) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    for _ in 1..READ_ATTEMPTS {
        match read(bug::on(Bug::UnreadableIsDamaged)) {
            Err(error) if error.is_unreadable() => {
                tracing::warn!(%error, "the journal cannot be read now; trying again");
                disk.rest();
            }
            other => return other,
        }
    }
    read(true)
}

fn load(place: &Place, trust: Trust, now: UtcInstant) -> Result<Journal, JournalError> {
    let Place { disk, folder, limits, random } = place;
    let path = folder.join(FILE);
    let blind = bug::on(Bug::UnseenIsMissing);
    let exists = |path: &Path| disk.exists(path).or_else(|error| if blind { Ok(false) } else { Err(error) });
    let log = beside(&path, "-wal");
    if !exists(&path).doing("look for", &path)? && !exists(&log).doing("look for", &log)? {
        make(place, &path, |_| Ok(()))?;
    }
    let length = disk.length(&path).or_else(|error| if blind { Ok(0) } else { Err(error) });
    if length.doing("measure", &path)? == 0 && !bug::on(Bug::EmptyFileIsNew) {
        // SQLite would take it for a new one, and throw its log away.
        let empty = "it has lost its content".to_owned();
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(empty));
        return Err(error).doing("read", &path);
    }
    let conn = schema::open_writer(&path, limits.journal_max)?;
    disk.sync_folder(folder).doing("sync", folder)?;
    patiently(&**disk, |last| check(&conn, last).doing("check", &path))?;
    if trust == Trust::Unsure {
        rewrite(&conn).doing("checkpoint", &path)?;
    }
    let keys = Keys::load(&conn, &path, now)?;
    let fact = |name| facts::integer(&conn, name).doing("read", &path);
    let held_through = fact(facts::HELD_THROUGH)?.unwrap_or(0);
    let confirmed = fact(facts::CONFIRMED)?.unwrap_or(0);
    let closed = summary::last_round(&conn).doing("read", &path)?.map_or(0, |round| round.last_seq);
    let given_out = fact(facts::GIVEN_OUT)?.max(fact(facts::KEYS_THROUGH)?).unwrap_or(0);
    let told = if bug::on(Bug::SeqTwice) { 0 } else { closed.max(given_out) };
    let last_seq = last_seq(&conn, held_through.max(confirmed).max(told)).doing("read", &path)?;
    remember_limits(&conn, *limits).doing("write", &path)?;
    // Each start commits something new. The sync makes durable what a gateway that was killed had left in the log without one,
    // before anybody is told of it; and the frame takes the place of what a power cut had left of a commit, which another
    // frame of the same bytes could otherwise bring back to life.
    let starts = fact(facts::STARTS)?.unwrap_or(0).wrapping_add(1);
    let starts = if bug::on(Bug::QuietStart) { 1 } else { starts };
    match facts::set_integer(&conn, facts::STARTS, starts).doing("write", &path) {
        Err(error) if starts > 1 && error.is_full() => {
            tracing::debug!(%error, "nothing new at this start");
            sync_log(&conn).doing("sync", &path)?;
        }
        written => written?,
    }
    let id = identify(&conn, &path, *random)?;
    let (disk, limits) = (Arc::clone(disk), *limits);
    Ok(Journal { conn, disk, path, limits, keys, id, last_seq, held_through, confirmed })
}

/// Notes the bounds, for whoever reads the journal without having been told them.
fn remember_limits(conn: &Connection, limits: Limits) -> rusqlite::Result<()> {
    let bounds = [(facts::JOURNAL_MAX, limits.journal_max), (facts::MIN_FREE_DISK, limits.min_free_disk)];
    bounds.into_iter().try_for_each(|(name, bytes)| {
        let known = facts::integer(conn, name)? == Some(bytes.cast_signed());
        if known { Ok(()) } else { facts::set_integer(conn, name, bytes.cast_signed()) }
    })
}

/// Makes a journal at `to`, whole or not at all: so a file without content has lost it.
pub(super) fn make(
    place: &Place,
    to: &Path,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), JournalError> {
    let Place { disk, folder, .. } = place;
    let fresh = folder.join(FRESH);
    clear(place)?;
    let new = schema::create_plain(&fresh)?;
    fill(&new).doing("fill", &fresh)?;
    new.close().map_err(|(_, source)| source).doing("close", &fresh)?;
    disk.rename(&fresh, to).doing("rename", &fresh)?;
    disk.sync_folder(folder).doing("sync", folder)
}

/// Removes what is left of a journal that was not made to its end, by a start or a salvage that was cut off. It would take room for ever
/// where what could not be read then can be now.
fn clear(Place { disk, folder, .. }: &Place) -> Result<(), JournalError> {
    let fresh = folder.join(FRESH);
    [beside(&fresh, "-journal"), fresh].iter().try_for_each(|left| disk.remove(left).doing("remove", left))
}

/// The journal's id, given to it when it has none.
fn identify(conn: &Connection, path: &Path, random: u64) -> Result<u64, JournalError> {
    let text = facts::text(conn, facts::JOURNAL_ID).doing("read", path)?;
    let id = text.filter(|text| text.len() == 16).and_then(|text| u64::from_str_radix(&text, 16).ok());
    if let Some(id) = id {
        return Ok(id);
    }
    facts::set_text(conn, facts::JOURNAL_ID, &format!("{random:016x}")).doing("write", path)?;
    Ok(random)
}

/// Writes into the file what may stand in the log without being durable there.
fn rewrite(conn: &Connection) -> rusqlite::Result<()> {
    if schema::fold(conn)? {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))
}

/// Makes durable what stands in the log where there is no room for a commit: it is synced before it is folded, and whether the file
/// has room for it is another matter.
fn sync_log(conn: &Connection) -> rusqlite::Result<()> {
    match rewrite(conn) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Ok(()),
        synced => synced,
    }
}

/// Checks the file. A page that cannot be read is damaged if this is the `last` attempt.
fn check(conn: &Connection, last: bool) -> rusqlite::Result<()> {
    /// How SQLite's check tells of one.
    const UNREADABLE: [&str; 2] = ["unable to get the page", "failed to get page"];
    let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages > CHECKED_PAGES {
        return Ok(());
    }
    let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    let unreadable = !last && UNREADABLE.iter().any(|what| verdict.contains(what));
    let code = if unreadable { ffi::SQLITE_IOERR_READ } else { ffi::SQLITE_CORRUPT };
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(verdict)))
}

/// The last seq given out, as far as anything tells of it: rows may be gone, those that the cloud has had, and those that a salvage
/// could not save. Given out twice, a seq at or below the cursor would never be passed on, and one up to `keys_through` would not have
/// its key read back.
fn last_seq(conn: &Connection, told: Seq) -> rusqlite::Result<Seq> {
    let newest: Option<Seq> = conn.query_row("SELECT max(seq) FROM surveys", [], |row| row.get(0))?;
    Ok(newest.unwrap_or(0).max(told))
}
