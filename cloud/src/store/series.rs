//! A device's readings as a curve.

use super::{ReadError, Store, fleet, query::Range, slots};
use crate::fleet::{
    pace::{Interval, Pace, Paced},
    thin::{Curve, Point, Thinner},
};
use fieldpost_core::DeviceId;
use rusqlite::{Connection, OptionalExtension};

/// The most readings that one curve is made of: two years of a reading every ten seconds, some seconds of work.
pub(crate) const MAX_READINGS: usize = 6_000_000;

const READINGS: &str = "SELECT time, temperature, moisture FROM readings
    WHERE device = ? AND time >= ? AND time < ? ORDER BY time";
/// Few readings have flags: beside the readings, both in order, they cost a tenth of what a join does.
const FLAGS: &str = "SELECT time, bits FROM flags
    WHERE device = ? AND time >= ? AND time < ? AND bits != 0 ORDER BY time";

/// A device's curve.
#[derive(Debug)]
pub(crate) struct Series {
    /// In force at the end of the curve.
    pub(crate) interval_s: u32,
    pub(crate) curve: Curve,
}

/// Why there is no curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSeries {
    /// No device has this id.
    Unknown,
    /// There are more than [`MAX_READINGS`].
    TooMany,
}

impl Store {
    /// The curve of a device in `range`, of about `points` points if there are more readings.
    pub(crate) async fn series(
        &self,
        device: DeviceId,
        range: Range,
        points: usize,
    ) -> Result<Result<Series, NoSeries>, ReadError> {
        let ask = move |connection: &Connection| {
            let snapshot = connection.unchecked_transaction()?;
            let Some(device) = fleet::find(&snapshot, &device)? else { return Ok(Err(NoSeries::Unknown)) };
            let bounds = (device.number, range.from.as_millis(), range.to.as_millis());
            let edge = |order| {
                let sql = format!(
                    "SELECT time FROM readings WHERE device = ? AND time >= ? AND time < ? ORDER BY time {order} LIMIT 1"
                );
                let time = snapshot.prepare_cached(&sql)?.query_row(bounds, |row| row.get::<_, i64>(0));
                time.optional().map(|time| time.unwrap_or(0))
            };
            let mut thinner = Thinner::new(edge("ASC")?, edge("DESC")?, points);
            let Some(interval) = pace(&snapshot, bounds, |interval, point| thinner.add(point, interval))?
            else {
                return Ok(Err(NoSeries::TooMany));
            };
            let interval_s = match interval.and_then(|interval| u32::try_from(interval.shorter / 1_000).ok())
            {
                Some(interval_s) => interval_s,
                None => fleet::since(&snapshot, &device)?.interval_s,
            };
            Ok(Ok(Series { interval_s, curve: thinner.finish() }))
        };
        self.readers.ask(ask).await
    }
}

/// Hands readings to `take`, each with the interval in force; says the last one. None if there are more
/// than [`MAX_READINGS`].
fn pace(
    connection: &Connection,
    bounds: (i64, i64, i64),
    mut take: impl FnMut(Interval, Point),
) -> rusqlite::Result<Option<Option<Interval>>> {
    let (device, from, to) = bounds;
    let mut pace = Pace::new(slots::settings(connection, device)?);
    let mut last = None;
    let mut give = |paced: Option<Paced<Option<Point>>>| {
        if let Some(Paced { item: Some(point), interval, .. }) = paced {
            last = Some(interval);
            take(interval, point);
        }
    };
    // Those around tell the interval, too, and are not of the curve.
    for time in slots::before(connection, device, from)? {
        give(pace.push(time, None));
    }
    let mut count = 0_usize;
    each(connection, bounds, |point| {
        give(pace.push(point.time, Some(point)));
        count += 1;
        count <= MAX_READINGS
    })?;
    if count > MAX_READINGS {
        return Ok(None);
    }
    for time in slots::behind(connection, device, to)? {
        give(pace.push(time, None));
    }
    while let Some(paced) = pace.finish() {
        give(Some(paced));
    }
    Ok(Some(last))
}

/// A device's readings in `range`, in milliseconds; the first ones.
pub(super) fn points(
    connection: &Connection,
    device: i64,
    range: std::ops::Range<i64>,
    limit: usize,
) -> rusqlite::Result<Vec<Point>> {
    let mut points = Vec::new();
    each(connection, (device, range.start, range.end), |point| {
        points.push(point);
        points.len() < limit
    })?;
    Ok(points)
}

/// Hands readings and their flags to `take`, in order of time, until it says no.
fn each(
    connection: &Connection,
    bounds: (i64, i64, i64),
    mut take: impl FnMut(Point) -> bool,
) -> rusqlite::Result<()> {
    let mut flags = connection.prepare_cached(FLAGS)?;
    let mut flags = flags.query_map(bounds, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?)))?;
    let mut flagged = flags.next().transpose()?;
    let mut readings = connection.prepare_cached(READINGS)?;
    let mut readings = readings.query(bounds)?;
    while let Some(row) = readings.next()? {
        let time = row.get(0)?;
        while flagged.is_some_and(|(at, _)| at < time) {
            flagged = flags.next().transpose()?;
        }
        let bits = flagged.filter(|(at, _)| *at == time).map_or(0, |(_, bits)| bits);
        if !take(Point { time, values: [row.get(1)?, row.get(2)?], flags: bits }) {
            break;
        }
    }
    Ok(())
}
