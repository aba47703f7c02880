//! A device's readings as a curve.

use super::{ReadError, Store, details, fleet, query::Range};
use crate::fleet::thin::{Curve, Point, Thinner};
use fieldpost_core::DeviceId;
use rusqlite::{Connection, OptionalExtension, Row};

/// The most readings that one curve is made of: two years of a reading every ten seconds, some seconds of work.
pub(crate) const MAX_READINGS: usize = 6_000_000;

/// Readings in order of time. Their flags, of which there are none yet, go in the place of the 0.
const POINTS: &str = "SELECT time, temperature, moisture, 0 FROM readings
    WHERE device = ? AND time >= ? AND time < ? ORDER BY time";

/// A device's curve.
#[derive(Debug)]
pub(crate) struct Series {
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
            let details = details::of(&snapshot, device.number)?;
            let interval_s = fleet::interval(&snapshot, &device, &details)?;
            let bounds = (device.number, range.from.as_millis(), range.to.as_millis());
            let edge = |order| {
                let sql = format!(
                    "SELECT time FROM readings WHERE device = ? AND time >= ? AND time < ? ORDER BY time {order} LIMIT 1"
                );
                let time = snapshot.prepare_cached(&sql)?.query_row(bounds, |row| row.get::<_, i64>(0));
                time.optional().map(|time| time.unwrap_or(0))
            };
            let mut thinner = Thinner::new(edge("ASC")?, edge("DESC")?, interval_s, points);
            let mut statement = snapshot.prepare_cached(POINTS)?;
            let mut rows = statement.query(bounds)?;
            let mut count = 0_usize;
            while let Some(row) = rows.next()? {
                thinner.add(point(row)?);
                count += 1;
                if count > MAX_READINGS {
                    return Ok(Err(NoSeries::TooMany));
                }
            }
            Ok(Ok(Series { interval_s, curve: thinner.finish() }))
        };
        self.readers.ask(ask).await
    }
}

/// A device's readings in `range`, in milliseconds.
pub(super) fn points(
    connection: &Connection,
    device: i64,
    range: std::ops::Range<i64>,
) -> rusqlite::Result<Vec<Point>> {
    let mut statement = connection.prepare_cached(POINTS)?;
    statement.query_map((device, range.start, range.end), point)?.collect()
}

fn point(row: &Row<'_>) -> rusqlite::Result<Point> {
    Ok(Point { time: row.get(0)?, values: [row.get(1)?, row.get(2)?], flags: row.get(3)? })
}
