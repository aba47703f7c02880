//! The one-time link: for the first administrator, and for one who lost the password.

use super::{
    super::{ReadError, Store, migrations, open},
    CODE_LIFE, Changed, Denied, sessions, users,
};
use crate::{Error, secret::Digest};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::path::Path;

/// Makes `code` the one that is good from now on.
pub(crate) fn issue_code(connection: &Connection, code: Digest, now: UtcInstant) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM setup", [])?;
    let sql = "INSERT INTO setup (digest, created) VALUES (?, ?)";
    connection.execute(sql, (code.as_bytes(), now.as_millis())).map(|_| ())
}

/// Uses the code up: makes `name` an administrator with this password, and begins `session`.
pub(crate) fn redeem_code(
    connection: &Connection,
    code: Digest,
    (name, password): (&str, &str),
    session: Digest,
    now: UtcInstant,
) -> Changed<()> {
    if !is_good(connection, code, now)? {
        return Ok(Err(Denied::BadCode));
    }
    connection.execute("DELETE FROM setup", [])?;
    let user = users::enthrone(connection, name, password, now)?;
    sessions::insert(connection, session, user, now)?;
    Ok(Ok(()))
}

/// Whether this is the code, and not too old.
fn is_good(connection: &Connection, code: Digest, now: UtcInstant) -> rusqlite::Result<bool> {
    let created: Option<i64> = connection
        .query_row("SELECT created FROM setup WHERE digest = ?", [code.as_bytes()], |row| row.get(0))
        .optional()?;
    let created = created.map(UtcInstant::from_millis);
    // One from the future is too old as well: the clock was set back, and nobody knows by how much.
    Ok(created.is_some_and(|created| created <= now && now.duration_since(created) < CODE_LIFE))
}

impl Store {
    /// Whether a one-time code is good at `now`.
    pub(crate) async fn knows_code(&self, code: Digest, now: UtcInstant) -> Result<bool, ReadError> {
        self.readers.ask(move |connection| is_good(connection, code, now)).await
    }
}

/// As [`issue_code`], in the store at `path`, which a cloud may have open.
pub(crate) fn issue_code_at(path: &Path, code: Digest, now: UtcInstant) -> Result<(), Error> {
    let connection = open::configured(path, open::Start::Held)?;
    open::recognise(&connection, path)?;
    migrations::require_present(&connection, path)?;
    let failed = |error: rusqlite::Error| open::opening(path, &error);
    let transaction =
        Transaction::new_unchecked(&connection, TransactionBehavior::Immediate).map_err(failed)?;
    issue_code(&transaction, code, now).map_err(failed)?;
    transaction.commit().map_err(failed)
}
