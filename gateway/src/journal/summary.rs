//! What the journal holds, for those who ask.

use std::{collections::BTreeMap, path::Path};

use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, Row, params};

use super::{FILE, JournalError, Room, error::Doing, facts, room, schema};
use crate::{disk::Disk, round::ClosedRound};

/// Everything that `status` tells of the journal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    pub(crate) held: Tally,
    pub(crate) waiting: Tally,
    pub(crate) refused_by_cloud: u64,
    pub(crate) quarantined: u64,
    pub(crate) refusals: BTreeMap<String, u64>,
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) room: Room,
    pub(crate) last_round: Option<ClosedRound>,
    pub(crate) round: Option<RoundNow>,
    /// How the uplink does, as JSON.
    pub(crate) uplink: Option<String>,
}

/// Some surveys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) surveys: u64,
    pub(crate) readings: u64,
    pub(crate) bytes: u64,
    /// When the oldest came.
    pub(crate) since: Option<UtcInstant>,
}

/// The round that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoundNow {
    pub(crate) opened: UtcInstant,
    pub(crate) reported: Vec<DeviceId>,
    /// Who on the roster has not reported.
    pub(crate) missing: Vec<DeviceId>,
}

/// Reads the journal in `folder`, which lies on `disk`, whether or not a gateway runs on it.
pub(crate) fn summary(folder: &Path, disk: &dyn Disk) -> Result<Summary, JournalError> {
    let path = folder.join(FILE);
    let conn = schema::open_reader(&path)?;
    // One transaction: the figures belong together.
    let read = conn.unchecked_transaction().doing("read", &path)?;
    let room = room::told(&read, disk, &path)?;
    summarize(&read, room).doing("read", &path)
}

fn summarize(conn: &Connection, room: Room) -> rusqlite::Result<Summary> {
    let held_through = facts::integer(conn, facts::HELD_THROUGH)?.unwrap_or(0);
    let count = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned);
    Ok(Summary {
        held: tally(conn, 0)?,
        waiting: tally(conn, held_through)?,
        refused_by_cloud: count("SELECT count(*) FROM refused")?,
        quarantined: count("SELECT count(*) FROM quarantine")?,
        refusals: counts(conn, "SELECT reason, count FROM refusals")?,
        counters: counts(conn, "SELECT name, count FROM counters")?,
        room,
        last_round: last_round(conn)?,
        round: round_now(conn)?,
        uplink: facts::text(conn, facts::UPLINK)?,
    })
}

fn tally(conn: &Connection, after: i64) -> rusqlite::Result<Tally> {
    let sql =
        "SELECT count(*), total(readings), total(length(records)), min(received) FROM surveys WHERE seq > ?1";
    conn.query_row(sql, params![after], |row| {
        let whole = |column| row.get::<_, f64>(column).map(|total| total as u64);
        Ok(Tally {
            surveys: row.get::<_, i64>(0)?.cast_unsigned(),
            readings: whole(1)?,
            bytes: whole(2)?,
            since: instant(row, 3)?,
        })
    })
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UtcInstant>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(UtcInstant::from_millis))
}

pub(super) fn counts(conn: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<String, u64>> {
    conn.prepare(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?
        .collect()
}

fn round_now(conn: &Connection) -> rusqlite::Result<Option<RoundNow>> {
    let (Some(opened), reported) = open_round(conn)? else { return Ok(None) };
    let roster = facts::text(conn, facts::ROSTER)?.unwrap_or_default();
    let roster: Vec<String> = serde_json::from_str(&roster).unwrap_or_default();
    let roster = roster.iter().filter_map(|id| DeviceId::new(id).ok());
    // Both are in order: the table by its key, what is looked up by search.
    let missing = roster.filter(|device| reported.binary_search(device).is_err()).collect();
    Ok(Some(RoundNow { opened, reported, missing }))
}

pub(super) fn last_round(conn: &Connection) -> rusqlite::Result<Option<ClosedRound>> {
    let json = facts::text(conn, facts::LAST_ROUND)?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

pub(super) fn open_round(conn: &Connection) -> rusqlite::Result<(Option<UtcInstant>, Vec<DeviceId>)> {
    let opened = facts::integer(conn, facts::ROUND_OPENED)?.map(UtcInstant::from_millis);
    let mut reported = conn.prepare("SELECT device FROM reported ORDER BY device")?;
    let ids: rusqlite::Result<Vec<String>> = reported.query_map([], |row| row.get(0))?.collect();
    Ok((opened, ids?.iter().filter_map(|id| DeviceId::new(id).ok()).collect()))
}
