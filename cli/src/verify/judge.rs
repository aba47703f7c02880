//! Whether the cloud holds what it acknowledged. No input, no output, no clock.

use fieldpost_core::{Offer, Reading, UtcInstant, Values};

/// Different values that the cloud records against one reading (`MAX_PER_READING` there); beyond, it only counts the survey.
const MAX_CONFLICTS: usize = 8;
const MINUTE: i64 = 60_000;

/// What the cloud holds of a device, each in order of time.
#[derive(Debug, Default)]
pub(crate) struct AtCloud {
    pub(crate) held: Vec<Reading>,
    /// Other values, as they were offered.
    pub(crate) offered: Vec<Reading>,
}

/// What became of a reading that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is held, perhaps with the value that it lacked.
    Held,
    /// It is recorded beside another one.
    Conflict,
    /// It contradicts what is held, and the cloud records no more values there: nothing can be said.
    Unproven,
    /// It is nowhere; this is what is held at its instant.
    Missing(Option<Values>),
}

impl AtCloud {
    /// What became of `reading`. One that came `to_the_minute` may be held without its seconds.
    pub(crate) fn judge(&self, reading: &Reading, to_the_minute: bool) -> Verdict {
        let verdict = self.judge_at(reading.time, reading.values);
        let minute = whole_minute(reading.time);
        if matches!(verdict, Verdict::Missing(_)) && to_the_minute && minute != reading.time {
            return match self.judge_at(minute, reading.values) {
                Verdict::Missing(_) => verdict,
                found => found,
            };
        }
        verdict
    }

    fn judge_at(&self, time: UtcInstant, values: Values) -> Verdict {
        let held = self.held.binary_search_by_key(&time, |reading| reading.time);
        let held = held.ok().and_then(|place| self.held.get(place)).map(|reading| reading.values);
        let contains = |held: Values| held.offer(values) == Offer::Same;
        if held.is_some_and(contains) {
            return Verdict::Held;
        }
        let start = self.offered.partition_point(|reading| reading.time < time);
        let offered = self.offered.iter().skip(start).take_while(|reading| reading.time == time);
        if offered.clone().any(|other| contains(other.values)) {
            return Verdict::Conflict;
        }
        let contradicts = held.is_some_and(|held| held.offer(values) == Offer::Differs);
        if contradicts && offered.count() >= MAX_CONFLICTS {
            return Verdict::Unproven;
        }
        // What only adds to the held reading was filled in when it was taken, and what is held never shrinks.
        Verdict::Missing(held)
    }
}

/// The instant as a reference upload says it.
pub(super) fn whole_minute(time: UtcInstant) -> UtcInstant {
    let millis = time.as_millis();
    UtcInstant::from_millis(millis - millis.rem_euclid(MINUTE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::{Moisture, Temperature};

    fn at(millis: i64, temperature: Option<i64>, moisture: Option<i64>) -> Reading {
        let values = Values::new(
            temperature.and_then(Temperature::from_hundredths),
            moisture.and_then(Moisture::from_hundredths),
        );
        Reading { time: UtcInstant::from_millis(millis), values: values.unwrap() }
    }

    #[test]
    fn what_is_held_or_filled_in_or_recorded_as_a_conflict_is_not_missing() {
        let cloud = AtCloud {
            held: vec![at(0, Some(2000), Some(3000)), at(60_000, Some(1), None)],
            offered: vec![at(0, Some(2100), None), at(0, Some(2200), Some(1))],
        };
        let judge = |reading| cloud.judge(&reading, false);
        assert_eq!(judge(at(0, Some(2000), Some(3000))), Verdict::Held);
        assert_eq!(judge(at(0, None, Some(3000))), Verdict::Held, "the other value came by another survey");
        assert_eq!(judge(at(0, Some(2200), Some(1))), Verdict::Conflict);
        let held = Some(at(0, Some(2000), Some(3000)).values);
        assert_eq!(judge(at(0, Some(2300), None)), Verdict::Missing(held));
        assert_eq!(judge(at(1, Some(2000), Some(3000))), Verdict::Missing(None));
        let part = Some(at(0, Some(1), None).values);
        assert_eq!(judge(at(60_000, Some(1), Some(2))), Verdict::Missing(part), "half of it is gone");
    }

    #[test]
    fn where_the_cloud_records_no_more_values_nothing_is_claimed() {
        let mut cloud = AtCloud { held: vec![at(0, Some(0), None)], offered: Vec::new() };
        cloud.offered = (1..8).map(|value| at(0, Some(value), None)).collect();
        assert!(matches!(cloud.judge(&at(0, Some(99), None), false), Verdict::Missing(_)));
        cloud.offered.push(at(0, Some(8), None));
        assert_eq!(cloud.judge(&at(0, Some(99), None), false), Verdict::Unproven);
        assert!(matches!(cloud.judge(&at(1, Some(99), None), false), Verdict::Missing(None)));
    }

    #[test]
    fn a_reference_upload_has_no_seconds() {
        let cloud = AtCloud { held: vec![at(120_000, Some(5), None)], offered: Vec::new() };
        assert_eq!(cloud.judge(&at(120_500, Some(5), None), true), Verdict::Held);
        assert_eq!(cloud.judge(&at(120_500, Some(5), None), false), Verdict::Missing(None));
        assert_eq!(cloud.judge(&at(120_500, Some(6), None), true), Verdict::Missing(None));
    }
}
