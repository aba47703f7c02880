//! The few figures that the cloud is told every few minutes: found without going through what the journal holds.

use std::path::Path;

use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE, JournalError, Room, error::Doing, facts, room, schema, summary};
use crate::{disk::Disk, round::ClosedRound};

/// What the cloud is told of the journal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Brief {
    /// Surveys that the cloud has not acknowledged, and when the oldest of them came.
    pub(crate) waiting: u64,
    pub(crate) oldest_waiting: Option<UtcInstant>,
    /// When the oldest survey came.
    pub(crate) since: Option<UtcInstant>,
    pub(crate) room: Room,
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
    let roster = facts::text(conn, facts::ROSTER)?.unwrap_or_default();
    Ok(Brief {
        waiting: waiting.cast_unsigned(),
        oldest_waiting: first(held_through)?,
        since: first(0)?,
        room,
        roster: serde_json::from_str(&roster).unwrap_or_default(),
        last_round: summary::last_round(conn)?,
    })
}
