//! How the journal's file is opened, and how it came to look as it does.

use std::{path::Path, time::Duration};

use fieldpost_core::bug::{self, Bug};
use rusqlite::{Connection, OpenFlags};

use super::{JournalError, error::Doing};

/// The migrations, in order: number n brings a journal from version n - 1 to n, in one transaction.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/001_journal.sql")];

/// SQLite's page cache of the one connection that writes, in KiB.
const WRITER_CACHE_KIB: i64 = 2_048;
/// And of each that reads.
const READER_CACHE_KIB: i64 = 256;
/// The write-ahead log is folded into the file when it has this many pages (8 MiB), less in a small journal.
const CHECKPOINT_PAGES: u64 = 2_048;
/// What SQLite writes at a time.
pub(super) const PAGE: u64 = 4_096;
/// Readers wait this long where they must (recovery, checkpoints); nobody else writes.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the journal to write: durable to the last commit, and of the present version.
pub(super) fn open_writer(path: &Path, max: u64) -> Result<Connection, JournalError> {
    let mut conn = Connection::open(path).doing("open", path)?;
    require_known(&conn, path)?;
    configure(&conn, WRITER_CACHE_KIB).doing("open", path)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).doing("open", path)?;
    // A commit returns when its bytes are on the disk: that is what an acknowledgement means.
    let sync = if bug::on(Bug::NoSync) { "OFF" } else { "FULL" };
    conn.pragma_update(None, "synchronous", sync).doing("open", path)?;
    let pages = (max / 8 / PAGE).clamp(16, CHECKPOINT_PAGES);
    conn.pragma_update(None, "wal_autocheckpoint", pages.cast_signed()).doing("open", path)?;
    conn.pragma_update(None, "journal_size_limit", (2 * pages * PAGE).cast_signed()).doing("open", path)?;
    migrate(&mut conn, path)?;
    Ok(conn)
}

/// Opens the journal to read beside the writer.
pub(super) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).doing("open", path)?;
    require_known(&conn, path)?;
    configure(&conn, READER_CACHE_KIB).doing("open", path)?;
    Ok(conn)
}

/// Makes an empty journal without a write-ahead log, to be filled and then renamed into place.
pub(super) fn create_plain(path: &Path) -> Result<Connection, JournalError> {
    let mut conn = Connection::open(path).doing("create", path)?;
    configure(&conn, WRITER_CACHE_KIB).doing("create", path)?;
    conn.pragma_update(None, "synchronous", "FULL").doing("create", path)?;
    migrate(&mut conn, path)?;
    Ok(conn)
}

/// Folds the write-ahead log into the file and empties it; says whether all of it could be.
pub(super) fn fold(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// Asked before anything else: where the journal is of a version to come, nothing of its tables is read, which may be new to us, and nothing is
/// set up.
fn require_known(conn: &Connection, path: &Path) -> Result<(), JournalError> {
    conn.busy_timeout(BUSY).doing("open", path)?;
    known(version(conn).doing("read", path)?, path)
}

fn configure(conn: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update(None, "cache_size", -cache_kib)
}

fn migrate(conn: &mut Connection, path: &Path) -> Result<(), JournalError> {
    let version = version(conn).doing("read", path)?;
    known(version, path)?;
    for (number, sql) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > version) {
        let step = conn.transaction().doing("upgrade", path)?;
        step.execute_batch(sql).doing("upgrade", path)?;
        step.pragma_update(None, "user_version", number).doing("upgrade", path)?;
        step.commit().doing("upgrade", path)?;
    }
    Ok(())
}

fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn known(version: i64, path: &Path) -> Result<(), JournalError> {
    if usize::try_from(version).is_ok_and(|version| version <= MIGRATIONS.len()) {
        return Ok(());
    }
    Err(JournalError::Newer { path: path.to_path_buf(), version, known: MIGRATIONS.len() })
}
