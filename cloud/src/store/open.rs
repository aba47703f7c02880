//! Opening the store's file, and refusing to when that could lose data.

use super::migrations;
use crate::{Error, folder};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

/// SQLite's `application_id` of our stores: "FPst".
const APPLICATION_ID: i32 = 0x4650_7374;

/// Keeps other clouds off the store; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

/// The store's file with `suffix` behind its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the folder of `path` and takes its lock.
pub(super) fn lock(path: &Path) -> Result<Lock, Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let unusable = |source| Error::Folder { path: folder.to_owned(), source };
    folder::create(folder).map_err(unusable)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Opens the store for its one writer, or makes it where there is none.
pub(super) fn writer(path: &Path) -> Result<Connection, Error> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() && file.len() == 0 => {
            // Stores are made elsewhere and moved here whole, so an empty file has lost its content.
            return Err(Error::Damaged { path: path.to_owned(), detail: "the file is empty".into() });
        }
        Ok(_) => {}
        Err(_) => create(path)?,
    }
    let mut connection = configured(path)?;
    recognise(&connection, path)?;
    migrations::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Makes an empty store, whole or not at all.
fn create(path: &Path) -> Result<(), Error> {
    let log = beside(path, "-wal");
    if log.exists() {
        let detail = format!("it is missing, but its log {} is there", log.display());
        return Err(Error::Damaged { path: path.to_owned(), detail });
    }
    let unfinished = beside(path, ".new");
    for suffix in ["", "-wal", "-shm"] {
        // What a crash in this place left behind; nothing was ever stored in it.
        let _ = fs::remove_file(beside(&unfinished, suffix));
    }
    let failed = |error: rusqlite::Error| opening(path, &error);
    let mut connection = configured(&unfinished)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    migrations::migrate(&mut connection, &unfinished)?;
    // Closing the last connection moves everything from the log into the file.
    connection.close().map_err(|(_, error)| opening(path, &error))?;
    let unusable = |source| Error::Folder { path: path.to_owned(), source };
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(unusable)?;
    fs::rename(&unfinished, path).map_err(unusable)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;
    }
    tracing::info!(store = %path.display(), "a new store was made");
    Ok(())
}

/// Opens a connection that may write, set up for durable commits.
fn configured(path: &Path) -> Result<Connection, Error> {
    let configure = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A commit is on disk when it returns (promise P1).
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -16 * 1024)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        // Pages change often while a day comes in: moving them from the log less often saves writing them twice.
        connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        Ok(connection)
    };
    configure().map_err(|error| opening(path, &error))
}

/// Makes sure that the file is a store of ours, and readable.
fn recognise(connection: &Connection, path: &Path) -> Result<(), Error> {
    let id: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|error| opening(path, &error))?;
    if id != APPLICATION_ID {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    let tables = "SELECT count(*) FROM sqlite_schema";
    connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(|error| opening(path, &error))?;
    Ok(())
}

/// Opens a connection that only reads.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "cache_size", -4 * 1024)?;
    Ok(connection)
}

/// What a failure to open `path` means to the operator.
pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> Error {
    let (path, detail) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged { path, detail },
        _ => Error::Open { path, detail },
    }
}
