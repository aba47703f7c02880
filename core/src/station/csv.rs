//! Our own CSV: what the cloud exports and the device replays.
//!
//! ```text
//! device,time,temperature_c,moisture_pct
//! ithaca,2019-01-01T01:00:00Z,1.1,40.9
//! dinosaur,2019-01-01T01:00:00Z,-2.5,
//! ```
//!
//! Times are RFC 3339 in UTC, ending in `Z`; numbers have no needless zeros; an empty cell is a missing value. Nothing is ever
//! quoted, because no device id holds a comma. A row with both cells empty is a slot at which nothing was measured.

use alloc::format;
use alloc::string::String;

use super::Slot;
use crate::decimal::Decimal;
use crate::refusal::Quoted;
use crate::{DeviceId, Moisture, Reading, Reason, Refusal, Temperature, UtcInstant, Values};

/// The first line, without its newline.
pub const HEADER: &str = "device,time,temperature_c,moisture_pct";

/// One reading as a row, with its newline.
#[must_use]
pub fn row(device: &DeviceId, reading: &Reading) -> String {
    let mut row = format!("{device},{},", reading.time);
    if let Some(temperature) = reading.values.temperature() {
        row.push_str(&format!("{temperature}"));
    }
    row.push(',');
    if let Some(moisture) = reading.values.moisture() {
        row.push_str(&format!("{moisture}"));
    }
    row.push('\n');
    row
}

/// Reads one row, with or without its line end.
///
/// # Errors
/// When the row has not four cells, or one of them is not of its form.
pub fn parse_row(line: &str) -> Result<Slot<'_>, Refusal> {
    let line = line.trim_end_matches(['\r', '\n']);
    let mut cells = line.split(',');
    let (Some(name), Some(time), Some(temperature), Some(moisture), None) =
        (cells.next(), cells.next(), cells.next(), cells.next(), cells.next())
    else {
        return Err(wrong_count(line.split(',').count()));
    };
    DeviceId::new(name).map_err(|invalid| Refusal::new(Reason::BadDevice, format!("{invalid}")))?;
    let time = instant(time)?;
    let temperature = temperature_of(temperature)?;
    let moisture = moisture_of(moisture)?;
    Ok(Slot { name, time, values: Values::new(temperature, moisture) })
}

fn wrong_count(found: usize) -> Refusal {
    let reason = if found < 4 { Reason::Truncated } else { Reason::Malformed };
    Refusal::new(reason, format!("{found} cells where a row has four, {HEADER}; is the file complete?"))
}

fn instant(cell: &str) -> Result<UtcInstant, Refusal> {
    cell.parse().map_err(|_| {
        let detail =
            format!("time {} is not RFC 3339 in UTC; write it as 2025-07-01T08:00:00Z", Quoted(cell));
        Refusal::new(Reason::BadTime, detail)
    })
}

fn temperature_of(cell: &str) -> Result<Option<Temperature>, Refusal> {
    if cell.is_empty() {
        return Ok(None);
    }
    let value =
        Decimal::parse_plain(cell).and_then(|number| number.scaled(2)).and_then(Temperature::from_hundredths);
    value.map(Some).ok_or_else(|| {
        let detail =
            format!("temperature {} is not degrees Celsius, such as 20.5, from -100 to 100", Quoted(cell));
        Refusal::new(Reason::BadTemperature, detail)
    })
}

fn moisture_of(cell: &str) -> Result<Option<Moisture>, Refusal> {
    if cell.is_empty() {
        return Ok(None);
    }
    let value =
        Decimal::parse_plain(cell).and_then(|number| number.scaled(2)).and_then(Moisture::from_hundredths);
    value.map(Some).ok_or_else(|| {
        let detail = format!("moisture {} is not percent, such as 30.5, from 0 to 100", Quoted(cell));
        Refusal::new(Reason::BadMoisture, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::option;
    use proptest::prelude::*;

    #[test]
    fn rows_are_as_the_interface_documents_them() {
        let device = DeviceId::new("ithaca").unwrap();
        let time = "2019-01-01T01:00:00Z".parse().unwrap();
        let both = Values::new(Temperature::from_hundredths(110), Moisture::from_hundredths(4090)).unwrap();
        let cold = Values::new(Temperature::from_hundredths(-250), None).unwrap();
        let wet = Values::new(None, Moisture::from_hundredths(5)).unwrap();
        assert_eq!(row(&device, &Reading { time, values: both }), "ithaca,2019-01-01T01:00:00Z,1.1,40.9\n");
        assert_eq!(row(&device, &Reading { time, values: cold }), "ithaca,2019-01-01T01:00:00Z,-2.5,\n");
        assert_eq!(row(&device, &Reading { time, values: wet }), "ithaca,2019-01-01T01:00:00Z,,0.05\n");
    }

    #[test]
    fn a_row_with_two_empty_cells_is_a_slot_without_values() {
        let slot = parse_row("ithaca,2019-01-27T22:00:00Z,,\r\n").unwrap();
        assert_eq!((slot.name, slot.values), ("ithaca", None));
        assert_eq!(slot.time.to_string(), "2019-01-27T22:00:00Z");
    }

    #[test]
    fn wrong_rows_are_refused_by_their_reason() {
        for (line, reason) in [
            ("", Reason::Truncated),
            ("a,2019-01-01T01:00:00Z,1.1", Reason::Truncated),
            ("a,2019-01-01T01:00:00Z,1.1,40,9", Reason::Malformed),
            ("a b,2019-01-01T01:00:00Z,1.1,", Reason::BadDevice),
            (",2019-01-01T01:00:00Z,1.1,", Reason::BadDevice),
            ("a,2019-01-01 01:00,1.1,", Reason::BadTime),
            ("a,2019-02-30T01:00:00Z,1.1,", Reason::BadTime),
            ("a,2019-01-01T01:00:00Z,warm,", Reason::BadTemperature),
            ("a,2019-01-01T01:00:00Z,100.01,", Reason::BadTemperature),
            ("a,2019-01-01T01:00:00Z,-,", Reason::BadTemperature),
            ("a,2019-01-01T01:00:00Z,,30%", Reason::BadMoisture),
            ("a,2019-01-01T01:00:00Z,,-1", Reason::BadMoisture),
        ] {
            assert_eq!(parse_row(line).unwrap_err().reason(), reason, "{line}");
        }
    }

    proptest! {
        #[test]
        fn printing_then_parsing_is_the_identity(
            name in "[A-Za-z0-9][A-Za-z0-9:._-]{0,62}",
            millis in 946_684_800_000_i64..4_102_444_800_000,
            temperature in option::of(-10_000_i64..=10_000),
            moisture in option::of(0_i64..=10_000),
        ) {
            prop_assume!(temperature.is_some() || moisture.is_some());
            let device = DeviceId::new(&name).unwrap();
            let values = Values::new(
                temperature.and_then(Temperature::from_hundredths),
                moisture.and_then(Moisture::from_hundredths),
            );
            let time = UtcInstant::from_millis(millis);
            let line = row(&device, &Reading { time, values: values.unwrap() });
            prop_assert_eq!(parse_row(&line), Ok(Slot { name: &name, time, values }));
        }

        #[test]
        fn no_row_panics(line in "\\PC{0,80}") {
            let _ = parse_row(&line);
        }
    }
}
