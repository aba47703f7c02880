//! Devices as people see them: whom the fleet shows, and what is told of each.

use super::{
    ReadError, Store,
    details::{self, Details},
    gateways,
    memo::Memo,
    query::{contact, count, instant},
    series, slots as counted,
};
use crate::fleet::{
    cause::{self, Cause, Gateway},
    pace::{Since, TELLING},
    select::{self, Brief, Counts, Question},
    slots::{self, Count},
    spark::{SPAN_MS, Spark},
    state::State,
};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, OptionalExtension, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    pub(crate) state: State,
    pub(crate) cause: Option<Cause>,
    /// Who last brought it.
    pub(crate) gateway: Option<String>,
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

/// A device by itself.
#[derive(Debug)]
pub(crate) struct One {
    pub(crate) shown: Shown,
    pub(crate) details: Details,
    /// Who brought surveys of it.
    pub(crate) bringers: Vec<Bringer>,
}

impl Store {
    /// The page of the fleet that `question` asks for.
    pub(crate) async fn fleet(&self, question: Question, now: UtcInstant) -> Result<Fleet, ReadError> {
        let memo = Arc::clone(&self.memo);
        self.readers.ask(move |connection| fleet(connection, &memo, &question, now)).await
    }

    /// The device `name`.
    pub(crate) async fn shown(&self, name: DeviceId, now: UtcInstant) -> Result<Option<One>, ReadError> {
        let memo = Arc::clone(&self.memo);
        let ask = move |connection: &Connection| {
            let snapshot = connection.unchecked_transaction()?;
            let Some(brief) = find(&snapshot, &name)? else { return Ok(None) };
            let details = details::of(&snapshot, brief.number)?;
            let (state, bringers) = (brief.state(now), bringers(&snapshot, brief.number)?);
            let shown = View::new(&snapshot, &memo, now)?.shown(brief, state)?;
            Ok(Some(One { shown, details, bringers }))
        };
        self.readers.ask(ask).await
    }
}

fn fleet(
    connection: &Connection,
    memo: &Memo,
    question: &Question,
    now: UtcInstant,
) -> rusqlite::Result<Fleet> {
    // One snapshot: what is counted is what is shown.
    let snapshot = connection.unchecked_transaction()?;
    let mut view = View::new(&snapshot, memo, now)?;
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
const BRIEF: &str = "SELECT id, devices.name, details.name, place, latitude, longitude, depth_mm, interval_s,
        ifnull(gateway, (SELECT min(gateway) FROM roster WHERE device = devices.id)), last_contact, survey_s,
        first_time, last_time, last_temperature, last_moisture, readings, conflicts, marks
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
        latitude: row.get(4)?,
        longitude: row.get(5)?,
        depth_mm: row.get(6)?,
        interval_s: row.get(7)?,
        gateway: row.get(8)?,
        contact: contact(row, 9)?,
        survey_s: row.get(10)?,
        first_time: row.get(11)?,
        last_time: row.get(12)?,
        temperature: row.get(13)?,
        moisture: row.get(14)?,
        readings: row.get(15)?,
        conflicts: row.get(16)?,
        marks: row.get(17)?,
    })
}

/// What devices are shown by.
struct View<'a> {
    connection: &'a Connection,
    memo: &'a Memo,
    gateways: BTreeMap<i64, Gateway>,
    now: UtcInstant,
    /// Readings that may still be counted for all of them.
    room: usize,
}

impl<'a> View<'a> {
    fn new(connection: &'a Connection, memo: &'a Memo, now: UtcInstant) -> rusqlite::Result<Self> {
        let gateways = gateways::all(connection)?;
        Ok(Self { connection, memo, gateways, now, room: counted::MAX_COUNTED })
    }

    /// The device as it is now.
    fn shown(&mut self, brief: Brief, state: State) -> rusqlite::Result<Shown> {
        let shown = self.plain(brief, state)?;
        let Some(last) = shown.brief.last_time else { return Ok(shown) };
        let range = last.saturating_sub(SPAN_MS).saturating_add(1)..last.saturating_add(1);
        let find = || {
            let points = series::points(self.connection, shown.brief.number, range.clone(), MAX_SPARK)?;
            Ok(Spark::new(last, shown.interval_s, &points))
        };
        let spark = Some(self.memo.sparks.of(&shown.brief, find)?);
        // Not remembered: readings are flagged when they are there already.
        let sql = "SELECT count(*) FROM flags WHERE device = ? AND time >= ? AND time < ? AND bits != 0";
        let bounds = (shown.brief.number, range.start, range.end);
        let flags: u32 = self.connection.prepare_cached(sql)?.query_row(bounds, |row| row.get(0))?;
        Ok(Shown { flags: usize::try_from(flags).unwrap_or(usize::MAX), spark, ..shown })
    }

    /// The device as it is now, with the values that it had `at` an instant.
    fn then(&mut self, brief: Brief, state: State, at: UtcInstant) -> rusqlite::Result<Shown> {
        let sql = "SELECT time, temperature, moisture FROM readings
                   WHERE device = ? AND time <= ? AND time >= ? ORDER BY time DESC LIMIT 1";
        let bounds = (brief.number, at.as_millis(), at.as_millis().saturating_sub(MAX_AGE_MS));
        let held = self
            .connection
            .prepare_cached(sql)?
            .query_row(bounds, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let mut shown = self.plain(brief, state)?;
        (shown.brief.last_time, shown.brief.temperature, shown.brief.moisture) = match held {
            Some((time, temperature, moisture)) => (Some(time), temperature, moisture),
            None => (None, None, None),
        };
        Ok(shown)
    }

    /// The device without its last days.
    fn plain(&mut self, brief: Brief, state: State) -> rusqlite::Result<Shown> {
        let since = self.since(&brief)?;
        let week = self.week(&brief, since)?;
        let gateway = brief.gateway.and_then(|number| self.gateways.get(&number));
        Ok(Shown {
            state,
            cause: cause::of(state, brief.contact, gateway, self.now),
            gateway: gateway.map(|gateway| gateway.name.clone()),
            flags: 0,
            interval_s: since.interval_s,
            held: week.filled,
            due: week.due,
            spark: None,
            brief,
        })
    }

    /// Slots of the last days that are filled, of all that were due, in millionths.
    fn completeness(&mut self, device: &Brief) -> rusqlite::Result<Option<i64>> {
        let since = self.since(device)?;
        let week = self.week(device, since)?;
        Ok((week.due > 0).then(|| week.filled.saturating_mul(1_000_000) / week.due))
    }

    fn since(&self, device: &Brief) -> rusqlite::Result<Since> {
        self.memo.intervals.of(device, || since(self.connection, device))
    }

    /// The slots of the last days.
    fn week(&mut self, device: &Brief, since: Since) -> rusqlite::Result<Count> {
        // With today: what came of it is there, and what is still on its way is not due yet.
        let tomorrow = slots::day_of(self.now).saturating_add(1);
        let days = tomorrow.saturating_sub(WEEK)..tomorrow;
        counted::sum(self.connection, device, since, days, self.now, &mut self.room)
    }
}

/// The device's gateway, as far as it is known.
pub(super) fn gateway_of(device: &Brief, gateways: &BTreeMap<i64, Gateway>) -> Option<Gateway> {
    gateways.get(&device.gateway?).cloned()
}

/// What is in force since the device's last reading: as set, else as its last readings tell.
pub(super) fn since(connection: &Connection, device: &Brief) -> rusqlite::Result<Since> {
    if let Some(interval) = device.interval_s {
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
