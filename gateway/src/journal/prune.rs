//! What the journal lets go of.

use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
    dating::RESEND_WINDOW,
};
use rusqlite::{Connection, params};

use super::{Full, Journal, JournalError, Seq, error::Doing, keys, quarantine};

/// Rows that are looked at in one transaction: small, so that it costs the datagrams in between nothing they notice.
const BATCH: i64 = 256;
/// And when the journal is full: nothing new is taken then, so room counts for more than time. Where the disk is short it is
/// [`BATCH`], because the log takes of the disk what letting go writes.
const BATCH_WHEN_FULL: i64 = 8_192;

pub(super) fn prune(
    journal: &mut Journal,
    now: UtcInstant,
    short: Option<Full>,
) -> Result<usize, JournalError> {
    let kept_since = now.saturating_sub(journal.limits.keep.max(RESEND_WINDOW));
    let young = |row: &Old| short.is_none() && row.received >= kept_since;
    let first = if short.is_some() {
        Vec::new()
    } else {
        oldest(journal, kept_since, 1).doing("read", &journal.path)?
    };
    if first.iter().any(young) {
        return Ok(0);
    }
    let batch = if short == Some(Full::Journal) { BATCH_WHEN_FULL } else { BATCH };
    let mut rows = oldest(journal, kept_since, batch).doing("read", &journal.path)?;
    rows.truncate(rows.iter().position(young).unwrap_or(rows.len()));
    let Some(last) = rows.last() else {
        // Keys of surveys that went early outlive these, and may have come to fill a small journal by themselves.
        return if short.is_some() { sweep(journal, now).doing("write", &journal.path) } else { Ok(0) };
    };
    let write = journal.conn.unchecked_transaction().doing("write", &journal.path)?;
    // Copies of what goes early must still be recognised after a start, and the rows told their keys. These come after the
    // rows, into their room: the file may not be able to grow.
    let keys = match short {
        Some(_) => keys::told_by_rows(&write, last.seq, now).doing("read", &journal.path)?,
        None => Vec::new(),
    };
    rows.iter().try_for_each(|row| let_go(&write, row, now)).doing("write", &journal.path)?;
    if short.is_some() {
        journal.keys.take_over(&write, keys, last.seq, now).doing("write", &journal.path)?;
    }
    write.commit().doing("write", &journal.path)?;
    Ok(rows.len())
}

/// Lets go of keys that are too old; says how many.
fn sweep(journal: &mut Journal, now: UtcInstant) -> rusqlite::Result<usize> {
    let write = journal.conn.unchecked_transaction()?;
    let gone = journal.keys.sweep(&write, now)?;
    write.commit()?;
    Ok(gone)
}

/// A survey that may go.
struct Old {
    seq: Seq,
    received: UtcInstant,
    /// Why the cloud would not have it.
    refused: Option<String>,
}

/// The oldest surveys at or below the cursor. The cursor passes over what the cloud refused, which is nowhere but here:
/// such a survey is kept while it is to be offered again, and as long as any other even if room is short.
fn oldest(journal: &Journal, kept_since: UtcInstant, batch: i64) -> rusqlite::Result<Vec<Old>> {
    // The limit is not bound: SQLite plans by it, and prepares the statement anew whenever it is.
    let sql = format!(
        "SELECT seq, received, reason FROM surveys LEFT JOIN refused USING (seq)
               WHERE seq <= ?1 AND (reason IS NULL OR (again IS NULL AND received < ?2))
               ORDER BY seq LIMIT {batch}"
    );
    let old = |row: &rusqlite::Row<'_>| {
        let received = UtcInstant::from_millis(row.get(1)?);
        Ok(Old { seq: row.get(0)?, received, refused: row.get(2)? })
    };
    let mut select = journal.conn.prepare_cached(&sql)?;
    let through = if bug::on(Bug::DropWhenFull) { Seq::MAX } else { journal.held_through };
    select.query_map(params![through, kept_since.as_millis()], old)?.collect()
}

fn let_go(write: &Connection, old: &Old, now: UtcInstant) -> rusqlite::Result<()> {
    if let Some(reason) = &old.refused {
        let detail = format!("the cloud refused survey {} of the journal: {reason}", old.seq);
        write.execute("DELETE FROM refused WHERE seq = ?1", [old.seq])?;
        return quarantine::move_row(write, old.seq, now, quarantine::REFUSED_BY_CLOUD, &detail);
    }
    write.prepare_cached("DELETE FROM surveys WHERE seq = ?1")?.execute([old.seq]).map(drop)
}
