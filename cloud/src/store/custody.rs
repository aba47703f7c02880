//! The marks: how far this store holds the journals of its gateways.

use crate::custody::Custody;
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension};

/// Journals remembered of a gateway, the latest: a gateway begins another when it has lost the last one. A journal that
/// is forgotten has no mark, and its gateway sends again what it still keeps: more work, nothing lost.
pub(super) const MAX_JOURNALS: i64 = 8;

/// Notes that `gateway` (a number) sent a pack of a journal at `now`; returns the mark as it was before.
///
/// If the mark is not below the pack's start, all before the pack is here and the mark goes to the pack's end. Otherwise
/// this store is older than what it acknowledged once, and the mark stays until the gateway has sent the gap again.
pub(super) fn advance(
    connection: &Connection,
    gateway: i64,
    custody: Custody,
    now: UtcInstant,
) -> rusqlite::Result<u64> {
    let journal = format!("{:016x}", custody.journal);
    let known: Option<i64> = connection
        .prepare_cached("SELECT through FROM custody WHERE gateway = ? AND journal = ?")?
        .query_row((gateway, &journal), |row| row.get(0))
        .optional()?;
    let before = known.map_or(0, i64::unsigned_abs);
    let after = if before >= custody.after { custody.through } else { before };
    connection
        .prepare_cached(
            "INSERT INTO custody (gateway, journal, through, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET through = excluded.through, at = excluded.at",
        )?
        .execute((gateway, &journal, i64::try_from(after).unwrap_or(i64::MAX), now.as_millis()))?;
    if known.is_none() {
        forget_oldest(connection, gateway, &journal)?;
    }
    Ok(before)
}

/// Forgets the journals beyond the limit; never the present one, which looks old if the clock was set back.
fn forget_oldest(connection: &Connection, gateway: i64, present: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM custody WHERE gateway = ?1 AND journal IN (
                 SELECT journal FROM custody WHERE gateway = ?1 AND journal <> ?2
                 ORDER BY at DESC, journal LIMIT -1 OFFSET ?3)",
        )?
        .execute((gateway, present, MAX_JOURNALS - 1))?;
    Ok(())
}

#[cfg(test)]
mod tests;
