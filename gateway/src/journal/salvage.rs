//! What is saved from a damaged journal.
//!
//! 1. `journal.db.new` is made, and filled with every row of the damaged file that can be read and proven.
//! 2. It is closed, synced, and renamed `journal.db.salvaged`: from here on it is the journal.
//! 3. The damaged file and its log are set aside (`aside.rs`), and the new one renamed `journal.db`.
//!
//! A start that finds `journal.db.salvaged` does step 3 again; `journal.db.new` is removed by every start, and by the next
//! salvage. So a power cut at any point loses nothing that could be saved.

use std::path::Path;

use fieldpost_core::{
    Reason, UtcInstant,
    bug::{self, Bug},
};
use rusqlite::{
    Connection, Error, ErrorCode, OpenFlags, OptionalExtension, config::DbConfig, ffi, params_from_iter,
    types::Value,
};

use super::{
    FILE, Finding, JournalError, Place, Seq, aside,
    error::{Doing, is_unreadable},
    facts, gaps, open, quarantine,
    reader::read_row,
    room::beside,
    summary,
};

/// The tables that are copied as they are, as far as they can be read.
const SIDE_TABLES: [&str; 6] = ["keys", "reported", "quarantine", "refusals", "counters", "facts"];
/// So is the one that says which surveys below the cursor the cloud would not have.
const REFUSED: &str = "refused";

/// The bytes of a row of which every part is as short as it can be: a file has no more rows than so many fit into it.
const SMALLEST_ROW: u64 = 40;

/// The new journal, when it has all that could be saved, until it is in its place.
const READY: &str = "journal.db.salvaged";

/// Saves what can be saved, and puts it in the damaged journal's place. Not while [`READY`] is there: the damaged file is
/// no longer in its place then.
pub(super) fn salvage(
    place: &Place,
    now: UtcInstant,
    findings: &mut Vec<Finding>,
) -> Result<(), JournalError> {
    let Place { disk, folder, .. } = place;
    let path = folder.join(FILE);
    let length = |path: &Path| disk.length(path).doing("measure", path);
    let size = length(&path)?;
    let whole = size.saturating_add(length(&beside(&path, "-wal"))?);
    let aside = aside::prepare(place, whole, now)?;
    open::patiently(&**disk, |last| {
        open::make(place, &folder.join(READY), |new| {
            // SQLite would take an empty one for new, and throw its log away.
            let rows = Seq::try_from(whole / SMALLEST_ROW).unwrap_or(Seq::MAX);
            let (saved, damaged, lost) =
                if size == 0 { (0, 0, 0) } else { fill(new, &path, now, (rows, last))? };
            note(new, &Finding { aside: aside.clone(), saved, damaged, lost })
        })
    })?;
    finish(place, now, findings).map(drop)
}

/// Puts a new journal that is ready in its place, as after a salvage that was cut off in step 3; says whether there was one.
pub(super) fn finish(
    place: &Place,
    now: UtcInstant,
    findings: &mut Vec<Finding>,
) -> Result<bool, JournalError> {
    let Place { disk, folder, .. } = place;
    let (path, ready) = (folder.join(FILE), folder.join(READY));
    if !disk.exists(&ready).doing("look for", &ready)? {
        return Ok(false);
    }
    let found = open::patiently(&**disk, |last| {
        let found = Connection::open_with_flags(&ready, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|ready| untold(&ready, folder));
        lost(found, last).doing("read", &ready)
    })?;
    let found = match found.flatten() {
        Some(found) => found,
        None => Finding { aside: aside::prepare(place, 0, now)?, saved: 0, damaged: 0, lost: 0 },
    };
    let aside = &found.aside;
    // Shared memory is rebuilt from the log; the log goes with its file, or SQLite would apply it to the new one.
    let shared = beside(&path, "-shm");
    disk.remove(&shared).doing("remove", &shared)?;
    for ending in ["-wal", ""] {
        let from = beside(&path, ending);
        if disk.exists(&from).doing("look for", &from)? {
            disk.rename(&from, &beside(aside, ending)).doing("rename", &from)?;
        }
    }
    disk.sync_folder(folder).doing("sync", folder)?;
    disk.rename(&ready, &path).doing("rename", &ready)?;
    findings.push(found);
    disk.sync_folder(folder).doing("sync", folder)?;
    Ok(true)
}

/// Notes what a salvage found, until it has been told.
fn note(new: &Connection, Finding { aside, saved, damaged, lost }: &Finding) -> rusqlite::Result<()> {
    let name = aside.file_name().unwrap_or_default().to_string_lossy();
    facts::set_text(new, facts::SALVAGED, &format!("{saved} {damaged} {lost} {name}"))
}

/// What the salvage that made this journal found, if nobody was told of it yet.
pub(super) fn untold(conn: &Connection, folder: &Path) -> rusqlite::Result<Option<Finding>> {
    let text = facts::text(conn, facts::SALVAGED)?;
    let parse = |text: &str| {
        let mut words = text.splitn(4, ' ');
        let mut number = || words.next()?.parse().ok();
        let (saved, damaged, lost) = (number()?, number()?, number()?);
        Some(Finding { aside: folder.join(words.next()?), saved, damaged, lost })
    };
    Ok(text.as_deref().and_then(parse))
}

/// A damaged journal.
struct Old {
    conn: Connection,
    /// It has no more rows than these.
    rows: Seq,
    /// What cannot be read now is given up.
    last: bool,
}

/// Copies all that can be read, and says how many surveys were proven, how many were not, and how many are lost; errors are
/// the new file's, or such as pass.
fn fill(
    new: &Connection,
    path: &Path,
    now: UtcInstant,
    (rows, last): (Seq, bool),
) -> rusqlite::Result<(u64, u64, u64)> {
    let write = new.unchecked_transaction()?;
    let old = Old { conn: open_damaged(path)?, rows, last };
    SIDE_TABLES.iter().try_for_each(|table| copy(&old, &write, table).map(drop))?;
    forget_strange_counts(&write)?;
    let all_refused = copy(&old, &write, REFUSED)?;
    let Run { proven: saved, broken: damaged, broken_behind, .. } = copy_surveys(&old, &write, now)?;
    let lost = gaps::count_lost(&write, broken_behind)?;
    forget_keys(&write)?;
    if !all_refused && !bug::on(Bug::RefusedIsHeld) {
        offer_again(&write)?;
    }
    write.commit()?;
    Ok((saved, damaged, lost))
}

/// A row has no checksum of its own. A count under a name that nobody gives is no better than none.
fn forget_strange_counts(write: &Connection) -> rusqlite::Result<()> {
    let ours = [quarantine::DAMAGED, quarantine::DAMAGED_PASSED_ON, quarantine::REFUSED_BY_CLOUD, gaps::LOST];
    for (name, _) in summary::counts(write, "SELECT reason, count FROM refusals")? {
        if !ours.contains(&name.as_str()) && Reason::from_code(&name).is_none() {
            write.execute("DELETE FROM refusals WHERE reason = ?1", [&name])?;
        }
    }
    Ok(())
}

/// Nobody can tell any more which surveys below the cursor the cloud has and which it refused, some of them only for now: what is left
/// is offered once more, back to the first gap. What it has are copies there. What was let go of from a gap it has, too, and if the cursor went
/// beyond that, it would pass for lost.
fn offer_again(write: &Connection) -> rusqlite::Result<()> {
    let held = facts::integer(write, facts::HELD_THROUGH)?.unwrap_or(0);
    let confirmed = facts::integer(write, facts::CONFIRMED)?.unwrap_or(0);
    let mut select = write.prepare("SELECT seq FROM surveys WHERE seq <= ?1 ORDER BY seq DESC")?;
    let (mut rows, mut to) = (select.query([held])?, held);
    while let Some(row) = rows.next()? {
        if row.get::<_, Seq>(0)? != to {
            break;
        }
        to = to.saturating_sub(1);
    }
    if to == held {
        return Ok(());
    }
    gaps::go_back(write, held)?;
    let given_out = facts::integer(write, facts::GIVEN_OUT)?.unwrap_or(0);
    facts::set_integer(write, facts::GIVEN_OUT, given_out.max(held).max(confirmed))?;
    facts::set_integer(write, facts::HELD_THROUGH, to)?;
    facts::set_integer(write, facts::CONFIRMED, confirmed.min(to))
}

/// The table of keys may have lost some: those of the surveys that were saved are read from these again. And it may have some whose
/// surveys are lost: a copy of such a one would be held by nobody. Which these are it does not say, so all of them go, also those of
/// surveys that were let go of early. If none is lost of those that it may have and that still waited, they stay.
fn forget_keys(write: &Connection) -> rusqlite::Result<()> {
    let held = facts::integer(write, facts::HELD_THROUGH)?.unwrap_or(0);
    let through = facts::integer(write, facts::KEYS_THROUGH)?.unwrap_or(Seq::MAX).max(held);
    let ask = "SELECT count(*) FROM surveys WHERE seq > ?1 AND seq <= ?2";
    let kept: Seq = write.query_row(ask, [held, through], |row| row.get(0))?;
    if kept < through.saturating_sub(held) && !bug::on(Bug::KeysOfTheLost) {
        write.execute("DELETE FROM keys", [])?;
    }
    if bug::on(Bug::SavedWithoutKeys) {
        return Ok(());
    }
    facts::remove(write, facts::KEYS_THROUGH)
}

fn open_damaged(path: &Path) -> rusqlite::Result<Connection> {
    let old = Connection::open(path)?;
    // It stays as it was found.
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Without this SQLite reads nothing at all of a file that is shorter than it should be.
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    Ok(old)
}

impl Old {
    fn lost<T>(&self, result: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
        lost(result, self.last)
    }
}

/// What could not be read is damaged and passed over, unless it may be read another time: it would be left behind
/// for no reason then, and the salvage is begun again. With `last` it was begun often enough.
fn lost<T>(result: rusqlite::Result<T>, last: bool) -> rusqlite::Result<Option<T>> {
    /// There is nothing to be read.
    const NOTHING: [i32; 2] = [ffi::SQLITE_IOERR_SHORT_READ, ffi::SQLITE_IOERR_CORRUPTFS];
    let passes = |error: &Error| match error.sqlite_error() {
        Some(_) if is_unreadable(error) => !last,
        Some(ffi::Error { code: ErrorCode::SystemIoFailure, extended_code }) => {
            !NOTHING.contains(extended_code)
        }
        Some(error) => matches!(
            error.code,
            ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
        ),
        None => false,
    };
    match result {
        Err(error) if passes(&error) => Err(error),
        result => Ok(result.ok()),
    }
}

/// Copies a table; says whether all of it could be read and is taken.
fn copy(old: &Old, write: &Connection, table: &str) -> rusqlite::Result<bool> {
    let Some(mut select) = old.lost(old.conn.prepare(&format!("SELECT * FROM {table}")))? else {
        return Ok(false);
    };
    let columns = select.column_count();
    let marks = vec!["?"; columns].join(", ");
    // A damaged schema may tell of other columns.
    let insert = old.lost(write.prepare(&format!("INSERT OR IGNORE INTO {table} VALUES ({marks})")))?;
    let Some(mut insert) = insert else { return Ok(false) };
    let Some(mut rows) = old.lost(select.query([]))? else { return Ok(false) };
    let mut whole = true;
    loop {
        let row = match old.lost(rows.next())? {
            Some(Some(row)) => row,
            Some(None) => return Ok(whole),
            None => return Ok(false),
        };
        let values: rusqlite::Result<Vec<Value>> = (0..columns).map(|column| row.get(column)).collect();
        whole &= match values {
            Ok(values) => taken(insert.execute(params_from_iter(values)))?,
            Err(_) => false,
        };
    }
}

/// What the new table does not take is damaged too; but the new file must be able to take it.
fn taken(result: rusqlite::Result<usize>) -> rusqlite::Result<bool> {
    match result {
        // None where another row has its place, or a value is not there that must be.
        Ok(rows) => Ok(rows > 0),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(false),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::TypeMismatch) => Ok(false),
        Err(error) => Err(error),
    }
}

fn copy_surveys(old: &Old, write: &Connection, now: UtcInstant) -> rusqlite::Result<Run> {
    let newest = "SELECT seq FROM surveys ORDER BY seq DESC LIMIT 1";
    let newest = old.lost(old.conn.query_row(newest, [], |row| row.get::<_, Seq>(0)))?.unwrap_or(Seq::MAX);
    let held = facts::integer(write, facts::HELD_THROUGH)?.unwrap_or(0);
    let (mut next, mut sum) = (Seq::MIN, Run::default());
    loop {
        sum.ended = false;
        copy_from(old, write, &mut next, held, now, &mut sum)?;
        if sum.ended || bug::on(Bug::SalvageStops) {
            break;
        }
        match readable_behind(old, next.max(0), newest)? {
            Some(seq) => next = seq,
            None => break,
        }
    }
    Ok(sum)
}

/// The first seq behind `bad`, which cannot be read, from which on rows can be read again.
///
/// Each seq is tried, for between two pages that cannot be read there may be one that can, and it may hold a single row. Only behind as
/// many as the file may have rows the steps double, and then it is looked for between the last two: numbers may have been left out.
fn readable_behind(old: &Old, mut bad: Seq, newest: Seq) -> rusqlite::Result<Option<Seq>> {
    let mut look =
        old.conn.prepare_cached("SELECT seq, records FROM surveys WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
    let mut readable = |seq: Seq| {
        let row = look.query_row([seq], |row| row.get_ref(1).map(drop)).optional();
        old.lost(row).map(|row| row.is_some())
    };
    let leaps = bug::on(Bug::SalvageLeaps) || bug::on(Bug::SalvageSkips);
    let each_through = if leaps { bad } else { bad.saturating_add(old.rows) };
    let mut step: Seq = 1;
    let mut good = loop {
        let there = bad.saturating_add(step);
        if readable(there)? {
            break there;
        }
        if there > newest || there == Seq::MAX {
            return Ok(None);
        }
        bad = there;
        if there > each_through {
            step = step.saturating_mul(2);
        }
    };
    while good - bad > 1 && !bug::on(Bug::SalvageSkips) {
        let middle = bad + (good - bad) / 2;
        if readable(middle)? { good = middle } else { bad = middle }
    }
    Ok(Some(good))
}

/// How far it went: so many rows, then an unreadable place or the end.
#[derive(Default)]
struct Run {
    proven: u64,
    broken: u64,
    /// Of these, those behind the cursor.
    broken_behind: u64,
    ended: bool,
}

fn copy_from(
    old: &Old,
    write: &Connection,
    next: &mut Seq,
    held: Seq,
    now: UtcInstant,
    run: &mut Run,
) -> rusqlite::Result<()> {
    let sql = "SELECT seq, received, device, readings, records, checksum, key FROM surveys WHERE seq >= ?1 ORDER BY seq";
    let Some(mut select) = old.lost(old.conn.prepare_cached(sql))? else {
        run.ended = true;
        return Ok(());
    };
    let Some(mut rows) = old.lost(select.query([*next]))? else { return Ok(()) };
    let mut insert = write.prepare_cached(
        "INSERT OR REPLACE INTO surveys (seq, received, device, readings, records, checksum, key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    loop {
        let row = match old.lost(rows.next())? {
            Some(Some(row)) => row,
            Some(None) => {
                run.ended = true;
                return Ok(());
            }
            None => return Ok(()),
        };
        let Ok(seq) = row.get::<_, Seq>(0) else { continue };
        if seq < *next {
            // Damaged pages can lead in circles.
            return Ok(());
        }
        *next = seq.saturating_add(1);
        let values: rusqlite::Result<Vec<Value>> = (0..7).map(|column| row.get(column)).collect();
        let Ok(values) = values else { continue };
        let taken = taken(insert.execute(params_from_iter(values)))?;
        if taken && read_row(row).is_ok_and(|survey| survey.is_some()) {
            run.proven += 1;
        } else {
            run.broken += 1;
            run.broken_behind += u64::from(seq > held);
            quarantine::move_damaged(write, seq, held, now)?;
        }
    }
}
