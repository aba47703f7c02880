//! When the first copy of an upload without dates came (promise P4).

use fieldpost_core::{Key, UtcInstant, dating::RESEND_WINDOW};
use rusqlite::{Connection, OptionalExtension};

/// When the first copy of the upload `key`, of which a copy came at `now`, came. Noted in the transaction that
/// stores its readings: either both are known afterwards or none.
pub(super) fn first(connection: &Connection, key: Key, now: UtcInstant) -> rusqlite::Result<UtcInstant> {
    let known: Option<i64> = connection
        .prepare_cached("SELECT first_received FROM receipts WHERE key = ?")?
        .query_row([key.as_bytes().as_slice()], |row| row.get(0))
        .optional()?;
    let first = known.map(UtcInstant::from_millis);
    // A copy may seem to come before the first one: they can overtake each other on their way to here.
    if let Some(first) = first.filter(|first| now.duration_since(*first) < RESEND_WINDOW) {
        return Ok(first);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO receipts (key, first_received) VALUES (?, ?)")?
        .execute((key.as_bytes().as_slice(), now.as_millis()))?;
    Ok(now)
}

/// Forgets the receipts that no copy can come for any more.
pub(super) fn prune(connection: &Connection, now: UtcInstant) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM receipts WHERE first_received < ?")?
        .execute([now.saturating_sub(RESEND_WINDOW).as_millis()])?;
    Ok(())
}
