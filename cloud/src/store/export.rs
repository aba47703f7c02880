//! What exports ask: devices one by one, and their readings with flags, a page at a time.

use super::{ReadError, Store, details, query, query::Range};
use fieldpost_core::{DeviceId, Reading, UtcInstant, quality::Flags};
use rusqlite::{Connection, OptionalExtension, Row};

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

impl Store {
    /// The device behind `after` in the order of ids.
    pub(crate) async fn device_behind(
        &self,
        after: Option<DeviceId>,
    ) -> Result<Option<ExportDevice>, ReadError> {
        let ask = move |connection: &Connection| {
            let after = after.as_ref().map_or("", DeviceId::as_str);
            let sql = "SELECT id, name FROM devices WHERE name > ? ORDER BY name LIMIT 1";
            connection.prepare_cached(sql)?.query_row([after], |row| device(connection, row)).optional()
        };
        self.readers.ask(ask).await
    }

    /// The device with this id.
    pub(crate) async fn device_to_export(&self, id: DeviceId) -> Result<Option<ExportDevice>, ReadError> {
        let ask = move |connection: &Connection| {
            let sql = "SELECT id, name FROM devices WHERE name = ?";
            connection.prepare_cached(sql)?.query_row([id.as_str()], |row| device(connection, row)).optional()
        };
        self.readers.ask(ask).await
    }

    /// A device's readings with their flags, in order of time, at most `limit`.
    pub(crate) async fn flagged_readings(
        &self,
        device: i64,
        range: Range,
        limit: usize,
    ) -> Result<Vec<FlaggedReading>, ReadError> {
        let ask = move |connection: &Connection| {
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
        };
        self.readers.ask(ask).await
    }

    /// The first and the last instant at which a device measured this; None if it did not.
    pub(crate) async fn measured(
        &self,
        device: i64,
        range: Range,
        quantity: Quantity,
    ) -> Result<Option<(UtcInstant, UtcInstant)>, ReadError> {
        let ask = move |connection: &Connection| {
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
        };
        self.readers.ask(ask).await
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
