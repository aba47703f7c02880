//! Real measurements, cut into days, in hundredths: read by hand, because an oracle that shared the product's
//! reader would share its mistakes.

use crate::ledger::Told;
use anyhow::{Context, Result, bail};
use fieldpost_core::UtcInstant;

const HEADER: &str = "device,time,temperature_c,moisture_pct";

/// A station and its year; docs in samples/PROVENANCE.md.
#[derive(Debug, Clone, Copy)]
pub(super) struct Station {
    /// Its name.
    pub(super) name: &'static str,
    csv: &'static str,
}

/// One for each host.
pub(super) const STATIONS: [Station; 4] = [
    Station { name: "ithaca", csv: include_str!("../../../samples/ithaca.csv") },
    Station { name: "dinosaur", csv: include_str!("../../../samples/dinosaur.csv") },
    Station { name: "mercury", csv: include_str!("../../../samples/mercury.csv") },
    Station { name: "socorro", csv: include_str!("../../../samples/socorro.csv") },
];

/// What a station was due to measure on one UTC day.
#[derive(Debug, Clone)]
pub(super) struct Day {
    /// As `YYYY-MM-DD`.
    pub(super) date: String,
    /// Its lines of the file.
    rows: Vec<&'static str>,
    /// What was measured; the empty slots are left out.
    pub(super) readings: Vec<Told>,
}

impl Station {
    /// Its days, oldest first.
    pub(super) fn days(&self) -> Result<Vec<Day>> {
        let mut days: Vec<Day> = Vec::new();
        for row in self.csv.lines().skip(1) {
            let told = reading(row).with_context(|| format!("samples/{}.csv: `{row}`", self.name))?;
            let date = row.split(',').nth(1).and_then(|time| time.get(..10)).unwrap_or_default();
            if days.last().is_none_or(|day| day.date != date) {
                days.push(Day { date: date.to_owned(), rows: Vec::new(), readings: Vec::new() });
            }
            if let Some(day) = days.last_mut() {
                day.rows.push(row);
                day.readings.extend(told);
            }
        }
        Ok(days)
    }
}

impl Day {
    /// Readings that are in no station file.
    pub(super) fn undated(readings: Vec<Told>) -> Self {
        Self { date: String::new(), rows: Vec::new(), readings }
    }
}

/// A station file of these days.
pub(super) fn file<'a>(days: impl IntoIterator<Item = &'a Day>) -> String {
    let rows = days.into_iter().flat_map(|day| day.rows.iter().copied());
    [HEADER].into_iter().chain(rows).flat_map(|row| [row, "\n"]).collect()
}

/// A row's reading; None if nothing was measured.
fn reading(row: &str) -> Result<Option<Told>> {
    let cells: Vec<&str> = row.split(',').collect();
    let [_, time, temperature, moisture] = cells[..] else { bail!("there are not four cells") };
    let time: UtcInstant = time.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let (temperature, moisture) = (hundredths(temperature)?, hundredths(moisture)?);
    let measured = temperature.is_some() || moisture.is_some();
    Ok(measured.then_some(Told { time: time.as_millis(), temperature, moisture }))
}

/// `-2.5` is -250, an empty cell nothing.
pub(super) fn hundredths(cell: &str) -> Result<Option<i64>> {
    if cell.is_empty() {
        return Ok(None);
    }
    let (sign, digits) = cell.strip_prefix('-').map_or((1, cell), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{whole}{fraction:0<2}");
    let value: i64 = padded.parse().with_context(|| format!("`{cell}` is not a number"))?;
    Ok(Some(sign * value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_is_its_days_and_every_row_is_in_one() {
        let days = STATIONS[0].days().unwrap();
        assert_eq!(days.len(), 366, "365, and the hour that ends the last at midnight");
        assert_eq!(days.iter().map(|day| day.rows.len()).sum::<usize>(), 8760);
        assert_eq!(days.iter().map(|day| day.readings.len()).sum::<usize>(), 8426, "as PROVENANCE.md has it");
        let first = Told { time: 1_546_304_400_000, temperature: Some(110), moisture: Some(4090) };
        assert_eq!((days[0].date.as_str(), days[0].readings[0]), ("2019-01-01", first));
        assert_eq!(file(&days).trim_end(), STATIONS[0].csv.trim_end());
    }

    #[test]
    fn numbers_are_hundredths() {
        for (text, value) in [("-2.5", Some(-250)), ("-0.05", Some(-5)), ("4", Some(400)), ("", None)] {
            assert_eq!(hundredths(text).unwrap(), value, "{text}");
        }
        assert!(hundredths("warm").is_err());
    }
}
