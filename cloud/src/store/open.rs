//! Connections to the store's file, set up as the promises ask.

use crate::Error;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;

/// SQLite's `application_id` of our stores: "FPst".
pub(super) const APPLICATION_ID: i32 = 0x4650_7374;

/// Whether there has to be a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// One is made.
    Empty,
    /// It is an error if there is none.
    Held,
}

/// Opens a connection that may write, set up for durable commits.
pub(super) fn configured(path: &Path, start: Start) -> Result<Connection, Error> {
    let configure = || -> rusqlite::Result<Connection> {
        let mut flags = OpenFlags::default();
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, start == Start::Empty);
        let connection = Connection::open_with_flags(path, flags)?;
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
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<(), Error> {
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
