//! A station file, cut into the days that a meter would have sent.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use fieldpost_core::station::{self, Depth, Slot};
use fieldpost_core::{DeviceId, Reading, Reason, Refusal, UtcInstant, dating, message};

use crate::survey::FAR_FUTURE;
use crate::{Error, file};

/// The largest station file: a year of NOAA's hours is 2 MB, a CSV of a year of minutes 25 MB.
const MAX_FILE: u64 = 32 * 1024 * 1024;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const MINUTE_MILLIS: i64 = 60 * 1000;

/// One UTC day of a station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    /// The last instant at which the station was due to measure: when a meter would send the day.
    pub(crate) ends: UtcInstant,
    /// What it measured, in the order of time.
    pub(crate) readings: Vec<Reading>,
    /// The slots at which it was due and measured nothing.
    pub(crate) missing: u64,
}

/// Reads the station file at `path`: its days, in order, never none.
pub(crate) fn load(path: &Path, depth: Depth) -> Result<Vec<Day>, Error> {
    let text = file::read(path, MAX_FILE)?;
    let days = days(&text, depth).map_err(|refusal| Error::Content { file: path.to_owned(), refusal })?;
    if days.is_empty() {
        return Err(Error::NoSlots(path.to_owned()));
    }
    Ok(days)
}

fn days(text: &str, depth: Depth) -> Result<Vec<Day>, Refusal> {
    let mut days = BTreeMap::new();
    for slot in station::parse(text, depth)? {
        check(&slot)?;
        let day = days.entry(slot.time.as_millis().div_euclid(DAY_MILLIS)).or_insert_with(|| Day {
            ends: slot.time,
            readings: Vec::new(),
            missing: 0,
        });
        day.ends = day.ends.max(slot.time);
        match slot.values {
            Some(values) => day.readings.push(Reading { time: slot.time, values }),
            None => day.missing += 1,
        }
    }
    Ok(days.into_values().collect())
}

/// Refuses an instant that a dated line cannot carry to the gateway unchanged.
fn check(slot: &Slot<'_>) -> Result<(), Refusal> {
    dating::check(slot.time, FAR_FUTURE)?;
    if slot.time.as_millis().rem_euclid(MINUTE_MILLIS) != 0 {
        let detail = format!("{} is not a whole minute, and a line's time has no seconds", slot.time);
        return Err(Refusal::new(Reason::BadTime, detail));
    }
    Ok(())
}

impl Day {
    /// The day as `YYYY-MM-DD`.
    pub(crate) fn date(&self) -> String {
        self.ends.to_timestamp().strftime("%F").to_string()
    }

    /// The day as `device`'s message: dated lines, or the id alone if nothing was measured, because the meter itself is there.
    pub(crate) fn message(&self, device: &DeviceId) -> String {
        if self.readings.is_empty() {
            return format!("{device}\n");
        }
        self.readings.iter().map(|reading| message::dated_line(device, reading)).collect()
    }

    /// How long after `first` this day is due, at `speed` times real time.
    pub(crate) fn due_after(&self, first: &Self, speed: f64) -> Duration {
        let real = self.ends.duration_since(first.ends).as_secs_f64();
        Duration::try_from_secs_f64(real / speed).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "device,time,temperature_c,moisture_pct\n\
                       x,2019-01-01T23:00:00Z,1.1,40.9\n\
                       x,2019-01-02T00:00:00Z,,40.7\n\
                       x,2019-01-02T01:00:00Z,,\n\
                       x,2019-01-03T01:00:00Z,,\n";

    #[test]
    fn days_are_utc_days_and_missing_slots_are_counted() {
        let days = days(CSV, Depth::Cm5).unwrap();
        let seen: Vec<_> = days.iter().map(|day| (day.date(), day.readings.len(), day.missing)).collect();
        let day = |date: &str, readings, missing| (date.to_owned(), readings, missing);
        assert_eq!(seen, [day("2019-01-01", 1, 0), day("2019-01-02", 1, 1), day("2019-01-03", 0, 1)]);
    }

    #[test]
    fn a_day_is_dated_lines_and_a_silent_day_the_id_alone() {
        let days = days(CSV, Depth::Cm5).unwrap();
        let id = DeviceId::new("ithaca").unwrap();
        assert_eq!(days[0].message(&id), "ithaca 2019-01-01 23:00Z - 1.1 - 40.9%\n\n");
        assert_eq!(days[1].message(&id), "ithaca 2019-01-02 00:00Z - - - 40.7%\n\n");
        assert_eq!(days[2].message(&id), "ithaca\n");
    }

    #[test]
    fn days_are_due_by_the_time_of_their_last_slot() {
        let days = days(CSV, Depth::Cm5).unwrap();
        assert_eq!(days[1].due_after(&days[0], 3600.0), Duration::from_secs(2));
        assert_eq!(days[2].due_after(&days[0], 1.0), Duration::from_secs(26 * 3600));
        assert_eq!(days[2].due_after(&days[0], f64::MIN_POSITIVE), Duration::MAX);
    }

    #[test]
    fn instants_that_a_line_cannot_carry_are_refused() {
        let reason = |time: &str| {
            let csv = format!("device,time,temperature_c,moisture_pct\nx,{time},1,\n");
            days(&csv, Depth::Cm5).unwrap_err().reason()
        };
        assert_eq!(reason("2019-01-01T23:00:01Z"), Reason::BadTime);
        assert_eq!(reason("1999-12-31T23:00:00Z"), Reason::TooOld);
    }
}
