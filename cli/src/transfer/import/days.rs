//! Slots become surveys: a device's UTC day.

use fieldpost_core::{DeviceId, Reading, Survey, UtcInstant, station::Slot};
use std::collections::BTreeMap;

/// Readings that are held before surveys are sent: files in the order of time go through all devices for each day.
const MAX_HELD: usize = 48_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

type Key = (DeviceId, i64);

/// A survey, and the lines that it is from.
#[derive(Debug)]
pub(super) struct FromFile {
    pub(super) survey: Survey,
    /// The first and the last one.
    pub(super) lines: (usize, usize),
}

#[derive(Debug, Default)]
struct Day {
    readings: Vec<Reading>,
    lines: Option<(usize, usize)>,
    /// One of its lines is bad.
    bad: bool,
}

/// The surveys of a file, as far as they have been read.
#[derive(Debug, Default)]
pub(super) struct Days {
    days: BTreeMap<Key, Day>,
    held: usize,
    /// Of the line before.
    last: Option<Key>,
    /// The line before is bad, and nobody knows whose it is: perhaps the next one's.
    doubt: bool,
}

impl Days {
    /// Takes a line's slot. One without values adds nothing, but belongs to its day.
    pub(super) fn take(&mut self, line: usize, device: DeviceId, slot: Slot<'_>) {
        let key = (device, slot.time.as_millis().div_euclid(DAY));
        let day = self.days.entry(key.clone()).or_default();
        day.bad |= std::mem::take(&mut self.doubt);
        day.lines = Some((day.lines.map_or(line, |(first, _)| first), line));
        if let Some(values) = slot.values {
            day.readings.push(Reading { time: slot.time, values });
            self.held += 1;
        }
        self.last = Some(key);
    }

    /// A line is bad: its day is not sent. If it does not say whose it is, the days of the lines before and behind are not.
    pub(super) fn spoil(&mut self, line: usize, place: Option<(DeviceId, UtcInstant)>) {
        let key = place.map(|(device, time)| (device, time.as_millis().div_euclid(DAY)));
        self.doubt |= key.is_none();
        if let Some(key) = key.or_else(|| self.last.clone()) {
            let day = self.days.entry(key.clone()).or_default();
            day.bad = true;
            day.lines = Some((day.lines.map_or(line, |(first, _)| first), line));
            self.last = Some(key);
        }
    }

    /// Whether it is time to [`Days::drain`].
    pub(super) fn is_full(&self) -> bool {
        self.held >= MAX_HELD
    }

    /// All surveys but the last line's, to which the next line may belong.
    pub(super) fn drain(&mut self) -> Vec<FromFile> {
        let open = self.last.clone().and_then(|key| self.days.remove_entry(&key));
        let all = std::mem::take(&mut self.days);
        self.held = open.as_ref().map_or(0, |(_, day)| day.readings.len());
        self.days.extend(open);
        surveys(all)
    }

    /// All surveys: the file has ended.
    pub(super) fn end(mut self) -> Vec<FromFile> {
        surveys(std::mem::take(&mut self.days))
    }
}

fn surveys(days: BTreeMap<Key, Day>) -> Vec<FromFile> {
    let good = days.into_iter().filter(|(_, day)| !day.bad && !day.readings.is_empty());
    let survey = |((device, _), day): (Key, Day)| {
        let lines = day.lines.unwrap_or_default();
        FromFile { survey: Survey { device, readings: day.readings }, lines }
    };
    good.map(survey).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::{Temperature, Values};

    fn take(days: &mut Days, line: usize, device: &str, time: &str) {
        let values = Values::new(Temperature::from_hundredths(100), None);
        let slot = Slot { name: device, time: time.parse().unwrap(), values };
        days.take(line, device.parse().unwrap(), slot);
    }

    fn found(surveys: &[FromFile]) -> Vec<(String, usize, (usize, usize))> {
        let one = |one: &FromFile| (one.survey.device.to_string(), one.survey.readings.len(), one.lines);
        surveys.iter().map(one).collect()
    }

    #[test]
    fn lines_of_a_device_and_day_are_a_survey_in_whatever_order_they_stand() {
        let mut days = Days::default();
        for (line, device, time) in [
            (2, "a", "2026-07-01T00:00:00Z"),
            (3, "b", "2026-07-01T00:00:00Z"),
            (4, "a", "2026-07-01T23:59:59Z"),
            (5, "a", "2026-07-02T00:00:00Z"),
        ] {
            take(&mut days, line, device, time);
        }
        let first = days.drain();
        assert_eq!(found(&first), [("a".into(), 2, (2, 4)), ("b".into(), 1, (3, 3))]);
        take(&mut days, 6, "a", "2026-07-02T01:00:00Z");
        assert_eq!(found(&days.end()), [("a".into(), 2, (5, 6))], "the last line's day was kept");
    }

    #[test]
    fn a_bad_line_spoils_its_day_or_both_that_it_may_belong_to() {
        let days = |place: Option<(&str, &str)>| {
            let mut days = Days::default();
            take(&mut days, 2, "a", "2026-07-01T23:00:00Z");
            days.spoil(3, place.map(|(device, time)| (device.parse().unwrap(), time.parse().unwrap())));
            take(&mut days, 4, "a", "2026-07-02T01:00:00Z");
            take(&mut days, 5, "a", "2026-07-03T01:00:00Z");
            found(&days.end())
        };
        assert_eq!(days(None), [("a".into(), 1, (5, 5))]);
        assert_eq!(
            days(Some(("a", "2026-07-02T00:00:00Z"))),
            [("a".into(), 1, (2, 2)), ("a".into(), 1, (5, 5))]
        );
    }
}
