//! What is saved from a damaged journal.
//!
//! 1. `journal.db.new` is made, and filled with every row of the damaged file that can be read and proven.
//! 2. It is closed, synced, and renamed `journal.db.salvaged`: from here on it is the journal.
//! 3. The damaged file and its log are renamed `journal.db.corrupt-<time>`, and the new one `journal.db`.
//!
//! A start that finds `journal.db.salvaged` does step 3 again; `journal.db.new` without it is removed by the next
//! salvage. So a power cut at any point loses nothing that could be saved.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use fieldpost_core::UtcInstant;
use rusqlite::{Connection, config::DbConfig, params_from_iter, types::Value};

use super::{
    FILE, Finding, JournalError, Seq, error::Doing, quarantine, reader::read_row, room::beside, schema,
};
use crate::folder;

/// After a row that cannot be read the next ones are looked for farther and farther on: each step is twice the one
/// before, so that this many reach the last seq there can be.
const MAX_LOOKS: u32 = 63;

/// The tables that are copied as they are, as far as they can be read.
const SIDE_TABLES: [&str; 7] = ["keys", "refused", "reported", "quarantine", "refusals", "counters", "facts"];

/// Saves what can be saved, and puts it in the damaged journal's place.
pub(super) fn salvage(folder: &Path, now: UtcInstant) -> Result<Finding, JournalError> {
    let (path, fresh) = (folder.join(FILE), folder.join("journal.db.new"));
    for leftover in [fresh.clone(), beside(&fresh, "-journal")] {
        remove(&leftover).doing("remove", &leftover)?;
    }
    let new = schema::create_plain(&fresh)?;
    let (saved, damaged) = fill(&new, &path, now).doing("fill", &fresh)?;
    new.close().map_err(|(_, source)| source).doing("close", &fresh)?;
    let ready = folder.join("journal.db.salvaged");
    fs::rename(&fresh, &ready).doing("rename", &fresh)?;
    folder::sync(folder).doing("sync", folder)?;
    let aside = put_in_place(folder, &ready, now)?;
    Ok(Finding { aside, saved, damaged })
}

/// Completes a salvage that was cut off in step 3.
pub(super) fn finish(folder: &Path, now: UtcInstant) -> Result<(), JournalError> {
    let ready = folder.join("journal.db.salvaged");
    if ready.exists() { put_in_place(folder, &ready, now).map(drop) } else { Ok(()) }
}

fn put_in_place(folder: &Path, ready: &Path, now: UtcInstant) -> Result<PathBuf, JournalError> {
    let path = folder.join(FILE);
    let aside = aside_name(&path, now);
    // Shared memory is rebuilt from the log; the log goes with its file, or SQLite would apply it to the new one.
    let shared = beside(&path, "-shm");
    remove(&shared).doing("remove", &shared)?;
    for ending in ["-wal", ""] {
        let from = beside(&path, ending);
        if from.exists() {
            fs::rename(&from, beside(&aside, ending)).doing("rename", &from)?;
        }
    }
    folder::sync(folder).doing("sync", folder)?;
    fs::rename(ready, &path).doing("rename", ready)?;
    folder::sync(folder).doing("sync", folder)?;
    Ok(aside)
}

fn aside_name(path: &Path, now: UtcInstant) -> PathBuf {
    let base = beside(path, &now.to_timestamp().strftime(".corrupt-%Y%m%dT%H%M%SZ").to_string());
    let others = (2..).map(|number| beside(&base, &format!("-{number}")));
    let mut names = std::iter::once(base.clone()).chain(others);
    names.find(|name: &PathBuf| !name.exists()).unwrap_or(base)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies all that can be read; errors are the new file's only.
fn fill(new: &Connection, path: &Path, now: UtcInstant) -> rusqlite::Result<(u64, u64)> {
    let write = new.unchecked_transaction()?;
    let counts = match open_damaged(path) {
        Ok(old) => {
            SIDE_TABLES.iter().try_for_each(|table| copy(&old, &write, table))?;
            copy_surveys(&old, &write, now)?
        }
        Err(error) => {
            tracing::warn!(%error, "nothing can be read from the damaged journal");
            (0, 0)
        }
    };
    write.commit()?;
    Ok(counts)
}

fn open_damaged(path: &Path) -> rusqlite::Result<Connection> {
    let old = Connection::open(path)?;
    // It stays as it was found.
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Without this SQLite reads nothing at all of a file that is shorter than it should be.
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    Ok(old)
}

fn copy(old: &Connection, write: &Connection, table: &str) -> rusqlite::Result<()> {
    let Ok(mut select) = old.prepare(&format!("SELECT * FROM {table}")) else { return Ok(()) };
    let columns = select.column_count();
    let marks = vec!["?"; columns].join(", ");
    let mut insert = write.prepare(&format!("INSERT OR IGNORE INTO {table} VALUES ({marks})"))?;
    let Ok(mut rows) = select.query([]) else { return Ok(()) };
    while let Ok(Some(row)) = rows.next() {
        let values: rusqlite::Result<Vec<Value>> = (0..columns).map(|column| row.get(column)).collect();
        let Ok(values) = values else { continue };
        // What the new table does not take is damaged too.
        let _ = insert.execute(params_from_iter(values));
    }
    Ok(())
}

fn copy_surveys(old: &Connection, write: &Connection, now: UtcInstant) -> rusqlite::Result<(u64, u64)> {
    let newest = "SELECT seq FROM surveys ORDER BY seq DESC LIMIT 1";
    let newest = old.query_row(newest, [], |row| row.get::<_, Seq>(0)).ok();
    let (mut next, mut step, mut saved, mut damaged) = (Seq::MIN, 1, 0, 0);
    let mut lost_in_a_row = 0;
    loop {
        let run = copy_from(old, write, &mut next, now)?;
        (saved, damaged) = (saved + run.proven, damaged + run.broken);
        if run.ended {
            break;
        }
        let found = run.proven + run.broken > 0;
        (step, lost_in_a_row) = if found { (1, 0) } else { (step, lost_in_a_row + 1) };
        // Behind an unreadable place: on to where the next readable page may be.
        next = next.max(0).saturating_add(step);
        step = step.saturating_mul(2);
        if lost_in_a_row > MAX_LOOKS || newest.is_some_and(|newest| next > newest) {
            break;
        }
    }
    Ok((saved, damaged))
}

/// How far one look went: so many rows, then an unreadable place or the end.
#[derive(Default)]
struct Run {
    proven: u64,
    broken: u64,
    ended: bool,
}

fn copy_from(old: &Connection, write: &Connection, next: &mut Seq, now: UtcInstant) -> rusqlite::Result<Run> {
    let mut run = Run::default();
    let sql = "SELECT seq, received, device, readings, records, checksum, key FROM surveys WHERE seq >= ?1 ORDER BY seq";
    let Ok(mut select) = old.prepare_cached(sql) else { return Ok(Run { ended: true, ..run }) };
    let Ok(mut rows) = select.query([*next]) else { return Ok(run) };
    let mut insert = write.prepare_cached(
        "INSERT OR REPLACE INTO surveys (seq, received, device, readings, records, checksum, key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Run { ended: true, ..run }),
            Err(_) => return Ok(run),
        };
        let Ok(seq) = row.get::<_, Seq>(0) else { continue };
        if seq < *next {
            // Damaged pages can lead in circles.
            return Ok(run);
        }
        *next = seq.saturating_add(1);
        let values: rusqlite::Result<Vec<Value>> = (0..7).map(|column| row.get(column)).collect();
        let Ok(values) = values else { continue };
        // What the new table does not take is not a survey at all.
        let taken = insert.execute(params_from_iter(values)).is_ok();
        if taken && read_row(row).is_ok_and(|survey| survey.is_some()) {
            run.proven += 1;
        } else {
            run.broken += 1;
            quarantine::move_damaged(write, seq, now)?;
        }
    }
}
