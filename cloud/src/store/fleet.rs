//! Devices as people see them: whom the fleet shows, and what is told of each.

use super::{
    ReadError, Store,
    details::{self, Details},
    gateways,
    query::{contact, instant},
    series,
};
use crate::fleet::{
    cause::{self, Cause, Gateway},
    select::{self, Brief, Counts, Question},
    slots::{self, INTERVAL_S, Past, Slots, TELLING},
    spark::{SPAN_MS, Spark},
    state::{SURVEY_S, State},
};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, OptionalExtension, Row};
use std::{collections::BTreeMap, ops::Range};

/// The days by which completeness is told in lists.
const WEEK: i64 = 7;

/// A device as people see it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) brief: Brief,
    pub(crate) details: Details,
    pub(crate) state: State,
    pub(crate) cause: Option<Cause>,
    /// Who last brought it.
    pub(crate) gateway: Option<String>,
    pub(crate) readings: i64,
    pub(crate) conflicts: i64,
    /// Readings of the spark's days that have flags.
    pub(crate) flags: usize,
    pub(crate) first_time: Option<UtcInstant>,
    /// As set, else as told by its last readings, in seconds.
    pub(crate) interval_s: u32,
    /// Slots of the last seven whole days that are filled, and that were due.
    pub(crate) held: i64,
    pub(crate) due: i64,
    pub(crate) spark: Option<Spark>,
}

/// A page of the fleet.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) total: usize,
    pub(crate) counts: Counts,
    pub(crate) devices: Vec<Shown>,
}

/// A gateway that brought surveys of a device.
#[derive(Debug, Clone)]
pub(crate) struct Bringer {
    pub(crate) name: String,
    /// When it last brought one.
    pub(crate) last_contact: UtcInstant,
    pub(crate) surveys: i64,
}

/// What is told of a device beside what lists show.
#[derive(Debug)]
pub(super) struct Facts {
    gateway: Option<i64>,
    readings: i64,
    conflicts: i64,
    first_time: Option<UtcInstant>,
}

impl Store {
    /// The page of the fleet that `question` asks for.
    pub(crate) async fn fleet(&self, question: Question, now: UtcInstant) -> Result<Fleet, ReadError> {
        self.readers.ask(move |connection| fleet(connection, &question, now)).await
    }

    /// The device `name`, and who brought surveys of it.
    pub(crate) async fn shown(
        &self,
        name: DeviceId,
        now: UtcInstant,
    ) -> Result<Option<(Shown, Vec<Bringer>)>, ReadError> {
        let ask = move |connection: &Connection| {
            let snapshot = connection.unchecked_transaction()?;
            let Some(brief) = find(&snapshot, &name)? else { return Ok(None) };
            let (state, gateways) = (brief.state(now), gateways::all(&snapshot)?);
            let bringers = bringers(&snapshot, brief.number)?;
            Ok(Some((shown(&snapshot, brief, state, &gateways, now)?, bringers)))
        };
        self.readers.ask(ask).await
    }
}

fn fleet(connection: &Connection, question: &Question, now: UtcInstant) -> rusqlite::Result<Fleet> {
    // One snapshot: what is counted is what is shown.
    let snapshot = connection.unchecked_transaction()?;
    let gateways = gateways::all(&snapshot)?;
    let completeness = |device: &Brief| {
        let details = details::of(&snapshot, device.number)?;
        let interval = interval(&snapshot, device, &details)?;
        let (held, due) = week(&snapshot, device, &facts(&snapshot, device.number)?, interval, now)?;
        // In millionths; a device with readings off its grid is no more than complete.
        Ok::<_, rusqlite::Error>((due > 0).then(|| held.min(due).saturating_mul(1_000_000) / due))
    };
    let page = select::page(briefs(&snapshot)?, question, now, completeness)?;
    let devices = page.devices.into_iter();
    let devices = devices.map(|(device, state)| shown(&snapshot, device, state, &gateways, now));
    Ok(Fleet { total: page.total, counts: page.counts, devices: devices.collect::<Result<_, _>>()? })
}

const BRIEF: &str = "SELECT id, devices.name, details.name, place, last_contact, survey_s, last_time,
        last_temperature, last_moisture
    FROM devices LEFT JOIN details ON details.device = devices.id";

/// All devices, as far as lists are searched and sorted by them.
pub(super) fn briefs(connection: &Connection) -> rusqlite::Result<Vec<Brief>> {
    connection.prepare_cached(BRIEF)?.query_map([], brief)?.collect()
}

/// The device `name`.
pub(super) fn find(connection: &Connection, name: &DeviceId) -> rusqlite::Result<Option<Brief>> {
    let mut statement = connection.prepare_cached(&format!("{BRIEF} WHERE devices.name = ?"))?;
    statement.query_row([name.as_str()], brief).optional()
}

fn brief(row: &Row<'_>) -> rusqlite::Result<Brief> {
    Ok(Brief {
        number: row.get(0)?,
        id: row.get(1)?,
        label: row.get(2)?,
        place: row.get(3)?,
        contact: contact(row, 4)?,
        survey_s: row.get(5)?,
        last_time: row.get(6)?,
        temperature: row.get(7)?,
        moisture: row.get(8)?,
    })
}

/// A gateway that expects the device is as good as one that brought it, as long as none has.
const FACTS: &str = "SELECT ifnull(gateway, (SELECT min(gateway) FROM roster WHERE device = devices.id)),
        readings, conflicts, first_time
    FROM devices WHERE id = ?";

/// More of the device with this number.
pub(super) fn facts(connection: &Connection, device: i64) -> rusqlite::Result<Facts> {
    connection.prepare_cached(FACTS)?.query_row([device], |row| {
        let first_time = row.get::<_, Option<i64>>(3)?.map(UtcInstant::from_millis);
        Ok(Facts { gateway: row.get(0)?, readings: row.get(1)?, conflicts: row.get(2)?, first_time })
    })
}

fn shown(
    connection: &Connection,
    brief: Brief,
    state: State,
    gateways: &BTreeMap<i64, Gateway>,
    now: UtcInstant,
) -> rusqlite::Result<Shown> {
    let details = details::of(connection, brief.number)?;
    let facts = facts(connection, brief.number)?;
    let points = match brief.last_time {
        Some(last) => {
            let range = last.saturating_sub(SPAN_MS).saturating_add(1)..last.saturating_add(1);
            series::points(connection, brief.number, range)?
        }
        None => Vec::new(),
    };
    let flags = points.iter().filter(|point| point.flags != 0).count();
    // Most often the readings of the spark tell the interval, too.
    let telling = points.len().checked_sub(TELLING).and_then(|skip| points.get(skip..));
    let interval_s = match (details.interval_s, telling) {
        (None, Some(telling)) => {
            let times: Vec<_> = telling.iter().map(|point| UtcInstant::from_millis(point.time)).collect();
            slots::infer(&times).unwrap_or(INTERVAL_S)
        }
        _ => interval(connection, &brief, &details)?,
    };
    let (held, due) = week(connection, &brief, &facts, interval_s, now)?;
    let spark = brief.last_time.map(|last| Spark::new(last, interval_s, &points));
    let gateway = facts.gateway.and_then(|number| gateways.get(&number));
    Ok(Shown {
        state,
        cause: cause::of(state, brief.contact, gateway, now),
        gateway: gateway.map(|gateway| gateway.name.clone()),
        readings: facts.readings,
        conflicts: facts.conflicts,
        flags,
        first_time: facts.first_time,
        details,
        interval_s,
        held,
        due,
        spark,
        brief,
    })
}

/// The device's gateway, as far as it is known.
pub(super) fn gateway_of(facts: &Facts, gateways: &BTreeMap<i64, Gateway>) -> Option<Gateway> {
    gateways.get(&facts.gateway?).cloned()
}

/// The interval of a device, in seconds: as set, else as its last readings tell, else an hour.
pub(super) fn interval(connection: &Connection, device: &Brief, details: &Details) -> rusqlite::Result<u32> {
    if let Some(interval) = details.interval_s {
        return Ok(interval);
    }
    if device.last_time.is_none() {
        return Ok(INTERVAL_S);
    }
    let mut statement =
        connection.prepare_cached("SELECT time FROM readings WHERE device = ? ORDER BY time DESC LIMIT ?")?;
    let times = statement.query_map((device.number, TELLING as i64), |row| instant(row, 0))?;
    let mut times: Vec<UtcInstant> = times.collect::<rusqlite::Result<_>>()?;
    times.reverse();
    Ok(slots::infer(&times).unwrap_or(INTERVAL_S))
}

/// A device's slots by now.
pub(super) fn slots(device: &Brief, facts: &Facts, interval_s: u32, now: UtcInstant) -> Slots {
    let past = match (facts.first_time, device.last_time, device.contact) {
        (Some(first), Some(last), Some(contact)) => {
            Some(Past { readings: (first, UtcInstant::from_millis(last)), contact })
        }
        _ => None,
    };
    Slots::new(past, interval_s, device.survey_s.unwrap_or(SURVEY_S), now)
}

/// Slots of the last seven whole days that are filled, and that were due.
fn week(
    connection: &Connection,
    device: &Brief,
    facts: &Facts,
    interval_s: u32,
    now: UtcInstant,
) -> rusqlite::Result<(i64, i64)> {
    let today = slots::day_of(now);
    let days = today.saturating_sub(WEEK)..today;
    let held = held(connection, device.number, days.clone())?.into_iter().map(|(_, held)| held).sum();
    Ok((held, slots(device, facts, interval_s, now).due(days)))
}

/// Readings held, of the days that have any.
pub(super) fn held(
    connection: &Connection,
    device: i64,
    days: Range<i64>,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let sql = "SELECT day, held FROM days WHERE device = ? AND day >= ? AND day < ? ORDER BY day";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map((device, days.start, days.end), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn bringers(connection: &Connection, device: i64) -> rusqlite::Result<Vec<Bringer>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, max(received), count(*) FROM surveys JOIN gateways ON gateways.id = surveys.gateway
         WHERE device = ? GROUP BY gateways.id ORDER BY 2 DESC, name",
    )?;
    let bringer = |row: &Row<'_>| {
        Ok(Bringer { name: row.get(0)?, last_contact: instant(row, 1)?, surveys: row.get(2)? })
    };
    statement.query_map([device], bringer)?.collect()
}
