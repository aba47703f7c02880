//! Days: how complete they are, and what came on one.

use super::{
    ReadError, Store, fleet, gateways,
    memo::Memo,
    query::{ConflictRow, conflict, count, instant},
    series, slots,
};
use crate::fleet::{
    missing::Absence,
    slots::{Count, DAY_MS, Tally, start_of},
    thin::Point,
};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, Row};
use std::{ops::Range, sync::Arc};

/// Readings of one day that are shown: every second of it has one.
const MAX_READINGS: usize = 86_400;
/// Surveys of one day that are shown.
const MAX_SURVEYS: usize = 1_000;
/// Conflicts of one day that are shown.
const MAX_CONFLICTS: usize = 1_000;
/// Slots of one day that are named as missing.
const MAX_MISSING: usize = 1_440;
/// How long a survey is that is found by where it begins, in milliseconds; the index of the longer ones says the same.
const SHORT_SURVEY_MS: i64 = 3 * DAY_MS;

/// Which devices and days are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    pub(crate) which: Which,
    pub(crate) days: Range<i64>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// Which devices.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    /// In whose names this is found, in lower case.
    Matching(String),
    /// The one with this id.
    One(DeviceId),
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
    pub(crate) counts: Vec<Count>,
}

/// The first ones of a list, and how many there are.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) total: i64,
}

/// A device's day.
#[derive(Debug)]
pub(crate) struct DayRow {
    pub(crate) count: Count,
    pub(crate) readings: Listed<Point>,
    pub(crate) missing: Listed<UtcInstant>,
    pub(crate) surveys: Listed<SurveyRow>,
    pub(crate) conflicts: Listed<ConflictRow>,
    /// Where the missing may still be.
    pub(crate) place: String,
}

/// A survey as it was noted.
#[derive(Debug)]
pub(crate) struct SurveyRow {
    pub(crate) received: UtcInstant,
    pub(crate) received_at_gateway: Option<UtcInstant>,
    pub(crate) gateway: String,
    /// Its first and its last reading; of an empty one, its receipt.
    pub(crate) starts: UtcInstant,
    pub(crate) ends: Option<UtcInstant>,
    pub(crate) readings: i64,
    pub(crate) new: i64,
    pub(crate) duplicate: i64,
    pub(crate) conflict: i64,
    pub(crate) copies: i64,
}

impl Store {
    /// A page of rows.
    pub(crate) async fn calendar(&self, asked: Calendar, now: UtcInstant) -> Result<CalendarPage, ReadError> {
        let memo = Arc::clone(&self.memo);
        self.readers.ask(move |connection| calendar(connection, &memo, &asked, now)).await
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

fn calendar(
    connection: &Connection,
    memo: &Memo,
    asked: &Calendar,
    now: UtcInstant,
) -> rusqlite::Result<CalendarPage> {
    let snapshot = connection.unchecked_transaction()?;
    let mut devices = match &asked.which {
        Which::One(id) => Vec::from_iter(fleet::find(&snapshot, id)?),
        Which::Matching(search) => {
            let found = fleet::named(&gateways::all(&snapshot)?, search);
            let mut devices = fleet::briefs(&snapshot)?;
            devices.retain(|device| device.matches(search, &found));
            devices
        }
    };
    devices.sort_by_cached_key(|device| (device.title(), device.id.clone()));
    let total = devices.len();
    let newest = devices.iter().filter_map(|device| device.last_time).max().map(UtcInstant::from_millis);
    let (mut rows, mut room) = (Vec::new(), slots::MAX_COUNTED);
    for device in devices.into_iter().skip(asked.offset).take(asked.limit) {
        let since = memo.intervals.of(&device, || fleet::since(&snapshot, &device))?;
        rows.push(CalendarRow {
            counts: slots::counts(&snapshot, &device, since, asked.days.clone(), now, &mut room)?,
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
    let number = device.number;
    let since = fleet::since(&snapshot, &device)?;
    let (start, end) = (start_of(day), start_of(day.saturating_add(1)));
    let readings = readings(&snapshot, number, start.as_millis()..end.as_millis())?;
    let mut room = slots::MAX_COUNTED;
    let tally = slots::tally(&snapshot, number, day..day.saturating_add(1), MAX_MISSING, &mut room)?;
    let guess = || Tally::of(day, vec![slots::guess(readings.total, since.interval_s)]);
    let mut tally = tally.unwrap_or_else(guess);
    slots::wait(&mut tally, &device, since, now);
    let (counts, missing) = tally.finish();
    let count = counts.first().copied().unwrap_or_default();
    let gateway = fleet::gateway_of(&device, &gateways::all(&snapshot)?);
    let absence = Absence {
        missing: usize::try_from(count.due.saturating_sub(count.filled)).unwrap_or(0),
        state: device.state(now),
        contact: device.contact,
        end,
        gateway: gateway.as_ref(),
    };
    Ok(Some(DayRow {
        missing: Listed { rows: missing, total: count.due.saturating_sub(count.filled) },
        surveys: surveys(&snapshot, number, day, readings.total > 0)?,
        conflicts: conflicts(&snapshot, number, start, end)?,
        place: absence.place(now),
        readings,
        count,
    }))
}

fn readings(connection: &Connection, device: i64, range: Range<i64>) -> rusqlite::Result<Listed<Point>> {
    let rows = series::points(connection, device, range.clone(), MAX_READINGS)?;
    let mut total = count(rows.len());
    if rows.len() >= MAX_READINGS {
        let sql = "SELECT count(*) FROM readings WHERE device = ? AND time >= ? AND time < ?";
        total =
            connection.prepare_cached(sql)?.query_row((device, range.start, range.end), |row| row.get(0))?;
    }
    Ok(Listed { rows, total })
}

/// The surveys that brought readings of `day`, as far as when they begin and end tells; of a day of which nothing is held
/// (`held`) none did, but for those that are empty.
fn surveys(
    connection: &Connection,
    device: i64,
    day: i64,
    held: bool,
) -> rusqlite::Result<Listed<SurveyRow>> {
    // An empty survey begins when it came, and a long one may begin years before.
    let of_day = "device = ?1 AND starts < ?2 + ?3
        AND (CASE WHEN ends IS NULL THEN starts >= ?2 ELSE ?5 AND ends >= ?2 END)";
    let sql = format!(
        "WITH found AS (SELECT * FROM surveys WHERE starts >= ?2 - ?4 AND {of_day}
             UNION SELECT * FROM surveys INDEXED BY surveys_long WHERE ends - starts > {SHORT_SURVEY_MS} AND {of_day})
         SELECT received, received_at_gateway, gateways.name, starts, ends, readings, new, duplicate, conflict, copies,
             count(*) OVER ()
         FROM found JOIN gateways ON gateways.id = found.gateway ORDER BY received, starts LIMIT ?6"
    );
    let survey = |row: &Row<'_>| {
        Ok((
            row.get(10)?,
            SurveyRow {
                received: instant(row, 0)?,
                received_at_gateway: row.get::<_, Option<i64>>(1)?.map(UtcInstant::from_millis),
                gateway: row.get(2)?,
                starts: instant(row, 3)?,
                ends: row.get::<_, Option<i64>>(4)?.map(UtcInstant::from_millis),
                readings: row.get(5)?,
                new: row.get(6)?,
                duplicate: row.get(7)?,
                conflict: row.get(8)?,
                copies: row.get(9)?,
            },
        ))
    };
    let bounds = (device, start_of(day).as_millis(), DAY_MS, SHORT_SURVEY_MS, held, count(MAX_SURVEYS));
    listed(connection.prepare_cached(&sql)?.query_map(bounds, survey)?)
}

fn conflicts(
    connection: &Connection,
    device: i64,
    start: UtcInstant,
    end: UtcInstant,
) -> rusqlite::Result<Listed<ConflictRow>> {
    let of_day = "conflicts.device = ?1 AND conflicts.time >= ?2 AND conflicts.time < ?3";
    let sql =
        format!("{} WHERE {of_day} ORDER BY conflicts.time, conflicts.id LIMIT ?4", super::query::CONFLICTS);
    let bounds = (device, start.as_millis(), end.as_millis(), count(MAX_CONFLICTS));
    let rows =
        connection.prepare_cached(&sql)?.query_map(bounds, conflict)?.collect::<Result<Vec<_>, _>>()?;
    let sql = format!("SELECT count(*) FROM conflicts WHERE {of_day}");
    let bounds = (device, start.as_millis(), end.as_millis());
    let total = connection.prepare_cached(&sql)?.query_row(bounds, |row| row.get(0))?;
    Ok(Listed { rows, total })
}

/// Rows that say how many there are, each with that number.
fn listed<T>(rows: impl Iterator<Item = rusqlite::Result<(i64, T)>>) -> rusqlite::Result<Listed<T>> {
    let (totals, rows): (Vec<_>, Vec<_>) = rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    Ok(Listed { rows, total: totals.first().copied().unwrap_or(0) })
}
