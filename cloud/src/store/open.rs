//! Connections to the store's file, set up as the promises ask.

use crate::Error;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
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
        set_up(&connection)?;
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
    // As the flags that are usual for one that writes: a connection is used by one thread at a time, and locks nothing for it.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "cache_size", -4 * 1024)?;
    Ok(connection)
}

/// What holds of every connection.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // Otherwise a statement with `LIMIT ?` is compiled anew for every value that is bound, which takes longer than to run it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// What a failure to open `path` means to the operator.
pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> Error {
    let (path, detail) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged { path, detail },
        _ => Error::Open { path, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Vault, *};
    use rusqlite::StatementStatus;

    #[test]
    fn a_statement_is_not_compiled_anew_for_every_value_that_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Vault::create(&path).unwrap();
        for connection in [configured(&path, Start::Held).unwrap(), reader(&path).unwrap()] {
            let sql = "SELECT time FROM readings WHERE device = ? ORDER BY time DESC LIMIT ?";
            let mut statement = connection.prepare(sql).unwrap();
            for number in 1..5 {
                let times = statement.query_map((number, number), |row| row.get::<_, i64>(0));
                assert_eq!(times.unwrap().count(), 0);
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
