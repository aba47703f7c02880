//! What people say of a device.

use super::{Store, SubmitError, gateways::register, slots};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, OptionalExtension, Row};

/// What people say of a device; None is not said. The units are the table's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) name: Option<String>,
    pub(crate) place: Option<String>,
    /// Millionths of a degree.
    pub(crate) latitude: Option<i64>,
    pub(crate) longitude: Option<i64>,
    pub(crate) depth_mm: Option<i64>,
    pub(crate) soil: Option<String>,
    pub(crate) interval_s: Option<u32>,
    pub(crate) survey_s: Option<u32>,
    pub(crate) notes: Option<String>,
    /// Hundredths of a percent.
    pub(crate) moisture_low: Option<i64>,
    pub(crate) moisture_high: Option<i64>,
    /// Hundredths of a degree.
    pub(crate) temperature_low: Option<i64>,
    pub(crate) temperature_high: Option<i64>,
}

impl Store {
    /// Sets the details of `device` at `now`; it is registered if it never reported.
    pub(crate) async fn set_details(
        &self,
        device: DeviceId,
        details: Details,
        now: UtcInstant,
    ) -> Result<(), SubmitError> {
        self.write(move |transaction| {
            let device = register(transaction, &device)?;
            let Details {
                name, place, latitude, longitude, depth_mm, soil, interval_s, survey_s, notes, ..
            } = &details;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute((
                    device,
                    name,
                    place,
                    latitude,
                    longitude,
                    depth_mm,
                    soil,
                    interval_s,
                    survey_s,
                    notes,
                    details.moisture_low,
                    details.moisture_high,
                    details.temperature_low,
                    details.temperature_high,
                ))?;
            slots::set(transaction, device, *interval_s, now)
        })
        .await
    }
}

/// The details of the device with this number.
pub(super) fn of(connection: &Connection, device: i64) -> rusqlite::Result<Details> {
    let mut statement = connection.prepare_cached("SELECT * FROM details WHERE device = ?")?;
    Ok(statement.query_row([device], details).optional()?.unwrap_or_default())
}

fn details(row: &Row<'_>) -> rusqlite::Result<Details> {
    Ok(Details {
        name: row.get("name")?,
        place: row.get("place")?,
        latitude: row.get("latitude")?,
        longitude: row.get("longitude")?,
        depth_mm: row.get("depth_mm")?,
        soil: row.get("soil")?,
        interval_s: row.get("interval_s")?,
        survey_s: row.get("survey_s")?,
        notes: row.get("notes")?,
        moisture_low: row.get("moisture_low")?,
        moisture_high: row.get("moisture_high")?,
        temperature_low: row.get("temperature_low")?,
        temperature_high: row.get("temperature_high")?,
    })
}
