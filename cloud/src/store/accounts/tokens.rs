//! Tokens of programs.

use super::{Changed, Denied, MAX_TOKENS};
use crate::{rights::Scope, secret::Digest};
use fieldpost_core::UtcInstant;
use rusqlite::Connection;

/// Adds a token; says its number.
pub(crate) fn add_token(
    connection: &Connection,
    name: &str,
    scope: Scope,
    digest: Digest,
    now: UtcInstant,
) -> Changed<i64> {
    let count: i64 = connection.query_row("SELECT count(*) FROM tokens", [], |row| row.get(0))?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= MAX_TOKENS {
        return Ok(Err(Denied::TooMany(MAX_TOKENS)));
    }
    let taken = "SELECT count(*) FROM tokens WHERE name = ?";
    if connection.query_row(taken, [name], |row| row.get::<_, i64>(0))? > 0 {
        return Ok(Err(Denied::NameTaken));
    }
    let id = connection
        .prepare_cached("INSERT INTO tokens (name, scope, digest, created) VALUES (?, ?, ?, ?)")?
        .insert((name, scope.name(), digest.as_bytes(), now.as_millis()))?;
    Ok(Ok(id))
}

/// Removes a token: from the commit on it is nothing.
pub(crate) fn remove_token(connection: &Connection, id: i64) -> Changed<()> {
    match connection.execute("DELETE FROM tokens WHERE id = ?", [id])? {
        0 => Ok(Err(Denied::Unknown)),
        _ => Ok(Ok(())),
    }
}
