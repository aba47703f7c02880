//! An export as the International Soil Moisture Network gives its data out: "header + values", a file for each device and
//! quantity, in a ZIP archive.
//!
//! ```text
//! FIELDPOST/m1/FIELDPOST_FIELDPOST_m1_sm_0.050000_0.050000_meter_20260701_20260731.stm
//! FIELDPOST FIELDPOST m1 41.24100 -5.54300 NaN 0.05 0.05 meter     network twice, station, degrees north and east, height, depths, sensor
//! 2026/07/01 08:00 0.3000 G M                                      UTC, value, the network's flags, the provider's (none)
//! ```
//!
//! Moisture (`sm`) is in m³/m³, soil temperature (`ts`) in °C. What is not known is `NaN`. In file names `_` and `:` of a device's id
//! are `%5F` and `%3A`: the network's readers split names at `_`.

use super::{Encoder, Fault, Part, zip::Zip};
use crate::store::{ExportDevice, FlaggedReading, Quantity};
use fieldpost_core::{Moisture, Temperature, UtcInstant};
use jiff::{civil::DateTime, tz::Offset};
use std::{fmt::Write as _, io::Write as _};

/// Our name as a network, which is also its continental experiment's.
const NETWORK: &str = "FIELDPOST";
const SENSOR: &str = "meter";
/// Files of an archive: their names and places are in memory until the end.
const MAX_FILES: usize = 50_000;
/// Devices of an archive, each with a file for either quantity.
pub(super) const MAX_DEVICES: u64 = MAX_FILES as u64 / 2;

/// The format.
#[derive(Default)]
pub(super) struct Ismn {
    zip: Zip,
}

impl Encoder for Ismn {
    fn start(&mut self, _: &mut Vec<u8>) -> Result<(), Fault> {
        Ok(())
    }

    fn parts(&self) -> &'static [Part] {
        &[Part::Of(Quantity::Moisture), Part::Of(Quantity::Temperature)]
    }

    fn open(
        &mut self,
        device: &ExportDevice,
        part: Part,
        span: (UtcInstant, UtcInstant),
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if self.zip.files() >= MAX_FILES {
            return Err(format!("an archive has at most {MAX_FILES} files; name fewer devices").into());
        }
        self.zip.open(&path(device, part, span), out);
        let start = out.len();
        out.extend_from_slice(header(device).as_bytes());
        self.zip.written(start, out);
        Ok(())
    }

    fn readings(
        &mut self,
        _: &ExportDevice,
        part: Part,
        readings: &[FlaggedReading],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let start = out.len();
        for one in readings {
            print(one, part, out)?;
        }
        self.zip.written(start, out);
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.zip.close(out);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.zip.end(out);
        Ok(())
    }
}

fn path(device: &ExportDevice, part: Part, (first, last): (UtcInstant, UtcInstant)) -> String {
    let station = device.id.as_str().replace('_', "%5F").replace(':', "%3A");
    let variable = match part {
        Part::Of(Quantity::Temperature) => "ts",
        Part::Of(Quantity::Moisture) | Part::Both => "sm",
    };
    let depth = device.facts.depth_cm.map_or_else(|| "NaN".into(), |depth| format!("{:.6}", depth / 100.0));
    let day = |time| {
        let civil = civil(time);
        format!("{:04}{:02}{:02}", civil.year(), civil.month(), civil.day())
    };
    let name = format!(
        "{NETWORK}_{NETWORK}_{station}_{variable}_{depth}_{depth}_{SENSOR}_{}_{}",
        day(first),
        day(last)
    );
    format!("{NETWORK}/{station}/{name}.stm")
}

fn header(device: &ExportDevice) -> String {
    let facts = &device.facts;
    let degrees = |angle: Option<f64>| angle.map_or_else(|| "NaN".into(), |angle| format!("{angle:.5}"));
    let depth = facts.depth_cm.map_or_else(|| "NaN".into(), |depth| format!("{:.2}", depth / 100.0));
    let mut line = format!("{NETWORK} {NETWORK} {} ", device.id);
    // Writing to a string cannot fail.
    let _ = writeln!(
        line,
        "{} {} NaN {depth} {depth} {SENSOR}",
        degrees(facts.latitude),
        degrees(facts.longitude)
    );
    line
}

fn print(one: &FlaggedReading, part: Part, out: &mut Vec<u8>) -> Result<(), Fault> {
    let values = one.reading.values;
    let (number, places, flags) = match part {
        Part::Of(Quantity::Temperature) => {
            (values.temperature().map(Temperature::hundredths), 2, one.flags.of_temperature())
        }
        Part::Of(Quantity::Moisture) | Part::Both => {
            (values.moisture().map(Moisture::hundredths), 4, one.flags.of_moisture())
        }
    };
    let Some(number) = number else { return Ok(()) };
    let time = civil(one.reading.time);
    write!(out, "{:04}/{:02}/{:02} ", time.year(), time.month(), time.day())?;
    write!(out, "{:02}:{:02} ", time.hour(), time.minute())?;
    let (unit, sign) = (10_u64.pow(places), if number < 0 { "-" } else { "" });
    let (integer, fraction) = (number.unsigned_abs() / unit, number.unsigned_abs() % unit);
    write!(out, "{sign}{integer}.{fraction:0width$} ", width = places as usize)?;
    let mut separator = "";
    for name in flags.names() {
        write!(out, "{separator}{}", name.trim_start_matches("T-"))?;
        separator = ",";
    }
    out.extend_from_slice(if separator.is_empty() { b"G M\n" } else { b" M\n" });
    Ok(())
}

fn civil(time: UtcInstant) -> DateTime {
    Offset::UTC.to_datetime(time.to_timestamp())
}
