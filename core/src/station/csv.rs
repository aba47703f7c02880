//! Our own CSV: what the cloud exports and the device replays.
//!
//! ```text
//! device,time,temperature_c,moisture_pct
//! ithaca,2019-01-01T01:00:00Z,1.1,40.9
//! dinosaur,2019-01-01T01:00:00Z,-2.5,
//! ```
//!
//! Exports have one column more, `flags`: what the rules of [`crate::quality`] object to, by name with a space between,
//! or `G`. Reading such a file, the names are checked and then left: whoever stores the values examines them again.
//!
//! Times are RFC 3339 in UTC, ending in `Z`; numbers have no needless zeros; an empty cell is a missing value. Nothing is ever
//! quoted, because no device id holds a comma. A row with both cells empty is a slot at which nothing was measured.

use alloc::format;
use alloc::string::String;

use super::Slot;
use crate::decimal::Decimal;
use crate::quality::Flags;
use crate::refusal::Quoted;
use crate::{DeviceId, Moisture, Reading, Reason, Refusal, Temperature, UtcInstant, Values};

/// The first line, without its newline.
pub const HEADER: &str = "device,time,temperature_c,moisture_pct";

/// The first line of a file with flags, without its newline.
pub const HEADER_WITH_FLAGS: &str = "device,time,temperature_c,moisture_pct,flags";

/// The columns of a file, as its first line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// [`HEADER`].
    Values,
    /// [`HEADER_WITH_FLAGS`].
    ValuesAndFlags,
}

impl Columns {
    /// The columns of a file that begins with this line; None if it is no CSV of ours.
    #[must_use]
    pub fn of(header: &str) -> Option<Self> {
        match header.trim_end() {
            HEADER => Some(Self::Values),
            HEADER_WITH_FLAGS => Some(Self::ValuesAndFlags),
            _ => None,
        }
    }

    /// Reads one row, with or without its line end.
    ///
    /// # Errors
    /// As [`parse_row`], and when the flags are none.
    pub fn parse_row(self, line: &str) -> Result<Slot<'_>, Refusal> {
        let line = line.trim_end_matches(['\r', '\n']);
        if self == Self::Values {
            return parse_row(line);
        }
        let found = line.split(',').count();
        let Some((row, flags)) = line.rsplit_once(',').filter(|_| found == 5) else {
            let reason = if found < 5 { Reason::Truncated } else { Reason::Malformed };
            let detail =
                format!("{found} cells where a row has five, {HEADER_WITH_FLAGS}; is the file complete?");
            return Err(Refusal::new(reason, detail));
        };
        if Flags::parse(flags).is_none() {
            let detail = format!("flags {} are not G, or names such as D06 D10", Quoted(flags));
            return Err(Refusal::new(Reason::Malformed, detail));
        }
        parse_row(row)
    }
}

/// One reading and its flags as a row of a file with flags, with its newline.
#[must_use]
pub fn row_with_flags(device: &DeviceId, reading: &Reading, flags: Flags) -> String {
    let mut row = row(device, reading);
    row.pop();
    row.push_str(&format!(",{flags}\n"));
    row
}

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
    fn rows_with_flags_are_read_only_under_their_header() {
        let flags = Flags::D06.with(Flags::D09);
        let device = DeviceId::new("ithaca").unwrap();
        let values = Values::new(Temperature::from_hundredths(110), None).unwrap();
        let reading = Reading { time: "2019-01-01T01:00:00Z".parse().unwrap(), values };
        let line = row_with_flags(&device, &reading, flags);
        assert_eq!(line, "ithaca,2019-01-01T01:00:00Z,1.1,,D06 D09\n");
        assert_eq!(
            Columns::of("device,time,temperature_c,moisture_pct,flags\r\n"),
            Some(Columns::ValuesAndFlags)
        );
        assert_eq!(Columns::of("device,time,temperature_c"), None);
        let slot = Columns::ValuesAndFlags.parse_row(&line).unwrap();
        assert_eq!((slot.name, slot.time, slot.values), ("ithaca", reading.time, Some(values)));
        let refused = |columns: Columns, line| columns.parse_row(line).unwrap_err().reason();
        assert_eq!(refused(Columns::Values, &line), Reason::Malformed);
        assert_eq!(refused(Columns::ValuesAndFlags, "ithaca,2019-01-01T01:00:00Z,1.1,"), Reason::Truncated);
        assert_eq!(refused(Columns::ValuesAndFlags, "ithaca,2019-01-01T01:00:00Z,1,1,30"), Reason::Malformed);
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
