//! Calendar days in a zone, and the slots that fall due in them. No input, no output, no clock.

use fieldpost_core::UtcInstant;
use jiff::{civil::Date, tz::TimeZone};
use std::collections::BTreeMap;

/// Readings below this number say nothing of an interval.
const MIN_READINGS: usize = 3;

/// A bound of what is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    Instant(UtcInstant),
    /// Its first instant, wherever it is that day.
    Day(Date),
}

impl When {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time; write 2026-07-01 or 2026-07-01T08:00:00Z");
        match text.parse::<UtcInstant>() {
            Ok(instant) => Ok(Self::Instant(instant)),
            Err(_) if text.len() > "2026-07-01".len() => Err(wrong()),
            Err(_) => text.parse().map(Self::Day).map_err(|_| wrong()),
        }
    }

    pub(crate) fn instant(self, zone: &TimeZone) -> UtcInstant {
        match self {
            Self::Instant(instant) => instant,
            Self::Day(day) => {
                zone.to_timestamp(day.at(0, 0, 0, 0)).map_or(UtcInstant::LATEST, UtcInstant::from)
            }
        }
    }
}

/// Tells the day of each instant; quick when they come in order.
pub(crate) struct Calendar {
    zone: TimeZone,
    /// The day of the last instant: its date, its first millisecond, and that of the day after.
    day: Option<(Date, i64, i64)>,
}

impl Calendar {
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self { zone, day: None }
    }

    /// The day in which `instant` is.
    pub(crate) fn day(&mut self, instant: UtcInstant) -> Date {
        let millis = instant.as_millis();
        if let Some((date, start, end)) = self.day
            && (start..end).contains(&millis)
        {
            return date;
        }
        let date = self.zone.to_datetime(instant.to_timestamp()).date();
        let (start, end) = self.bounds(date);
        self.day = Some((date, start, end));
        date
    }

    /// The first millisecond of a day, and of the day after: 23, 24 or 25 hours apart.
    pub(crate) fn bounds(&self, date: Date) -> (i64, i64) {
        (self.start(date), date.tomorrow().map_or(i64::MAX, |next| self.start(next)))
    }

    fn start(&self, date: Date) -> i64 {
        self.zone.to_timestamp(date.at(0, 0, 0, 0)).map_or(i64::MAX, |start| start.as_millisecond())
    }
}

/// When a device is due to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    /// In milliseconds.
    pub(crate) interval: i64,
    /// A slot: all others are whole intervals from it.
    anchor: i64,
}

impl Slots {
    /// Slots of `interval` milliseconds, or, if that is not given, of what `times`, in order and each once, suggest: the most common
    /// difference between neighbours, the smaller one of two that are as common. None if they suggest nothing.
    pub(crate) fn of(times: &[UtcInstant], interval: Option<i64>) -> Option<Self> {
        let interval = interval.or_else(|| inferred(times))?;
        // Most readings stand on the device's slots; a stray one, be it the first, must not shift them.
        let phases = times.iter().map(|time| time.as_millis().rem_euclid(interval));
        Some(Self { interval, anchor: most_common(phases)? })
    }

    /// How many slots there are from `from`, inclusive, to `to`, exclusive, both in milliseconds.
    pub(crate) fn due(self, from: i64, to: i64) -> u64 {
        let before = |millis: i64| {
            millis.saturating_sub(self.anchor).saturating_add(self.interval - 1).div_euclid(self.interval)
        };
        u64::try_from(before(to).saturating_sub(before(from))).unwrap_or(0)
    }
}

fn inferred(times: &[UtcInstant]) -> Option<i64> {
    if times.len() < MIN_READINGS {
        return None;
    }
    let pairs = times.iter().zip(times.iter().skip(1));
    most_common(pairs.map(|(one, next)| next.as_millis() - one.as_millis()).filter(|gap| *gap > 0))
}

/// The most common number; of several, the smallest.
fn most_common(numbers: impl Iterator<Item = i64>) -> Option<i64> {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_default() += 1);
    // Of equal maxima the last one counts, so the smallest number goes last.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn hours(list: &[i64]) -> Vec<UtcInstant> {
        list.iter().map(|hour| UtcInstant::from_millis(hour * HOUR)).collect()
    }

    #[test]
    fn the_interval_is_the_most_common_difference_and_the_smaller_of_two() {
        let interval = |list: &[i64]| Slots::of(&hours(list), None).map(|slots| slots.interval / HOUR);
        assert_eq!(interval(&[0, 1, 2, 5, 6]), Some(1));
        assert_eq!(interval(&[0, 4, 8, 12, 24, 28]), Some(4));
        assert_eq!(interval(&[0, 2, 5]), Some(2), "2 and 3 are as common");
        assert_eq!(interval(&[0, 2]), None);
        assert_eq!(Slots::of(&hours(&[0, 2]), Some(HOUR)).unwrap().interval, HOUR);
        assert_eq!(Slots::of(&[], Some(HOUR)), None);
    }

    #[test]
    fn days_of_23_and_25_hours_have_as_many_slots() {
        let mut calendar = Calendar::new(TimeZone::get("Europe/Rome").unwrap());
        let slots = Slots::of(&hours(&[0, 1, 2]), None).unwrap();
        for (noon, due) in
            [("2026-03-28T12:00:00Z", 24), ("2026-03-29T12:00:00Z", 23), ("2026-10-25T12:00:00Z", 25)]
        {
            let day = calendar.day(noon.parse().unwrap());
            let (start, end) = calendar.bounds(day);
            assert_eq!(slots.due(start, end), due, "{noon}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_of_its_zone() {
        let mut calendar = Calendar::new(TimeZone::get("Europe/Rome").unwrap());
        let mut day = |text: &str| calendar.day(text.parse().unwrap()).to_string();
        assert_eq!(day("2026-07-01T21:59:59.999Z"), "2026-07-01");
        assert_eq!(day("2026-07-01T22:00:00Z"), "2026-07-02");
        assert_eq!(day("2026-07-01T21:59:59Z"), "2026-07-01");
    }

    #[test]
    fn slots_are_counted_from_the_first_to_the_last_instant() {
        let slots = Slots::of(&hours(&[1, 2, 3]), None).unwrap();
        assert_eq!(slots.due(HOUR, 3 * HOUR + 1), 3);
        assert_eq!(slots.due(HOUR, 3 * HOUR), 2);
        assert_eq!(slots.due(HOUR + 1, 3 * HOUR + 1), 2);
        assert_eq!(slots.due(HOUR, HOUR), 0);
    }
}
