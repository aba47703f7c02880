//! Sessions, and when they and tokens were last used.

use super::{Changed, Denied, MAX_SESSIONS, SESSION_IDLE, SESSION_LIFE};
use crate::secret::Digest;
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, named_params};

/// A session that begins.
#[derive(Clone)]
pub(crate) struct NewSession {
    pub(crate) digest: Digest,
    /// Whose.
    pub(crate) user: i64,
    /// The hash that the password was found right by.
    pub(crate) password: String,
    /// Those that the browser had before.
    pub(crate) instead_of: Vec<Digest>,
    pub(crate) now: UtcInstant,
}

/// Begins a session, ends those that the browser had before and those that are too old, and of one person's the ones
/// that were used longest ago, beyond the limit.
pub(crate) fn begin_session(connection: &Connection, new: &NewSession) -> Changed<()> {
    let held: Option<String> = connection
        .query_row("SELECT password FROM users WHERE id = ?", [new.user], |row| row.get(0))
        .optional()?;
    if held.as_ref() != Some(&new.password) {
        return Ok(Err(Denied::Changed));
    }
    for before in &new.instead_of {
        end_session(connection, before)?;
    }
    insert(connection, new.digest, new.user, new.now)?;
    connection.execute(
        "DELETE FROM sessions WHERE created < ?1 OR last_used < ?2",
        (new.now.saturating_sub(SESSION_LIFE).as_millis(), new.now.saturating_sub(SESSION_IDLE).as_millis()),
    )?;
    // Never the one that just began, which looks old if the clock was set back.
    connection.execute(
        "DELETE FROM sessions WHERE user = :user AND digest IN (
             SELECT digest FROM sessions WHERE user = :user AND digest <> :new
             ORDER BY last_used DESC, created DESC, digest LIMIT -1 OFFSET :others)",
        named_params! {
            ":user": new.user,
            ":new": new.digest.as_bytes(),
            ":others": i64::try_from(MAX_SESSIONS).unwrap_or(i64::MAX) - 1,
        },
    )?;
    Ok(Ok(()))
}

/// Puts a session in, and notes that its user was here.
pub(super) fn insert(
    connection: &Connection,
    digest: Digest,
    user: i64,
    now: UtcInstant,
) -> rusqlite::Result<()> {
    let now = now.as_millis();
    connection
        .prepare_cached("INSERT INTO sessions (digest, user, created, last_used) VALUES (?1, ?2, ?3, ?3)")?
        .execute((digest.as_bytes(), user, now))?;
    connection
        .prepare_cached("UPDATE users SET last_seen = max(ifnull(last_seen, 0), ?2) WHERE id = ?1")?
        .execute((user, now))?;
    Ok(())
}

/// Ends a session, if it is one.
pub(crate) fn end_session(connection: &Connection, digest: &Digest) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM sessions WHERE digest = ?")?.execute([digest.as_bytes()])?;
    Ok(())
}

/// Notes that a session, or a token, was used.
pub(crate) fn note_use(connection: &Connection, digest: &Digest, at: UtcInstant) -> rusqlite::Result<()> {
    let told = (digest.as_bytes(), at.as_millis());
    for sql in [
        "UPDATE sessions SET last_used = max(last_used, ?2) WHERE digest = ?1",
        "UPDATE users SET last_seen = max(ifnull(last_seen, 0), ?2)
         WHERE id = (SELECT user FROM sessions WHERE digest = ?1)",
        "UPDATE tokens SET last_used = max(ifnull(last_used, 0), ?2) WHERE digest = ?1",
    ] {
        connection.prepare_cached(sql)?.execute(told)?;
    }
    Ok(())
}
