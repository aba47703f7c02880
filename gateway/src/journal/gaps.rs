//! Surveys of which a salvage finds nothing left: gaps among the rows behind the cursor. None is let go of before it was passed
//! on, so those behind the cursor were all there. The gaps that were counted are remembered, in the salvage's own
//! transaction: they are still there at the next one if the cursor has not passed them meanwhile.

use rusqlite::{Connection, params};

use super::{Seq, facts, summary};

/// Gaps that are remembered. A page that is lost leaves one; those beyond are counted again.
const MAX_GAPS: usize = 256;

/// By what lost surveys are counted.
pub(super) const LOST: &str = "lost";

/// A gap: its first and its last seq.
pub(super) type Gap = (Seq, Seq);

/// Counts the surveys that are lost and were not counted before, as far as what is left tells how many there were. `damaged`
/// of those behind the cursor were just moved to the quarantine, and are counted there.
pub(super) fn count_lost(write: &Connection, damaged: u64) -> rusqlite::Result<u64> {
    let held = facts::integer(write, facts::HELD_THROUGH)?.unwrap_or(0);
    let closed = summary::last_round(write)?.map_or(0, |round| round.last_seq);
    let before = counted(write)?;
    let (mut lost, mut gaps) = (0_u64, Vec::new());
    each(write, held, closed, |gap| {
        let known: u64 = before.iter().map(|other| common(gap, *other)).sum();
        lost = lost.saturating_add(common(gap, gap).saturating_sub(known));
        if gaps.len() < MAX_GAPS {
            gaps.push(gap);
        }
    })?;
    facts::set_text(write, facts::COUNTED_GAPS, &serde_json::to_string(&gaps).unwrap_or_default())?;
    let lost = lost.saturating_sub(damaged);
    if lost > 0 {
        let count = "INSERT INTO refusals VALUES (?1, ?2) ON CONFLICT DO UPDATE SET count = count + ?2";
        write.execute(count, params![LOST, lost.cast_signed()])?;
    }
    Ok(lost)
}

/// The gaps that salvages have counted.
pub(super) fn counted(conn: &Connection) -> rusqlite::Result<Vec<Gap>> {
    let text = facts::text(conn, facts::COUNTED_GAPS)?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// Every gap behind `held`, in order: before and between the rows, and behind the last one up to `closed`.
fn each(write: &Connection, held: Seq, closed: Seq, mut gap: impl FnMut(Gap)) -> rusqlite::Result<()> {
    let mut select = write.prepare("SELECT seq FROM surveys WHERE seq > ?1 ORDER BY seq")?;
    let mut rows = select.query(params![held])?;
    let mut last = held;
    while let Some(row) = rows.next()? {
        let seq: Seq = row.get(0)?;
        if seq.saturating_sub(last) > 1 {
            gap((last.saturating_add(1), seq.saturating_sub(1)));
        }
        last = seq;
    }
    if closed > last {
        gap((last.saturating_add(1), closed));
    }
    Ok(())
}

/// How many seqs are in both.
fn common(one: Gap, other: Gap) -> u64 {
    let (first, last) = (one.0.max(other.0), one.1.min(other.1));
    u64::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0)
}
