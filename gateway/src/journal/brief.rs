//! The few figures that the cloud is told every few minutes: found without going through what the journal holds.

use std::path::Path;

use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE, JournalError, Room, error::Doing, facts, room, schema, summary};
use crate::{disk::Disk, round::ClosedRound};

/// Bytes that a row takes beside its records, about.
const ROW: u64 = 64;
/// Surveys that the cloud holds are weighed for the share of those that wait: so many, and ten for each that waits. If there are
/// more the share is a little less than it is told.
const WEIGHED: u64 = 1_000;

/// What the cloud is told of the journal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Brief {
    /// Surveys that the cloud has not acknowledged, and when the oldest of them came.
    pub(crate) waiting: u64,
    pub(crate) oldest_waiting: Option<UtcInstant>,
    /// When the oldest survey came.
    pub(crate) since: Option<UtcInstant>,
    pub(crate) room: Room,
    /// Bytes in use that it cannot do without; what it keeps besides goes when room is short.
    pub(crate) needed: u64,
    pub(crate) roster: Vec<String>,
    pub(crate) last_round: Option<ClosedRound>,
}

/// Reads the journal in `folder`, which lies on `disk` and on which a gateway may run.
pub(crate) fn brief(folder: &Path, disk: &dyn Disk) -> Result<Brief, JournalError> {
    let path = folder.join(FILE);
    let conn = schema::open_reader(&path)?;
    // One transaction: the figures belong together.
    let read = conn.unchecked_transaction().doing("read", &path)?;
    let room = room::told(&read, disk, &path)?;
    figures(&read, room).doing("read", &path)
}

fn figures(conn: &Connection, room: Room) -> rusqlite::Result<Brief> {
    let held_through = facts::integer(conn, facts::HELD_THROUGH)?.unwrap_or(0);
    let waiting = "SELECT count(*) FROM surveys WHERE seq > ?1";
    let waiting: i64 = conn.query_row(waiting, params![held_through], |row| row.get(0))?;
    // Rows stand in the order in which they came.
    let first = |after: i64| {
        let sql = "SELECT received FROM surveys WHERE seq > ?1 ORDER BY seq LIMIT 1";
        let received = conn.query_row(sql, params![after], |row| row.get(0)).optional();
        received.map(|received| received.map(UtcInstant::from_millis))
    };
    let needed = needed(conn, room, held_through, waiting.cast_unsigned())?;
    let roster = facts::text(conn, facts::ROSTER)?.unwrap_or_default();
    Ok(Brief {
        waiting: waiting.cast_unsigned(),
        oldest_waiting: first(held_through)?,
        since: first(0)?,
        room,
        needed,
        roster: serde_json::from_str(&roster).unwrap_or_default(),
        last_round: summary::last_round(conn)?,
    })
}

/// What the cloud refused is nowhere but here, and stays as what waits does.
fn needed(conn: &Connection, room: Room, held_through: i64, waiting: u64) -> rusqlite::Result<u64> {
    let weigh = |rows: &str, most: u64| {
        let sql = format!("SELECT total(length(records) + {ROW}) FROM ({rows} LIMIT ?2)");
        conn.query_row(&sql, params![held_through, most.cast_signed()], |row| row.get::<_, f64>(0))
            .map(|bytes| bytes as u64)
    };
    let all = i64::MAX.cast_unsigned();
    let waits = weigh("SELECT records FROM surveys WHERE seq > ?1", all)?;
    let refused = weigh("SELECT records FROM refused JOIN surveys USING (seq) WHERE seq <= ?1", all)?;
    let kept = "SELECT records FROM surveys WHERE seq <= ?1 AND seq NOT IN (SELECT seq FROM refused) ORDER BY seq DESC";
    let kept = weigh(kept, waiting.saturating_mul(10).saturating_add(WEIGHED))?;
    Ok(room.needed(waits.saturating_add(refused), kept))
}
