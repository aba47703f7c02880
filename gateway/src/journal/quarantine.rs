//! Refused input, kept raw for inspection: the newest, as long as nobody needs the room. What came from outside gives way to
//! surveys (`intake/keeper/room.rs`); surveys that ended here stay among the newest.

use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
};
use rusqlite::{Connection, params};

use super::{Seq, error::is_unreadable, facts};

/// As much of refused input as is kept.
pub(super) const MAX_RAW: usize = 4_096;
/// The newest refused inputs that are kept.
pub(super) const MAX_ROWS: i64 = 1_000;
/// Together they take at most one part in so many of what the journal may take.
const SHARE: u64 = 8;
/// What one of them takes beside its bytes: sender, reason, detail, and its part in pages.
const ROW: usize = 1_024;

/// The sender of what did not come from outside: no address reads so.
const OURSELVES: &str = "journal";

/// By what a damaged survey is counted that the cloud had not acknowledged.
pub(super) const DAMAGED: &str = "checksum";
/// And one that it had: there it is safe.
pub(super) const DAMAGED_PASSED_ON: &str = "checksum-passed-on";

/// By what a survey is counted that the cloud refused, when it is too old to be kept as one.
pub(super) const REFUSED_BY_CLOUD: &str = "refused-by-cloud";

/// Input that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quarantined {
    pub(crate) at: UtcInstant,
    /// Who sent it.
    pub(crate) peer: String,
    /// By what it is counted.
    pub(crate) reason: &'static str,
    /// What the sender was told.
    pub(crate) detail: String,
    pub(crate) raw: Vec<u8>,
}

impl Quarantined {
    /// What it takes.
    pub(crate) fn weight(&self) -> usize {
        self.raw.len().saturating_add(ROW)
    }
}

/// Adds to the quarantine, and lets the oldest go.
pub(super) fn add(write: &Connection, inputs: &[Quarantined]) -> rusqlite::Result<()> {
    for input in inputs {
        let raw = input.raw.get(..MAX_RAW).unwrap_or(&input.raw);
        let at = input.at.as_millis();
        insert(write, at, &input.peer, input.reason, &input.detail, raw)?;
    }
    if inputs.is_empty() { Ok(()) } else { bound(write) }
}

/// Moves a survey there, and counts it. If not even its bytes can be read, what is left says so.
pub(super) fn move_row(
    write: &Connection,
    seq: Seq,
    at: UtcInstant,
    reason: &str,
    detail: &str,
) -> rusqlite::Result<()> {
    let raw = write.query_row("SELECT records FROM surveys WHERE seq = ?1", [seq], |row| row.get(0));
    let raw: Vec<u8> = match raw {
        // They may be read another time.
        Err(error) if is_unreadable(&error) => return Err(error),
        raw => raw.unwrap_or_default(),
    };
    let raw = raw.get(..MAX_RAW).unwrap_or(&raw);
    insert(write, at.as_millis(), OURSELVES, reason, detail, raw)?;
    write.execute("DELETE FROM surveys WHERE seq = ?1", [seq])?;
    write.execute(
        "INSERT INTO refusals VALUES (?1, 1) ON CONFLICT DO UPDATE SET count = count + 1",
        [reason],
    )?;
    bound(write)
}

/// Moves a damaged survey there. The cursor stands at `held`.
pub(super) fn move_damaged(write: &Connection, seq: Seq, held: Seq, at: UtcInstant) -> rusqlite::Result<()> {
    let detail = format!("survey {seq} of the journal does not match its checksum");
    if passed_on(write, seq, held)? {
        let detail = format!("{detail}; the cloud has acknowledged it");
        return move_row(write, seq, at, DAMAGED_PASSED_ON, &detail);
    }
    move_row(write, seq, at, DAMAGED, &detail)
}

/// Whether the cloud has acknowledged a survey that is in the journal, if the cursor stands at `held`.
pub(super) fn passed_on(conn: &Connection, seq: Seq, held: Seq) -> rusqlite::Result<bool> {
    if seq > held {
        return Ok(false);
    }
    // The cursor passes over those, and over nothing else that stays.
    let mut refused = conn.prepare_cached("SELECT 1 FROM main.refused WHERE seq = ?1")?;
    refused.exists([seq]).map(|refused| !refused)
}

fn insert(
    write: &Connection,
    at: i64,
    peer: &str,
    reason: &str,
    detail: &str,
    raw: &[u8],
) -> rusqlite::Result<()> {
    write
        .prepare_cached("INSERT INTO quarantine (at, peer, reason, detail, raw) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![at, peer, reason, detail, raw])?;
    Ok(())
}

fn bound(write: &Connection) -> rusqlite::Result<()> {
    if bug::on(Bug::KeepOldestRefused) {
        let newest =
            "DELETE FROM quarantine WHERE id NOT IN (SELECT id FROM quarantine ORDER BY id LIMIT ?1)";
        return write.execute(newest, [MAX_ROWS]).map(drop);
    }
    let oldest = oldest_that_fits(write)?;
    write.prepare_cached("DELETE FROM quarantine WHERE id < ?1")?.execute([oldest]).map(drop)
}

/// The oldest of the newest that fit into the quarantine's part of the journal.
fn oldest_that_fits(write: &Connection) -> rusqlite::Result<i64> {
    let journal = facts::integer(write, facts::JOURNAL_MAX)?.map_or(u64::MAX, i64::cast_unsigned);
    let share = if bug::on(Bug::QuarantineUnbounded) { u64::MAX } else { journal / SHARE };
    let (mut oldest, mut bytes) = (i64::MAX, 0_u64);
    // The limit is not bound: SQLite plans by it, and prepares the statement anew whenever it is.
    let sql = format!("SELECT id, length(raw) FROM quarantine ORDER BY id DESC LIMIT {MAX_ROWS}");
    let mut newest = write.prepare_cached(&sql)?;
    let mut newest = newest.query([])?;
    while let Some(row) = newest.next()? {
        bytes = bytes.saturating_add(row.get::<_, i64>(1)?.unsigned_abs()).saturating_add(ROW as u64);
        if bytes > share {
            break;
        }
        oldest = row.get(0)?;
    }
    Ok(oldest)
}

/// Lets go of what came from outside; says how many there were.
pub(super) fn give_way(write: &Connection) -> rusqlite::Result<usize> {
    write.execute("DELETE FROM quarantine WHERE peer <> ?1", [OURSELVES])
}
