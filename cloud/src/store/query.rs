//! The questions that the store answers.

use super::{ReadError, Store, readings};
use fieldpost_core::{DeviceId, Reading, UtcInstant, Values};
use rusqlite::{Connection, OptionalExtension, Row};

/// A device, as lists show it.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRow {
    pub(crate) name: String,
    pub(crate) readings: i64,
    pub(crate) conflicts: i64,
    pub(crate) first_time: Option<UtcInstant>,
    pub(crate) last_time: Option<UtcInstant>,
    /// When the cloud last took a survey of it; None if it never did.
    pub(crate) last_contact: Option<UtcInstant>,
    /// What it measured at `last_time`.
    pub(crate) last_values: Option<Values>,
}

/// A value that contradicts what is held, and that.
#[derive(Debug, Clone)]
pub(crate) struct ConflictRow {
    pub(crate) id: i64,
    pub(crate) time: UtcInstant,
    pub(crate) held: Option<Values>,
    pub(crate) offered: Option<Values>,
    pub(crate) gateway: String,
    pub(crate) first_offered: UtcInstant,
    pub(crate) last_offered: UtcInstant,
    pub(crate) count: i64,
}

/// Instants from the first, inclusive, to the second, exclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from: UtcInstant,
    pub(crate) to: UtcInstant,
}

const DEVICE_COLUMNS: &str = "SELECT name, readings, conflicts, first_time, last_time, last_contact,
        last_temperature, last_moisture
    FROM devices";

/// Conflicts, for [`conflict`].
pub(super) const CONFLICTS: &str = "SELECT conflicts.time, readings.temperature, readings.moisture,
        conflicts.temperature, conflicts.moisture, gateways.name, first_offered, last_offered, count, conflicts.id
    FROM conflicts
    JOIN gateways ON gateways.id = conflicts.gateway
    LEFT JOIN readings ON readings.device = conflicts.device AND readings.time = conflicts.time";

impl Store {
    /// Devices in order of their names, after `after`, at most `limit`.
    pub(crate) async fn devices(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, ReadError> {
        let ask = move |connection: &Connection| {
            let sql = format!("{DEVICE_COLUMNS} WHERE name > ?1 ORDER BY name LIMIT ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((after.unwrap_or_default(), count(limit)), device)?;
            rows.collect()
        };
        self.readers.ask(ask).await
    }

    /// The number of the device `name`, for [`Store::readings_of`].
    pub(crate) async fn device_number(&self, name: DeviceId) -> Result<Option<i64>, ReadError> {
        let ask = move |connection: &Connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM devices WHERE name = ?")?;
            statement.query_row([name.as_str()], |row| row.get(0)).optional()
        };
        self.readers.ask(ask).await
    }

    /// A device's readings in order of time, at most `limit`.
    pub(crate) async fn readings_of(
        &self,
        device: i64,
        range: Range,
        limit: usize,
    ) -> Result<Vec<Reading>, ReadError> {
        let ask = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT time, temperature, moisture FROM readings
                 WHERE device = ? AND time >= ? AND time < ? ORDER BY time LIMIT ?",
            )?;
            let bounds = (device, range.from.as_millis(), range.to.as_millis(), count(limit));
            statement.query_map(bounds, reading)?.collect()
        };
        self.readers.ask(ask).await
    }

    /// The time of the reading that stands `skip` places behind the first one in `range`.
    pub(crate) async fn time_behind(
        &self,
        device: i64,
        range: Range,
        skip: usize,
    ) -> Result<Option<UtcInstant>, ReadError> {
        let ask = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT time FROM readings
                 WHERE device = ? AND time >= ? AND time < ? ORDER BY time LIMIT 1 OFFSET ?",
            )?;
            let bounds = (device, range.from.as_millis(), range.to.as_millis(), count(skip));
            statement.query_row(bounds, |row| instant(row, 0)).optional()
        };
        self.readers.ask(ask).await
    }

    /// A device's newest conflicts, at most `limit`, and how many it has in all: of readings before `to`, and of the one at
    /// `to` those with a lower id than `id`.
    pub(crate) async fn conflicts_of(
        &self,
        device: i64,
        (to, id): (UtcInstant, i64),
        limit: usize,
    ) -> Result<(Vec<ConflictRow>, i64), ReadError> {
        let ask = move |connection: &Connection| {
            let snapshot = connection.unchecked_transaction()?;
            let sql = format!(
                "{CONFLICTS} WHERE conflicts.device = ? AND (conflicts.time, conflicts.id) < (?, ?)
                 ORDER BY conflicts.time DESC, conflicts.id DESC LIMIT ?"
            );
            let mut statement = snapshot.prepare_cached(&sql)?;
            let rows = statement.query_map((device, to.as_millis(), id, count(limit)), conflict)?;
            let rows = rows.collect::<rusqlite::Result<_>>()?;
            let total = "SELECT conflicts FROM devices WHERE id = ?";
            Ok((rows, snapshot.prepare_cached(total)?.query_row([device], |row| row.get(0))?))
        };
        self.readers.ask(ask).await
    }
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// When a device was last heard; 0 means never.
pub(super) fn contact(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UtcInstant>> {
    let millis: i64 = row.get(column)?;
    Ok((millis > 0).then(|| UtcInstant::from_millis(millis)))
}

pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<UtcInstant> {
    row.get(column).map(UtcInstant::from_millis)
}

fn device(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    Ok(DeviceRow {
        name: row.get(0)?,
        readings: row.get(1)?,
        conflicts: row.get(2)?,
        first_time: row.get::<_, Option<i64>>(3)?.map(UtcInstant::from_millis),
        last_time: row.get::<_, Option<i64>>(4)?.map(UtcInstant::from_millis),
        last_contact: contact(row, 5)?,
        last_values: readings::values(row, 6)?,
    })
}

pub(super) fn reading(row: &Row<'_>) -> rusqlite::Result<Reading> {
    let values = readings::values(row, 1)?;
    // The schema forbids rows without a value, so this one is damaged.
    let values = values.ok_or(rusqlite::Error::IntegralValueOutOfRange(1, 0))?;
    Ok(Reading { time: instant(row, 0)?, values })
}

pub(super) fn conflict(row: &Row<'_>) -> rusqlite::Result<ConflictRow> {
    Ok(ConflictRow {
        time: instant(row, 0)?,
        held: readings::values(row, 1)?,
        offered: readings::values(row, 3)?,
        gateway: row.get(5)?,
        first_offered: instant(row, 6)?,
        last_offered: instant(row, 7)?,
        count: row.get(8)?,
        id: row.get(9)?,
    })
}
