//! What the journal lets go of.

use fieldpost_core::{UtcInstant, dating::RESEND_WINDOW};
use rusqlite::{Connection, params};

use super::{Journal, JournalError, Seq, error::Doing};

/// Rows that are looked at in one transaction: small, so that it costs the datagrams in between nothing they notice.
const BATCH: i64 = 256;
/// And when room is short: nothing new is taken then, so room counts for more than time.
const BATCH_WHEN_SHORT: i64 = 8_192;

pub(super) fn prune(journal: &mut Journal, now: UtcInstant, short: bool) -> Result<usize, JournalError> {
    let kept_since = now.saturating_sub(journal.limits.keep.max(RESEND_WINDOW));
    let batch = if short { BATCH_WHEN_SHORT } else { BATCH };
    let rows = oldest(&journal.conn, journal.held_through, batch).doing("read", &journal.path)?;
    let is_old = |received: &UtcInstant| short || *received < kept_since;
    let last = rows.iter().take_while(|(_, received)| is_old(received)).last();
    let Some((last, _)) = last.copied() else { return Ok(0) };
    let write = journal.conn.unchecked_transaction().doing("write", &journal.path)?;
    if short {
        // Copies of what goes early must still be recognised after a start, and the rows told their keys.
        journal.keys.spill(&write, journal.last_seq, now).doing("write", &journal.path)?;
    }
    let gone = delete(&write, last).doing("write", &journal.path)?;
    write.commit().doing("write", &journal.path)?;
    Ok(gone)
}

fn oldest(conn: &Connection, held_through: Seq, batch: i64) -> rusqlite::Result<Vec<(Seq, UtcInstant)>> {
    conn.prepare_cached("SELECT seq, received FROM surveys WHERE seq <= ?1 ORDER BY seq LIMIT ?2")?
        .query_map([held_through, batch], |row| Ok((row.get(0)?, UtcInstant::from_millis(row.get(1)?))))?
        .collect()
}

fn delete(write: &Connection, through: Seq) -> rusqlite::Result<usize> {
    write.execute("DELETE FROM refused WHERE seq <= ?1", params![through])?;
    write.execute("DELETE FROM surveys WHERE seq <= ?1", params![through])
}
