//! Slots, days and intervals.

use super::*;
use crate::fleet::state::SURVEY_S;
use proptest::prelude::*;

fn at(text: &str) -> UtcInstant {
    text.parse().unwrap()
}

fn past(first: &str, last: &str, contact: &str) -> Option<Past> {
    Some(Past { readings: (at(first), at(last)), contact: at(contact) })
}

/// The slots due on each day from 2026-07-01 on.
fn days(slots: Slots, count: i64) -> Vec<i64> {
    let first = day_of(at("2026-07-01T00:00:00Z"));
    (first..first + count).map(|day| slots.due(day..day + 1)).collect()
}

#[test]
fn the_interval_is_the_most_frequent_step_and_of_several_the_shortest() {
    let times =
        |minutes: &[i64]| minutes.iter().map(|m| UtcInstant::from_millis(m * 60_000)).collect::<Vec<_>>();
    assert_eq!(infer(&times(&[0, 60, 120, 240, 300])), Some(3_600), "a gap does not count");
    assert_eq!(infer(&times(&[0, 15, 30, 90])), Some(900));
    assert_eq!(infer(&times(&[0, 60, 180])), Some(3_600));
    assert_eq!(infer(&times(&[7])), None);
    assert_eq!(infer(&times(&[])), None);
    assert_eq!(infer(&times(&[7, 7])), None);
    let jitter = [0_i64, 3_600_400, 7_200_000].map(UtcInstant::from_millis);
    assert_eq!(infer(&jitter), Some(3_600));
}

#[test]
fn slots_begin_with_the_first_reading_and_end_where_nothing_can_have_come() {
    let past = past("2026-07-01T12:05:00Z", "2026-07-03T19:05:00Z", "2026-07-03T20:00:00Z");
    let by = |now: &str| days(Slots::new(past, 3_600, SURVEY_S, at(now)), 5);
    assert_eq!(by("2026-07-03T20:00:00Z"), [12, 24, 20, 0, 0]);
    assert_eq!(by("2026-07-04T21:59:00Z"), [12, 24, 20, 0, 0], "its next survey is not late yet");
    assert_eq!(by("2026-07-04T22:00:00Z"), [12, 24, 24, 20, 0], "now it is, with what it has measured");
    assert_eq!(by("2026-07-09T00:00:00Z"), [12, 24, 24, 24, 24]);
    assert_eq!(days(Slots::new(None, 3_600, SURVEY_S, at("2026-07-09T00:00:00Z")), 2), [0, 0]);
}

#[test]
fn what_has_come_was_due_even_if_the_meters_clock_is_ahead() {
    let past = past("2026-07-01T00:00:00Z", "2026-07-01T20:00:00Z", "2026-07-01T19:58:00Z");
    assert_eq!(days(Slots::new(past, 3_600, SURVEY_S, at("2026-07-01T21:00:00Z")), 1), [21]);
}

#[test]
fn the_missing_are_the_slots_without_a_reading_near_them() {
    let past = past("2026-06-01T00:00:00Z", "2026-07-01T05:00:00Z", "2026-07-01T06:30:00Z");
    let slots = Slots::new(past, 3_600, SURVEY_S, at("2026-07-01T07:00:00Z"));
    let day = day_of(at("2026-07-01T00:00:00Z"));
    let held =
        ["2026-07-01T00:00:00Z", "2026-07-01T02:20:00Z", "2026-07-01T03:31:00Z", "2026-07-01T05:00:00Z"];
    let missing = slots.missing(day, &held.map(at), 10);
    let expected = ["2026-07-01T01:00:00Z", "2026-07-01T03:00:00Z", "2026-07-01T06:00:00Z"];
    assert_eq!(missing, expected.map(at));
    assert_eq!(slots.missing(day, &held.map(at), 1).len(), 1);
    assert_eq!(slots.missing(day + 1, &[], 10), []);
}

proptest! {
    /// Days are cut out of one line of slots: none is counted twice, none is left out.
    #[test]
    fn the_days_slots_add_up_to_the_whole(
        first in 0_i64..400_000_000, length in 0_i64..2_000_000_000, step in 600_u32..200_000, survey in 1_u32..200_000,
    ) {
        let readings = (UtcInstant::from_millis(first), UtcInstant::from_millis(first + length));
        let past = Past { readings, contact: readings.1 };
        let slots = Slots::new(Some(past), step, survey, readings.1);
        let whole = slots.due(0..30);
        prop_assert_eq!((0..30).map(|day| slots.due(day..day + 1)).sum::<i64>(), whole);
        prop_assert_eq!(whole, length / (i64::from(step) * 1_000) + 1);
        let missing: usize = (0..30).map(|day| slots.missing(day, &[], usize::MAX).len()).sum();
        prop_assert_eq!(missing as i64, whole);
    }

    /// No number makes it panic or count backwards.
    #[test]
    fn any_past_is_counted(first: i64, last: i64, contact: i64, now: i64, step: u32, survey: u32, day in -800_000_i64..3_000_000) {
        let instant = UtcInstant::from_millis;
        let past = Past { readings: (instant(first), instant(last)), contact: instant(contact) };
        prop_assert!(Slots::new(Some(past), step, survey, instant(now)).due(day..day + 1) >= 0);
    }
}
