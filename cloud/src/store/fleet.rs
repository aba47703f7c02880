//! Devices as people see them: whom the fleet shows, and what is told of each.

use super::{
    ReadError, Store,
    details::{self, Details},
    gateways,
    query::{contact, count, instant},
    series, slots as counted,
};
use crate::fleet::{
    cause::{self, Cause, Gateway},
    pace::{Since, TELLING},
    select::{self, Brief, Counts, Question},
    slots,
    spark::{SPAN_MS, Spark},
    state::State,
};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::{BTreeMap, BTreeSet};

/// The days by which completeness is told in lists, today among them.
const WEEK: i64 = 7;
/// The oldest reading that still tells how it was at a later instant, in milliseconds: seven days.
const MAX_AGE_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// The most readings of a spark: one every second.
const MAX_SPARK: usize = 700_000;

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
    /// As set, else as told by its last readings, in seconds.
    pub(crate) interval_s: u32,
    /// Slots of the last days, today so far among them, that are filled, and that were due.
    pub(crate) held: i64,
    pub(crate) due: i64,
    pub(crate) spark: Option<Spark>,
}

/// A page of the fleet.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) total: usize,
    pub(crate) counts: Counts,
    /// The first and the last reading of those on all pages.
    pub(crate) extent: Option<(UtcInstant, UtcInstant)>,
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
struct Facts {
    readings: i64,
    conflicts: i64,
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
            let (state, bringers) = (brief.state(now), bringers(&snapshot, brief.number)?);
            Ok(Some((View::new(&snapshot, now)?.shown(brief, state)?, bringers)))
        };
        self.readers.ask(ask).await
    }
}

fn fleet(connection: &Connection, question: &Question, now: UtcInstant) -> rusqlite::Result<Fleet> {
    // One snapshot: what is counted is what is shown.
    let snapshot = connection.unchecked_transaction()?;
    let mut view = View::new(&snapshot, now)?;
    let named = named(&view.gateways, &question.search);
    let page = select::page(briefs(&snapshot)?, question, &named, now, |device| view.completeness(device))?;
    let devices = page.devices.into_iter().map(|(device, state)| match question.at {
        Some(at) => view.then(device, state, at),
        None => view.shown(device, state),
    });
    let devices = devices.collect::<Result<_, _>>()?;
    let instant = UtcInstant::from_millis;
    Ok(Fleet {
        total: page.total,
        counts: page.counts,
        extent: page.extent.map(|(first, last)| (instant(first), instant(last))),
        devices,
    })
}

/// The numbers of the gateways in whose names `search`, in lower case, is found; none if nothing is searched for.
pub(super) fn named(gateways: &BTreeMap<i64, Gateway>, search: &str) -> BTreeSet<i64> {
    let found = |gateway: &Gateway| !search.is_empty() && gateway.name.to_lowercase().contains(search);
    gateways.iter().filter(|(_, gateway)| found(gateway)).map(|(number, _)| *number).collect()
}

/// A gateway that expects a device is as good as one that brought it, as long as none has.
const BRIEF: &str = "SELECT id, devices.name, details.name, place, last_contact, survey_s, last_time,
        last_temperature, last_moisture, first_time, latitude IS NOT NULL AND longitude IS NOT NULL,
        ifnull(gateway, (SELECT min(gateway) FROM roster WHERE device = devices.id))
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
        first_time: row.get(9)?,
        placed: row.get(10)?,
        gateway: row.get(11)?,
    })
}

/// More of the device with this number.
fn facts(connection: &Connection, device: i64) -> rusqlite::Result<Facts> {
    let sql = "SELECT readings, conflicts FROM devices WHERE id = ?";
    connection
        .prepare_cached(sql)?
        .query_row([device], |row| Ok(Facts { readings: row.get(0)?, conflicts: row.get(1)? }))
}

/// What devices are shown by.
struct View<'a> {
    connection: &'a Connection,
    gateways: BTreeMap<i64, Gateway>,
    now: UtcInstant,
    /// Readings that may still be counted for all of them.
    room: usize,
}

impl<'a> View<'a> {
    fn new(connection: &'a Connection, now: UtcInstant) -> rusqlite::Result<Self> {
        Ok(Self { connection, gateways: gateways::all(connection)?, now, room: counted::MAX_COUNTED })
    }

    /// The device as it is now.
    fn shown(&mut self, brief: Brief, state: State) -> rusqlite::Result<Shown> {
        let points = match brief.last_time {
            Some(last) => {
                let range = last.saturating_sub(SPAN_MS).saturating_add(1)..last.saturating_add(1);
                series::points(self.connection, brief.number, range, MAX_SPARK)?
            }
            None => Vec::new(),
        };
        let details = details::of(self.connection, brief.number)?;
        // Most often the readings of the spark tell the interval, too.
        let telling = points.len().checked_sub(TELLING + 1).and_then(|skip| points.get(skip..));
        let since = match (details.interval_s, telling) {
            (None, Some(telling)) => {
                let times: Vec<_> = telling.iter().map(|point| UtcInstant::from_millis(point.time)).collect();
                Since::told(&times)
            }
            _ => since(self.connection, &brief, &details)?,
        };
        let spark = brief.last_time.map(|last| Spark::new(last, since.interval_s, &points));
        let flags = points.iter().filter(|point| point.flags != 0).count();
        let shown = self.plain(brief, state, details, since)?;
        Ok(Shown { flags, spark, ..shown })
    }

    /// The device as it is now, with the values that it had `at` an instant.
    fn then(&mut self, brief: Brief, state: State, at: UtcInstant) -> rusqlite::Result<Shown> {
        let details = details::of(self.connection, brief.number)?;
        let since = since(self.connection, &brief, &details)?;
        let sql = "SELECT time, temperature, moisture FROM readings
                   WHERE device = ? AND time <= ? AND time >= ? ORDER BY time DESC LIMIT 1";
        let bounds = (brief.number, at.as_millis(), at.as_millis().saturating_sub(MAX_AGE_MS));
        let held = self
            .connection
            .prepare_cached(sql)?
            .query_row(bounds, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let mut shown = self.plain(brief, state, details, since)?;
        (shown.brief.last_time, shown.brief.temperature, shown.brief.moisture) = match held {
            Some((time, temperature, moisture)) => (Some(time), temperature, moisture),
            None => (None, None, None),
        };
        Ok(shown)
    }

    /// The device without its last days.
    fn plain(
        &mut self,
        brief: Brief,
        state: State,
        details: Details,
        since: Since,
    ) -> rusqlite::Result<Shown> {
        let facts = facts(self.connection, brief.number)?;
        let (held, due) = self.week(&brief, since)?;
        let gateway = brief.gateway.and_then(|number| self.gateways.get(&number));
        Ok(Shown {
            state,
            cause: cause::of(state, brief.contact, gateway, self.now),
            gateway: gateway.map(|gateway| gateway.name.clone()),
            readings: facts.readings,
            conflicts: facts.conflicts,
            flags: 0,
            details,
            interval_s: since.interval_s,
            held,
            due,
            spark: None,
            brief,
        })
    }

    /// Slots of the last days that are filled, of all that were due, in millionths.
    fn completeness(&mut self, device: &Brief) -> rusqlite::Result<Option<i64>> {
        let details = details::of(self.connection, device.number)?;
        let since = since(self.connection, device, &details)?;
        let (held, due) = self.week(device, since)?;
        Ok((due > 0).then(|| held.saturating_mul(1_000_000) / due))
    }

    /// Slots of the last days that are filled, and that were due.
    fn week(&mut self, device: &Brief, since: Since) -> rusqlite::Result<(i64, i64)> {
        // With today: what came of it is there, and what is still on its way is not due yet.
        let tomorrow = slots::day_of(self.now).saturating_add(1);
        let days = tomorrow.saturating_sub(WEEK)..tomorrow;
        let counts = counted::counts(self.connection, device, since, days, self.now, &mut self.room)?;
        Ok(counts.iter().fold((0, 0), |(held, due), count| (held + count.filled, due + count.due)))
    }
}

/// The device's gateway, as far as it is known.
pub(super) fn gateway_of(device: &Brief, gateways: &BTreeMap<i64, Gateway>) -> Option<Gateway> {
    gateways.get(&device.gateway?).cloned()
}

/// What is in force since the device's last reading: as set, else as its last readings tell.
pub(super) fn since(connection: &Connection, device: &Brief, details: &Details) -> rusqlite::Result<Since> {
    if let Some(interval) = details.interval_s {
        return Ok(Since::set(interval));
    }
    if device.last_time.is_none() {
        return Ok(Since::told(&[]));
    }
    let mut statement =
        connection.prepare_cached("SELECT time FROM readings WHERE device = ? ORDER BY time DESC LIMIT ?")?;
    let times = statement.query_map((device.number, count(TELLING + 1)), |row| instant(row, 0))?;
    let mut times: Vec<UtcInstant> = times.collect::<rusqlite::Result<_>>()?;
    times.reverse();
    Ok(Since::told(&times))
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

#[cfg(test)]
mod tests;
