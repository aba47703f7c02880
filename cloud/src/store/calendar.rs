//! Days: how complete they are, and what came on one.

use super::{
    ReadError, Store, details, fleet, gateways,
    query::{ConflictRow, conflict, count, instant},
    series,
};
use crate::fleet::{
    missing::Absence,
    slots::{DAY_MS, start_of},
    thin::Point,
};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, Row};
use std::ops::Range;

/// Readings of one day that are shown: every second of it has one.
const MAX_READINGS: usize = 86_400;
/// Surveys of one day that are shown.
const MAX_SURVEYS: usize = 1_000;
/// Conflicts of one day that are shown.
const MAX_CONFLICTS: usize = 1_000;
/// Slots of one day that are named as missing.
const MAX_MISSING: usize = 1_440;
/// How long before a day a survey may begin that has readings of it, in days: a year that was imported is one.
const LONGEST_SURVEY: i64 = 400;

/// Which devices and days are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    /// In lower case.
    pub(crate) search: String,
    pub(crate) days: Range<i64>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// The rows of a page, and what holds of all devices that match.
#[derive(Debug)]
pub(crate) struct CalendarPage {
    pub(crate) total: usize,
    /// When the newest reading of any of them was measured.
    pub(crate) newest: Option<UtcInstant>,
    pub(crate) rows: Vec<CalendarRow>,
}

/// A device's row in the calendar: a number for each day.
#[derive(Debug)]
pub(crate) struct CalendarRow {
    pub(crate) id: String,
    pub(crate) label: Option<String>,
    /// When its newest reading was measured.
    pub(crate) last_time: Option<UtcInstant>,
    pub(crate) held: Vec<i64>,
    pub(crate) due: Vec<i64>,
}

/// A device's day.
#[derive(Debug)]
pub(crate) struct DayRow {
    pub(crate) due: i64,
    pub(crate) held: i64,
    pub(crate) readings: Vec<Point>,
    pub(crate) missing: Vec<UtcInstant>,
    pub(crate) surveys: Vec<SurveyRow>,
    pub(crate) conflicts: Vec<ConflictRow>,
    /// Where the missing may still be.
    pub(crate) place: String,
}

/// A survey as it was noted.
#[derive(Debug)]
pub(crate) struct SurveyRow {
    pub(crate) received: UtcInstant,
    pub(crate) received_at_gateway: Option<UtcInstant>,
    pub(crate) gateway: String,
    pub(crate) readings: i64,
    pub(crate) new: i64,
    pub(crate) duplicate: i64,
    pub(crate) conflict: i64,
    pub(crate) copies: i64,
}

impl Store {
    /// A page of rows.
    pub(crate) async fn calendar(&self, asked: Calendar, now: UtcInstant) -> Result<CalendarPage, ReadError> {
        self.readers.ask(move |connection| calendar(connection, &asked, now)).await
    }

    /// The day `day` of a device; None if no device has this id.
    pub(crate) async fn day(
        &self,
        device: DeviceId,
        day: i64,
        now: UtcInstant,
    ) -> Result<Option<DayRow>, ReadError> {
        self.readers.ask(move |connection| one_day(connection, &device, day, now)).await
    }
}

fn calendar(connection: &Connection, asked: &Calendar, now: UtcInstant) -> rusqlite::Result<CalendarPage> {
    let snapshot = connection.unchecked_transaction()?;
    let mut devices = fleet::briefs(&snapshot)?;
    devices.retain(|device| device.matches(&asked.search));
    devices.sort_by_cached_key(|device| (device.title(), device.id.clone()));
    let total = devices.len();
    let newest = devices.iter().filter_map(|device| device.last_time).max().map(UtcInstant::from_millis);
    let mut rows = Vec::new();
    for device in devices.into_iter().skip(asked.offset).take(asked.limit) {
        let details = details::of(&snapshot, device.number)?;
        let interval_s = fleet::interval(&snapshot, &device, &details)?;
        let slots = fleet::slots(&device, &fleet::facts(&snapshot, device.number)?, interval_s, now);
        let mut held = fleet::held(&snapshot, device.number, asked.days.clone())?.into_iter().peekable();
        let held =
            asked.days.clone().map(|day| held.next_if(|(held, _)| *held == day).map_or(0, |(_, held)| held));
        let due = asked.days.clone().map(|day| slots.due(day..day.saturating_add(1)));
        rows.push(CalendarRow {
            held: held.collect(),
            due: due.collect(),
            id: device.id,
            label: device.label,
            last_time: device.last_time.map(UtcInstant::from_millis),
        });
    }
    Ok(CalendarPage { total, newest, rows })
}

fn one_day(
    connection: &Connection,
    device: &DeviceId,
    day: i64,
    now: UtcInstant,
) -> rusqlite::Result<Option<DayRow>> {
    let snapshot = connection.unchecked_transaction()?;
    let Some(device) = fleet::find(&snapshot, device)? else { return Ok(None) };
    let (number, facts) = (device.number, fleet::facts(&snapshot, device.number)?);
    let interval_s = fleet::interval(&snapshot, &device, &details::of(&snapshot, number)?)?;
    let slots = fleet::slots(&device, &facts, interval_s, now);
    let (start, end) = (start_of(day), start_of(day.saturating_add(1)));
    let days = day..day.saturating_add(1);
    // A reading near midnight may fill a slot of the day beside its own.
    let near = i64::from(interval_s) * 500;
    let around = start.as_millis().saturating_sub(near)..end.as_millis().saturating_add(near);
    let mut readings = series::points(&snapshot, number, around)?;
    let times: Vec<_> = readings.iter().map(|point| UtcInstant::from_millis(point.time)).collect();
    let missing = slots.missing(day, &times, MAX_MISSING);
    readings.retain(|point| (start.as_millis()..end.as_millis()).contains(&point.time));
    readings.truncate(MAX_READINGS);
    let gateway = fleet::gateway_of(&facts, &gateways::all(&snapshot)?);
    let absence = Absence {
        missing: missing.len(),
        state: device.state(now),
        contact: device.contact,
        end,
        gateway: gateway.as_ref(),
    };
    Ok(Some(DayRow {
        due: slots.due(days.clone()),
        held: fleet::held(&snapshot, number, days)?.into_iter().map(|(_, held)| held).sum(),
        readings,
        missing,
        surveys: surveys(&snapshot, number, day, interval_s)?,
        conflicts: conflicts(&snapshot, number, start, end)?,
        place: absence.place(now),
    }))
}

/// The surveys that may have brought readings of `day`. Where a survey ends is not noted, so it is taken to have no gaps.
fn surveys(
    connection: &Connection,
    device: i64,
    day: i64,
    interval_s: u32,
) -> rusqlite::Result<Vec<SurveyRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT received, received_at_gateway, gateways.name, readings, new, duplicate, conflict, copies
         FROM surveys JOIN gateways ON gateways.id = surveys.gateway
         WHERE device = ?1 AND starts >= ?2 - ?3 AND starts < ?2 + ?4 AND starts + max(readings - 1, 0) * ?5 >= ?2
         ORDER BY received, starts LIMIT ?6",
    )?;
    let survey = |row: &Row<'_>| {
        Ok(SurveyRow {
            received: instant(row, 0)?,
            received_at_gateway: row.get::<_, Option<i64>>(1)?.map(UtcInstant::from_millis),
            gateway: row.get(2)?,
            readings: row.get(3)?,
            new: row.get(4)?,
            duplicate: row.get(5)?,
            conflict: row.get(6)?,
            copies: row.get(7)?,
        })
    };
    let start = start_of(day).as_millis();
    let bounds =
        (device, start, LONGEST_SURVEY * DAY_MS, DAY_MS, i64::from(interval_s) * 1_000, count(MAX_SURVEYS));
    statement.query_map(bounds, survey)?.collect()
}

fn conflicts(
    connection: &Connection,
    device: i64,
    start: UtcInstant,
    end: UtcInstant,
) -> rusqlite::Result<Vec<ConflictRow>> {
    let sql = format!(
        "{} WHERE conflicts.device = ? AND conflicts.time >= ? AND conflicts.time < ?
         ORDER BY conflicts.time, conflicts.id LIMIT ?",
        super::query::CONFLICTS
    );
    let bounds = (device, start.as_millis(), end.as_millis(), count(MAX_CONFLICTS));
    connection.prepare_cached(&sql)?.query_map(bounds, conflict)?.collect()
}
