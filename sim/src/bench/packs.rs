//! Surveys as a gateway passes them on: SenML CBOR, in batches.

use anyhow::{Context, Result};
use fieldpost_core::{DeviceId, Moisture, Reading, Survey, Temperature, UtcInstant, Values, senml};
use std::time::Duration;

/// The limits of a gateway's batch.
const SURVEYS: usize = 512;
const BYTES: usize = 1024 * 1024;
/// Readings a survey: a day, hour by hour.
pub(super) const READINGS: u64 = 24;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How surveys follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All days of a device, then the next device: a backlog that is imported, or replayed.
    Device,
    /// A day of all devices, then the next day: how they arrive.
    Day,
}

/// So many surveys, of so many devices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) devices: u64,
    pub(super) days: u64,
    pub(super) order: Order,
}

impl Extent {
    /// Device and day of each survey.
    pub(super) fn surveys(self) -> impl Iterator<Item = (u64, u64)> {
        let Self { devices, days, order } = self;
        (0..devices * days).map(move |number| match order {
            Order::Device => (number / days, number % days),
            Order::Day => (number % devices, number / devices),
        })
    }

    pub(super) fn readings(self) -> u64 {
        self.devices * self.days * READINGS
    }
}

/// The readings of a device's day.
pub(super) fn readings(device: u64, day: u64) -> impl Iterator<Item = Reading> {
    let midnight =
        UtcInstant::EARLIEST.saturating_add(DAY.saturating_mul(u32::try_from(day + 7_000).unwrap_or(0)));
    (0..READINGS).filter_map(move |hour| {
        let noise = crate::rng::mix(device << 32 | day << 8 | hour);
        let temperature = Temperature::from_hundredths(i64::try_from(noise % 4_000).ok()? - 500);
        let moisture = Moisture::from_hundredths(i64::try_from(noise / 4_000 % 6_000).ok()?);
        let time = midnight.saturating_add(HOUR.saturating_mul(u32::try_from(hour).ok()?));
        Some(Reading { time, values: Values::new(temperature, moisture)? })
    })
}

/// The id of a device.
pub(super) fn id(device: u64) -> Result<DeviceId> {
    DeviceId::new(&format!("meter-{device:06}")).context("a legal id")
}

/// All surveys, in bodies as the gateway posts them.
pub(super) fn bodies(extent: Extent) -> Result<Vec<Vec<u8>>> {
    bodies_from(extent, 0)
}

/// The same, of devices from the number `first` on.
pub(super) fn bodies_from(extent: Extent, first: u64) -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    let (mut waiting, mut size): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
    for (device, day) in extent.surveys() {
        let device = device + first;
        let survey = Survey { device: id(device)?, readings: readings(device, day).collect() };
        let received = survey.readings.last().map(|last| last.time);
        let records = senml::encode_records(&survey, received);
        if waiting.len() == SURVEYS || size + records.len() > BYTES {
            bodies.push(senml::pack(waiting.iter().map(Vec::as_slice)));
            waiting.clear();
            size = 0;
        }
        size += records.len();
        waiting.push(records);
    }
    bodies.push(senml::pack(waiting.iter().map(Vec::as_slice)));
    Ok(bodies)
}
