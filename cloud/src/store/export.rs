//! What exports ask: devices one by one, and their readings with flags, a page at a time.

use super::{ReadError, Store, details, migrations, open, query, query::Range};
use crate::Error;
use fieldpost_core::{DeviceId, Reading, UtcInstant, quality::Flags};
use rusqlite::{Connection, OptionalExtension, Row};
use std::path::Path;
use tokio::runtime::Handle;

/// What is known of a device besides its readings.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DeviceFacts {
    /// What people call it.
    pub(crate) label: Option<String>,
    /// Degrees north.
    pub(crate) latitude: Option<f64>,
    /// Degrees east.
    pub(crate) longitude: Option<f64>,
    /// How deep it measures.
    pub(crate) depth_cm: Option<f64>,
}

/// A device whose readings are exported.
#[derive(Debug, Clone)]
pub(crate) struct ExportDevice {
    /// Its number in the store.
    pub(crate) number: i64,
    pub(crate) id: DeviceId,
    pub(crate) facts: DeviceFacts,
}

/// A reading, and what the rules object to in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlaggedReading {
    pub(crate) reading: Reading,
    pub(crate) flags: Flags,
}

/// One of the two values of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Moisture,
    Temperature,
}

/// Where an export reads: in a cloud's store, by its readers, or in a file that a cloud may have open or not. Only for threads that
/// may block.
pub(crate) enum Shelf {
    Store(Store, Handle),
    File(Connection),
}

impl Shelf {
    /// The store at `path`, which is only read.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let connection = open::reader(path).map_err(|error| open::opening(path, &error))?;
        open::recognise(&connection, path)?;
        migrations::require_present(&connection, path)?;
        Ok(Self::File(connection))
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        match self {
            Self::Store(store, runtime) => runtime.block_on(store.readers.ask(question)),
            Self::File(connection) => Ok(question(connection)?),
        }
    }

    /// The device behind `after` in the order of ids.
    pub(crate) fn device_behind(&self, after: Option<DeviceId>) -> Result<Option<ExportDevice>, ReadError> {
        self.ask(move |connection| {
            let after = after.as_ref().map_or("", DeviceId::as_str);
            let sql = "SELECT id, name FROM devices WHERE name > ? ORDER BY name LIMIT 1";
            connection.prepare_cached(sql)?.query_row([after], |row| device(connection, row)).optional()
        })
    }

    /// The device with this id.
    pub(crate) fn device(&self, id: DeviceId) -> Result<Option<ExportDevice>, ReadError> {
        self.ask(move |connection| {
            let sql = "SELECT id, name FROM devices WHERE name = ?";
            connection.prepare_cached(sql)?.query_row([id.as_str()], |row| device(connection, row)).optional()
        })
    }

    /// How many devices have readings before and behind the ends of a range, or in it.
    pub(crate) fn devices_around(&self, range: Range) -> Result<u64, ReadError> {
        let count = move |connection: &Connection| -> rusqlite::Result<i64> {
            let sql = "SELECT count(*) FROM devices WHERE first_time < ? AND last_time >= ?";
            let bounds = (range.to.as_millis(), range.from.as_millis());
            connection.prepare_cached(sql)?.query_row(bounds, |row| row.get(0))
        };
        self.ask(count).map(i64::unsigned_abs)
    }

    /// How many of these devices, or of all, have readings in a range that no rule has looked at yet.
    pub(crate) fn unexamined(&self, devices: Option<Vec<i64>>, range: Range) -> Result<u64, ReadError> {
        const SQL: &str = "SELECT count(*) FROM unexamined WHERE from_time < ?1 AND to_time >= ?2
            AND (?3 IS NULL OR device = ?3)";
        let bounds = (range.to.as_millis(), range.from.as_millis());
        let count = move |connection: &Connection| -> rusqlite::Result<i64> {
            let mut count = connection.prepare_cached(SQL)?;
            let mut of =
                |device: Option<i64>| count.query_row((bounds.0, bounds.1, device), |row| row.get(0));
            let Some(devices) = devices else { return of(None) };
            devices.into_iter().map(|device| of(Some(device))).sum()
        };
        self.ask(count).map(i64::unsigned_abs)
    }

    /// A device's readings with their flags, in order of time, at most `limit`.
    pub(crate) fn flagged_readings(
        &self,
        device: i64,
        range: Range,
        limit: usize,
    ) -> Result<Vec<FlaggedReading>, ReadError> {
        self.ask(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT readings.time, temperature, moisture, ifnull(bits, 0)
                 FROM readings LEFT JOIN flags ON flags.device = readings.device AND flags.time = readings.time
                 WHERE readings.device = ? AND readings.time >= ? AND readings.time < ?
                 ORDER BY readings.time LIMIT ?",
            )?;
            let bounds = (device, range.from.as_millis(), range.to.as_millis(), query::count(limit));
            let rows = statement.query_map(bounds, |row| {
                Ok(FlaggedReading { reading: query::reading(row)?, flags: Flags::from_bits(row.get(3)?) })
            })?;
            rows.collect()
        })
    }

    /// The first and the last instant at which a device measured this; None if it did not.
    pub(crate) fn measured(
        &self,
        device: i64,
        range: Range,
        quantity: Quantity,
    ) -> Result<Option<(UtcInstant, UtcInstant)>, ReadError> {
        self.ask(move |connection| {
            let column = match quantity {
                Quantity::Moisture => "moisture",
                Quantity::Temperature => "temperature",
            };
            let end = |order: &str| {
                let sql = format!(
                    "SELECT time FROM readings WHERE device = ? AND time >= ? AND time < ? AND {column} IS NOT NULL
                     ORDER BY time {order} LIMIT 1"
                );
                let bounds = (device, range.from.as_millis(), range.to.as_millis());
                let found = connection.prepare_cached(&sql)?.query_row(bounds, |row| query::instant(row, 0));
                found.optional()
            };
            Ok(end("ASC")?.zip(end("DESC")?))
        })
    }
}

fn device(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<ExportDevice> {
    let (number, name): (i64, String) = (row.get(0)?, row.get(1)?);
    // Only ids are ever stored, so this one is damaged.
    let id = DeviceId::new(&name).map_err(|_| rusqlite::Error::InvalidColumnName(name))?;
    Ok(ExportDevice { number, id, facts: facts(connection, number)? })
}

/// What people say of a device.
fn facts(connection: &Connection, device: i64) -> rusqlite::Result<DeviceFacts> {
    let details = details::of(connection, device)?;
    let degrees = |millionths: i64| millionths as f64 / 1_000_000.0;
    Ok(DeviceFacts {
        label: details.name,
        latitude: details.latitude.map(degrees),
        longitude: details.longitude.map(degrees),
        depth_cm: details.depth_mm.map(|depth| depth as f64 / 10.0),
    })
}
