//! Lines of NOAA's USCRN product `hourly02`: one hour of one station, 38 fields, no header.
//!
//! Fields are separated by spaces (as NOAA publishes them) or commas (as some carriers do), one or more. Of the 38 these
//! are read, counted from 1:
//!
//! | field | name | form |
//! |---|---|---|
//! | 1 | `WBANNO` | text: leading zeros count |
//! | 2, 3 | `UTC_DATE`, `UTC_TIME` | `yyyymmdd`, `HHmm`; the end of the averaged hour |
//! | 29 to 33 | `SOIL_MOISTURE_5` .. `_100` | m³/m³, `-99.000` if missing |
//! | 34 to 38 | `SOIL_TEMP_5` .. `_100` | °C, `-9999.0` if missing |

use alloc::format;
use alloc::vec::Vec;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::{Depth, Slot};
use crate::decimal::Decimal;
use crate::refusal::Quoted;
use crate::{Moisture, Reason, Refusal, Temperature, UtcInstant, Values};

/// How many fields a line has.
pub const FIELDS: usize = 38;

const FIRST_MOISTURE: usize = 28;
const FIRST_TEMPERATURE: usize = 33;

/// -9999.0 °C in hundredths of a degree.
const MISSING_TEMPERATURE: i64 = -999_900;
/// -99.000 m³/m³ in hundredths of a percent.
const MISSING_MOISTURE: i64 = -990_000;

/// Reads one line, without its end, taking the soil of the probe at `depth`.
///
/// # Errors
/// When the line has not 38 fields, or one that is read is no date, time or value.
pub fn parse_line(line: &str, depth: Depth) -> Result<Slot<'_>, Refusal> {
    let separates = |c: char| c == ',' || c.is_ascii_whitespace();
    let fields: Vec<&str> =
        line.split(separates).filter(|field| !field.is_empty()).take(FIELDS + 1).collect();
    if fields.len() != FIELDS {
        return Err(wrong_count(fields.len()));
    }
    let field = |index: usize| fields.get(index).copied().unwrap_or_default();
    let time = time(field(1), field(2))?;
    let temperature = temperature(field(FIRST_TEMPERATURE + depth.column()))?;
    let moisture = moisture(field(FIRST_MOISTURE + depth.column()))?;
    Ok(Slot { name: field(0), time, values: Values::new(temperature, moisture) })
}

fn wrong_count(found: usize) -> Refusal {
    if found > FIELDS {
        return Refusal::new(
            Reason::Malformed,
            format!("more than the {FIELDS} fields of a USCRN hourly02 line"),
        );
    }
    let detail = format!(
        "{found} fields where a USCRN hourly02 line has {FIELDS}; if the file was cut in the middle of a line, copy it again"
    );
    Refusal::new(Reason::Truncated, detail)
}

fn time(date: &str, time: &str) -> Result<UtcInstant, Refusal> {
    civil(date, time).ok_or_else(|| {
        let detail = format!("UTC date and time {} are not yyyymmdd HHmm", Quoted(&format!("{date} {time}")));
        Refusal::new(Reason::BadTime, detail)
    })
}

fn civil(date: &str, time: &str) -> Option<UtcInstant> {
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
    let all_digits =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(date, 8) || !all_digits(time, 4) {
        return None;
    }
    let year: i16 = date.get(..4)?.parse().ok()?;
    let (month, day) = (number(date, 4, 6)?, number(date, 6, 8)?);
    let (hour, minute) = (number(time, 0, 2)?, number(time, 2, 4)?);
    let civil = DateTime::new(year, month, day, hour, minute, 0, 0).ok()?;
    Offset::UTC.to_timestamp(civil).ok().map(UtcInstant::from)
}

fn temperature(text: &str) -> Result<Option<Temperature>, Refusal> {
    let hundredths = Decimal::parse_plain(text).and_then(|number| number.scaled(2));
    if hundredths == Some(MISSING_TEMPERATURE) {
        return Ok(None);
    }
    let value = hundredths.and_then(Temperature::from_hundredths);
    value.map(Some).ok_or_else(|| {
        let detail = format!(
            "soil temperature {} is neither degrees Celsius nor the missing code -9999.0",
            Quoted(text)
        );
        Refusal::new(Reason::BadTemperature, detail)
    })
}

fn moisture(text: &str) -> Result<Option<Moisture>, Refusal> {
    let hundredths = Decimal::parse_plain(text).and_then(|number| number.scaled(4));
    if hundredths == Some(MISSING_MOISTURE) {
        return Ok(None);
    }
    let value = hundredths.and_then(Moisture::from_hundredths);
    value.map(Some).ok_or_else(|| {
        let detail = format!(
            "soil moisture {} is neither a ratio from 0 to 1 nor the missing code -99.000",
            Quoted(text)
        );
        Refusal::new(Reason::BadMoisture, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    // Lines of NOAA's files as they are.
    const ITHACA: &str = concat!(
        "64758 20190101 0100 20181231 2000  2.622  -76.25   42.44     3.1     2.8     3.1     2.5     1.",
        "7      0 0      0 0      0 0 C     2.1 0     2.4 0     1.9 0    89 0   0.409   0.392   0.390   ",
        "0.369   0.365     1.1     1.3     1.8     2.8     4.3",
    );
    const ITHACA_SILENT: &str = concat!(
        "64758 20190126 0300 20190125 2200 -9.000  -76.25   42.44 -9999.0 -9999.0 -9999.0 -9999.0 -9999.",
        "0 -99999 0 -99999 0 -99999 0 U -9999.0 0 -9999.0 0 -9999.0 0 -9999 0 -99.000 -99.000 -99.000 -9",
        "9.000 -99.000 -9999.0 -9999.0 -9999.0 -9999.0 -9999.0",
    );
    const DINOSAUR_FROZEN: &str = concat!(
        "94082 20190101 0100 20181231 1800  2.622 -108.97   40.24   -13.5   -12.9   -11.9   -13.5     0.",
        "0      0 0      2 0      0 0 C   -18.8 0   -15.7 0   -20.9 0    57 0 -99.000 -99.000 -99.000   ",
        "0.170   0.207    -2.5    -1.8    -0.8     1.1     4.0",
    );
    const MERCURY_MOISTURE_ALONE: &str = concat!(
        "53136 20250702 2000 20250702 1200  2.622 -116.02   36.62    21.6    26.2    30.4    21.0     2.",
        "9    203 0    988 0     39 0 C    29.6 0    36.8 0    21.3 0    44 0   0.023   0.045   0.057   ",
        "0.054   0.058 -9999.0    33.4    33.1 -9999.0    32.1",
    );
    const SOCORRO_COMMAS: &str = concat!(
        "03048,20210101,0000,20201231,1700,2.622,-106.89,34.36,4.2,6.3,7.2,4.2,0.0,86,0,179,0,0,0,C,0.5,",
        "0,3.7,0,-3.4,0,18,0,0.103,0.086,0.062,0.037,0.062,4.8,4.5,3.7,5.7,7.1",
    );

    fn read(line: &str, depth: Depth) -> (String, String, Option<i64>, Option<i64>) {
        let slot = parse_line(line, depth).unwrap();
        let temperature = slot.values.and_then(Values::temperature).map(Temperature::hundredths);
        let moisture = slot.values.and_then(Values::moisture).map(Moisture::hundredths);
        (slot.name.to_string(), slot.time.to_string(), temperature, moisture)
    }

    fn hour(
        name: &str,
        time: &str,
        t: Option<i64>,
        m: Option<i64>,
    ) -> (String, String, Option<i64>, Option<i64>) {
        (name.to_string(), time.to_string(), t, m)
    }

    #[test]
    fn real_lines_give_the_values_of_the_chosen_probe() {
        assert_eq!(read(ITHACA, Depth::Cm5), hour("64758", "2019-01-01T01:00:00Z", Some(110), Some(4090)));
        assert_eq!(read(ITHACA, Depth::Cm100), hour("64758", "2019-01-01T01:00:00Z", Some(430), Some(3650)));
        assert_eq!(
            read(SOCORRO_COMMAS, Depth::Cm50),
            hour("03048", "2021-01-01T00:00:00Z", Some(570), Some(370))
        );
    }

    #[test]
    fn a_missing_value_is_missing_and_never_a_number() {
        assert_eq!(
            read(DINOSAUR_FROZEN, Depth::Cm5),
            hour("94082", "2019-01-01T01:00:00Z", Some(-250), None)
        );
        assert_eq!(
            read(MERCURY_MOISTURE_ALONE, Depth::Cm5),
            hour("53136", "2025-07-02T20:00:00Z", None, Some(230))
        );
        assert_eq!(read(ITHACA_SILENT, Depth::Cm5), hour("64758", "2019-01-26T03:00:00Z", None, None));
    }

    #[test]
    fn a_line_cut_short_is_truncated_wherever_it_loses_a_field() {
        for (end, _) in ITHACA.match_indices(' ') {
            let refusal = parse_line(&ITHACA[..end], Depth::Cm5).unwrap_err();
            assert_eq!(refusal.reason(), Reason::Truncated, "cut after {end} bytes");
        }
    }

    #[test]
    fn wrong_fields_are_refused_by_their_reason() {
        for (right, wrong, reason) in [
            ("20190101 0100", "20190230 0100", Reason::BadTime),
            ("20190101 0100", "20190101 2400", Reason::BadTime),
            ("20190101 0100", "20190101 0161", Reason::BadTime),
            ("20190101 0100", "2019-1-1 0100", Reason::BadTime),
            ("0.409", "1.001", Reason::BadMoisture),
            ("0.409", "-0.10", Reason::BadMoisture),
            ("0.409", "NaN", Reason::BadMoisture),
            ("    1.1     1.3", "  100.1     1.3", Reason::BadTemperature),
            ("    1.1     1.3", "    1e1     1.3", Reason::BadTemperature),
            ("    1.1     1.3", "-99999.     1.3", Reason::BadTemperature),
            ("64758", "64758 1", Reason::Malformed),
        ] {
            let line = ITHACA.replacen(right, wrong, 1);
            assert_ne!(line, ITHACA, "{right} is in the line");
            assert_eq!(parse_line(&line, Depth::Cm5).unwrap_err().reason(), reason, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "[0-9 ,.é-]{0,300}") {
            let _ = parse_line(&line, Depth::Cm20);
        }

        #[test]
        fn no_field_of_a_real_line_panics_whatever_stands_in_it(field in 0_usize..38, text in "\\PC{0,12}") {
            let mut fields: Vec<&str> = SOCORRO_COMMAS.split(',').collect();
            fields[field] = &text;
            let _ = parse_line(&fields.join(","), Depth::Cm5);
        }

        #[test]
        fn every_ratio_of_three_decimals_is_an_exact_percent(thousandths in 0_i64..=1000) {
            let ratio = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            let line = ITHACA.replacen("0.409", &ratio, 1);
            prop_assert_eq!(read(&line, Depth::Cm5).3, Some(thousandths * 10));
        }
    }
}
