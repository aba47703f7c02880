//! Slots become surveys: a device's UTC day.
//!
//! A bad line refuses its day whole. In a file in the order of time or of devices nothing of that day has been sent when the line comes:
//! what is held back goes when the next day has begun. Only a day of more readings than half of what may be held goes in parts, and a
//! day whose lines stand far apart; then nothing more of it is sent.

use fieldpost_core::{DeviceId, Reading, Survey, UtcInstant, station::Slot};
use std::collections::BTreeMap;

/// Days with a bad line that are remembered. A file with more is no file of readings.
const MAX_BAD: usize = 10_000;
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
#[derive(Debug)]
pub(super) struct Days {
    /// The bad ones stay to the end, without their readings: lines of theirs may still come.
    days: BTreeMap<Key, Day>,
    /// Readings in them.
    held: usize,
    /// And how many there may be.
    limit: usize,
    bad: usize,
    /// Of the line before.
    last: Option<Key>,
    /// The line before is bad, and nobody knows whose it is: perhaps the next one's.
    doubt: bool,
    /// Surveys have been drained, perhaps without lines of theirs that come later.
    parts: bool,
}

impl Days {
    /// None yet; at most `limit` readings are held.
    pub(super) fn new(limit: usize) -> Self {
        let days = BTreeMap::new();
        Self { days, held: 0, limit, bad: 0, last: None, doubt: false, parts: false }
    }

    /// Takes a line's slot. One without values adds nothing, but belongs to its day.
    pub(super) fn take(&mut self, line: usize, device: DeviceId, slot: Slot<'_>) {
        let key = (device, slot.time.as_millis().div_euclid(DAY));
        if std::mem::take(&mut self.doubt) {
            self.mark(line, &key);
        }
        let day = self.days.entry(key.clone()).or_default();
        day.lines = Some((day.lines.map_or(line, |(first, _)| first), line));
        if let Some(values) = slot.values.filter(|_| !day.bad) {
            day.readings.push(Reading { time: slot.time, values });
            self.held += 1;
        }
        self.last = Some(key);
    }

    /// A line is bad: its day is not sent. If it does not say whose it is, the days of the lines before and behind are not. False if
    /// there are too many such days.
    pub(super) fn spoil(&mut self, line: usize, place: Option<(DeviceId, UtcInstant)>) -> bool {
        let key = place.map(|(device, time)| (device, time.as_millis().div_euclid(DAY)));
        self.doubt |= key.is_none();
        if let Some(key) = key.or_else(|| self.last.clone()) {
            self.mark(line, &key);
            self.last = Some(key);
        }
        self.bad <= MAX_BAD
    }

    fn mark(&mut self, line: usize, key: &Key) {
        let day = self.days.entry(key.clone()).or_default();
        self.bad += usize::from(!day.bad);
        day.bad = true;
        day.lines = Some((day.lines.map_or(line, |(first, _)| first), line));
        self.held = self.held.saturating_sub(std::mem::take(&mut day.readings).len());
    }

    /// Whether it is time to [`Days::drain`].
    pub(super) fn is_full(&self) -> bool {
        self.held >= self.limit
    }

    /// Whether something of the day of a line to come may have been drained.
    pub(super) fn sends_in_parts(&self) -> bool {
        self.parts
    }

    /// All surveys but those of the last line's day, to which the next lines may belong, of that device or another; unless they alone
    /// are too many.
    pub(super) fn drain(&mut self) -> Vec<FromFile> {
        let last = self.last.clone();
        let same_day = |key: &Key| last.as_ref().is_some_and(|last| key.1 == last.1);
        let same = |key: &Key| last.as_ref() == Some(key);
        let all = std::mem::take(&mut self.days);
        let fits = |stays: &dyn Fn(&Key) -> bool| {
            let staying = all.iter().filter(|(key, _)| stays(key));
            staying.map(|(_, day)| day.readings.len()).sum::<usize>() <= self.limit / 2
        };
        let (by_day, by_key) = (fits(&same_day), fits(&same));
        let stays = |key: &Key| if by_day { same_day(key) } else { by_key && same(key) };
        let (stay, go) = all.into_iter().partition(|(key, day)| day.bad || stays(key));
        self.days = stay;
        self.held = self.days.values().map(|day| day.readings.len()).sum();
        self.parts = true;
        surveys(go)
    }

    /// All surveys: the file has ended.
    pub(super) fn end(&mut self) -> Vec<FromFile> {
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

    const HELD: usize = 100;

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
        let mut days = Days::new(HELD);
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
    fn files_in_the_order_of_time_or_of_devices_send_no_day_in_parts() {
        let (devices, hours) = (["a", "b", "c"], 0..72);
        let time = |hour: u32| format!("2026-07-0{}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
        let by_time: Vec<_> =
            hours.clone().flat_map(|hour| devices.map(|device| (device, time(hour)))).collect();
        let by_device: Vec<_> =
            devices.iter().flat_map(|device| hours.clone().map(|hour| (*device, time(hour)))).collect();
        for lines in [by_time, by_device] {
            let (mut days, mut sent) = (Days::new(2 * 72), Vec::new());
            for (line, (device, time)) in (2..).zip(&lines) {
                take(&mut days, line, device, time);
                if days.is_full() {
                    sent.extend(days.drain());
                }
            }
            assert!(!sent.is_empty(), "it was full once");
            sent.extend(days.end());
            let sizes: Vec<_> = sent.iter().map(|one| one.survey.readings.len()).collect();
            assert_eq!(sizes, [24; 9]);
        }
    }

    #[test]
    fn p5_a_day_with_a_bad_line_is_not_sent_however_far_away_its_other_lines_are() {
        let mut days = Days::new(4);
        take(&mut days, 2, "a", "2026-07-01T00:00:00Z");
        assert!(days.spoil(3, None));
        let mut sent = Vec::new();
        for line in 4..40 {
            // The day behind the doubt, and the one before it again.
            take(
                &mut days,
                line,
                "a",
                if line < 5 { "2026-07-02T00:00:00Z" } else { "2026-07-01T05:00:00Z" },
            );
            take(&mut days, line, "b", "2026-07-03T00:00:00Z");
            if days.is_full() {
                sent.extend(days.drain());
            }
        }
        sent.extend(days.end());
        assert!(sent.len() > 3, "it was full more than once");
        assert!(sent.iter().all(|one| one.survey.device.as_str() == "b"), "{sent:?}");
    }

    #[test]
    fn p6_a_day_of_any_size_and_bad_days_in_any_number_do_not_fill_the_memory() {
        let mut days = Days::new(4);
        let mut sent = 0;
        for line in 2..1_000 {
            take(&mut days, line, "a", "2026-07-01T00:00:00Z");
            if days.is_full() {
                sent += days.drain().len();
            }
            assert!(days.held <= 4);
        }
        assert!(sent > 100, "{sent}");
        let bad = |days: &mut Days, day: i64| {
            days.spoil(
                2,
                Some(("a".parse().unwrap(), UtcInstant::from_millis(1_800_000_000_000 + day * DAY))),
            )
        };
        assert!((0..MAX_BAD as i64).all(|day| bad(&mut days, day)));
        assert!(bad(&mut days, 0), "it is known");
        assert!(!bad(&mut days, MAX_BAD as i64));
    }

    #[test]
    fn a_bad_line_spoils_its_day_or_both_that_it_may_belong_to() {
        let days = |place: Option<(&str, &str)>| {
            let mut days = Days::new(HELD);
            take(&mut days, 2, "a", "2026-07-01T23:00:00Z");
            assert!(
                days.spoil(3, place.map(|(device, time)| (device.parse().unwrap(), time.parse().unwrap())))
            );
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
