//! Surveys of which nothing is left: gaps among the rows. A row is let go of only at or below the cursor, so those behind the furthest place
//! that the cursor ever had were all there. (Where it goes back, because the cloud did, rows before that place may have been let go of:
//! the cloud lacks these, and the journal as well.)
//!
//! A salvage counts what it finds gone behind the cursor, and remembers the gaps in its own transaction: they are still there at the next one if
//! the cursor has not passed them meanwhile. When the cursor passes a gap, the transaction that moves it remembers that, and counts
//! what no salvage has counted: from then on no row tells that the cloud never had these surveys.

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
    let before = known(write)?;
    let (mut lost, mut gaps) = (0_u64, Vec::new());
    each(write, held, Seq::MAX, closed, |gap| {
        let known: u64 = before.iter().map(|other| common(gap, *other)).sum();
        lost = lost.saturating_add(common(gap, gap).saturating_sub(known));
        if gaps.len() < MAX_GAPS {
            gaps.push(gap);
        }
    })?;
    facts::set_text(write, facts::COUNTED_GAPS, &serde_json::to_string(&gaps).unwrap_or_default())?;
    let lost = lost.saturating_sub(damaged);
    count(write, lost)?;
    Ok(lost)
}

/// Counts and remembers the surveys that are gone between the cursor and where it goes.
pub(super) fn pass(write: &Connection, held: Seq, through: Seq) -> rusqlite::Result<()> {
    let from = facts::integer(write, facts::FURTHEST)?.unwrap_or(0).max(held);
    let present = "SELECT count(*) FROM surveys WHERE seq > ?1 AND seq <= ?2";
    let present: Seq = write.prepare_cached(present)?.query_row([from, through], |row| row.get(0))?;
    if present >= through.saturating_sub(from) {
        return Ok(());
    }
    let (before, mut passed, mut lost) = (known(write)?, read(write, facts::PASSED_GAPS)?, 0_u64);
    each(write, from, through, through, |gap| {
        let counted: u64 = before.iter().map(|other| common(gap, *other)).sum();
        lost = lost.saturating_add(common(gap, gap).saturating_sub(counted));
        if passed.len() < MAX_GAPS {
            passed.push(gap);
        }
    })?;
    tracing::error!(lost, through, "the cloud never had surveys that are gone from the journal");
    facts::set_text(write, facts::PASSED_GAPS, &serde_json::to_string(&passed).unwrap_or_default())?;
    count(write, lost)
}

/// Remembers the furthest place that the cursor had, when it goes back from there.
pub(super) fn go_back(write: &Connection, held: Seq) -> rusqlite::Result<()> {
    let furthest = facts::integer(write, facts::FURTHEST)?.unwrap_or(0);
    facts::set_integer(write, facts::FURTHEST, furthest.max(held))
}

fn count(write: &Connection, lost: u64) -> rusqlite::Result<()> {
    if lost > 0 {
        let count = "INSERT INTO refusals VALUES (?1, ?2) ON CONFLICT DO UPDATE SET count = count + ?2";
        write.execute(count, params![LOST, lost.cast_signed()])?;
    }
    Ok(())
}

/// The gaps that are counted, by salvages and when the cursor passed them: in order, each seq once.
pub(super) fn known(conn: &Connection) -> rusqlite::Result<Vec<Gap>> {
    let mut all = read(conn, facts::COUNTED_GAPS)?;
    all.extend(read(conn, facts::PASSED_GAPS)?);
    all.sort_unstable();
    let mut gaps: Vec<Gap> = Vec::with_capacity(all.len());
    for gap in all {
        match gaps.last_mut().filter(|last| gap.0 <= last.1) {
            Some(last) => last.1 = last.1.max(gap.1),
            None => gaps.push(gap),
        }
    }
    Ok(gaps)
}

fn read(conn: &Connection, name: &str) -> rusqlite::Result<Vec<Gap>> {
    let text = facts::text(conn, name)?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// Every gap behind `held`, in order: before and between the rows up to `through`, and behind the last of these up to `closed`.
fn each(
    write: &Connection,
    held: Seq,
    through: Seq,
    closed: Seq,
    mut gap: impl FnMut(Gap),
) -> rusqlite::Result<()> {
    let mut select = write.prepare("SELECT seq FROM surveys WHERE seq > ?1 AND seq <= ?2 ORDER BY seq")?;
    let mut rows = select.query(params![held, through])?;
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
