//! When the first copy of an upload without dates came (promise P4).

use crate::submission::Undated;
use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
    dating::RESEND_WINDOW,
};
use rusqlite::{Connection, OptionalExtension};

/// When the first copy of `upload`, of which a copy came at `now`, came. Noted in the transaction that stores its
/// readings: either both are known afterwards or none.
pub(super) fn first(
    connection: &Connection,
    upload: &Undated,
    now: UtcInstant,
) -> rusqlite::Result<UtcInstant> {
    if bug::on(Bug::CloudDatesEachCopy) {
        return Ok(now);
    }
    let key = upload.key.as_bytes().as_slice();
    let known: Option<i64> = connection
        .prepare_cached("SELECT first_received FROM receipts WHERE key = ?")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    // A copy may seem to come before the first one: they can overtake each other on their way to here.
    if let Some(first) = known.map(UtcInstant::from_millis).filter(|first| upload.is_copy(*first, now)) {
        return Ok(first);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO receipts (key, first_received) VALUES (?, ?)")?
        .execute((key, now.as_millis()))?;
    Ok(now)
}

/// Forgets the receipts that no copy can come for any more, and those of a future that our clock has left.
pub(super) fn prune(connection: &Connection, now: UtcInstant) -> rusqlite::Result<()> {
    let (from, to) = (now.saturating_sub(RESEND_WINDOW), now.saturating_add(RESEND_WINDOW));
    connection
        .prepare_cached("DELETE FROM receipts WHERE first_received < ? OR first_received > ?")?
        .execute((from.as_millis(), to.as_millis()))?;
    Ok(())
}
