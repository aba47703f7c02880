//! Slots and days.

use super::*;
use crate::fleet::{
    pace::{Pace, Settings},
    state::SURVEY_S,
};
use proptest::prelude::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn at(text: &str) -> UtcInstant {
    text.parse().unwrap()
}

/// The slots of `days` days from 1970-01-01 on, and the empty ones, of readings at `times`.
fn counted(times: &[i64], days: i64) -> (Vec<Count>, Vec<i64>) {
    let mut tally = Tally::new(0..days, usize::MAX);
    let mut pace = Pace::new(Settings::new());
    let mut paced: Vec<_> = times.iter().filter_map(|time| pace.push(*time, ())).collect();
    paced.extend(std::iter::from_fn(|| pace.finish()));
    paced.into_iter().for_each(|one| tally.add(one.time, one.interval));
    let (counts, missing) = tally.finish();
    (counts, missing.into_iter().map(UtcInstant::as_millis).collect())
}

fn full(slots: i64) -> Count {
    Count { due: slots, filled: slots, extra: 0 }
}

/// Readings every `step` minutes from minute `from` to minute `to`, exclusive.
fn every(step: i64, from: i64, to: i64) -> impl Iterator<Item = i64> {
    (from..to).step_by(usize::try_from(step).unwrap()).map(|minute| minute * MINUTE)
}

#[test]
fn a_meter_that_is_moved_to_another_interval_and_back_at_noon_has_no_holes() {
    let day = 24 * 60;
    let (change, back) = (5 * day / 2, 11 * day / 2);
    let times: Vec<_> =
        every(60, 0, change).chain(every(15, change, back)).chain(every(60, back, 8 * day)).collect();
    let (counts, missing) = counted(&times, 8);
    assert_eq!(counts, [24, 24, 60, 96, 96, 60, 24, 24].map(full));
    assert_eq!(missing, Vec::<i64>::new());
}

/// The reference system's meters, each with its own hours.
#[test]
fn a_meter_that_measures_by_a_timetable_misses_nothing_on_its_first_day_nor_later() {
    for file in [
        include_str!("../../../../surveys/Surveys1.txt"),
        include_str!("../../../../surveys/Surveys2.txt"),
        include_str!("../../../../surveys/Surveys3.txt"),
        include_str!("../../../../surveys/Surveys4.txt"),
    ] {
        let hours: Vec<i64> = file.lines().map(|line| line[..2].parse().unwrap()).collect();
        for days in [1, 2, 3, 4, 5, 9, 40] {
            let times: Vec<_> =
                (0..days).flat_map(|day| hours.iter().map(move |hour| (24 * day + hour) * HOUR)).collect();
            let (counts, missing) = counted(&times, days);
            assert_eq!(missing, Vec::<i64>::new(), "{hours:?}, {days} days");
            assert!(counts.iter().all(|count| *count == full(4)), "{hours:?}: {counts:?}");
        }
    }
}

#[test]
fn a_meter_that_measures_every_six_hours_is_known_and_a_lost_reading_is_missing() {
    let times: Vec<_> = every(6 * 60, 0, 20 * 24 * 60).filter(|time| *time != 10 * 24 * HOUR).collect();
    let (counts, missing) = counted(&times, 20);
    assert_eq!(missing, [10 * 24 * HOUR]);
    assert_eq!(counts[10], Count { filled: 3, ..full(4) });
}

#[test]
fn holes_are_found_at_whatever_interval_was_in_force() {
    let day = 24 * 60;
    let hourly = every(60, 0, 4 * day).filter(|time| ![30 * HOUR, 31 * HOUR].contains(time));
    let hole = |time: &i64| (6 * 24 * HOUR..6 * 24 * HOUR + 45 * MINUTE).contains(time);
    let dense = every(15, 4 * day, 8 * day).filter(|time| !hole(time));
    let (counts, missing) = counted(&hourly.chain(dense).collect::<Vec<_>>(), 8);
    let with_holes = [full(24), Count { filled: 22, ..full(24) }, full(24), full(24), full(96), full(96)];
    assert_eq!(counts[..6], with_holes);
    assert_eq!(counts[6..], [Count { filled: 93, ..full(96) }, full(96)]);
    let six = 6 * 24 * HOUR;
    assert_eq!(missing, [30 * HOUR, 31 * HOUR, six, six + 15 * MINUTE, six + 30 * MINUTE]);
}

#[test]
fn readings_beyond_the_slots_fill_none() {
    let mut times: Vec<_> = every(60, 0, 48 * 60).filter(|time| *time != 30 * HOUR).collect();
    times.extend([10, 20, 30, 40].map(|minute| 33 * HOUR + minute * MINUTE));
    times.sort_unstable();
    let (counts, missing) = counted(&times, 2);
    assert_eq!(counts, [full(24), Count { due: 24, filled: 23, extra: 4 }]);
    assert_eq!(missing, [30 * HOUR]);
}

#[test]
fn a_clock_that_trembles_at_midnight_moves_no_slot_into_the_day_beside() {
    let trembling = |(number, time): (usize, i64)| time + [2_000, -3_000, 1_000, -1_000, 0][number % 5];
    let times: Vec<_> = every(60, 0, 10 * 24 * 60).enumerate().map(trembling).collect();
    assert_eq!(counted(&times, 10).0, [full(24); 10]);
}

#[test]
fn a_day_with_a_single_reading_lacks_the_others() {
    let day = 24 * 60;
    let mut times: Vec<_> = every(60, 0, 3 * day).chain(every(60, 4 * day, 7 * day)).collect();
    times.insert(72, (3 * day + 12 * 60) * MINUTE);
    let (counts, missing) = counted(&times, 7);
    assert_eq!(counts[3], Count { due: 24, filled: 1, extra: 0 });
    assert_eq!((counts[2], counts[4], missing.len()), (full(24), full(24), 23));
    let daily: Vec<_> = every(day, 60, 7 * day).collect();
    assert_eq!(counted(&daily, 7).0, [full(1); 7], "but one that measures once a day lacks nothing");
    assert_eq!(counted(&[HOUR], 2).0, [full(1), full(0)]);
}

#[test]
fn a_meter_that_measures_when_it_likes_lacks_what_is_unlike_it() {
    let steps = [7, 61, 13, 112, 29, 150, 3, 47, 95, 21];
    let sums = steps.iter().cycle().take(500).scan(0, |time, step| {
        *time += step * MINUTE + 1_000 * (step % 7);
        Some(*time)
    });
    let mut times: Vec<_> = sums.collect();
    let days = times.last().unwrap() / DAY_MS;
    assert_eq!(counted(&times, days).1, Vec::<i64>::new());
    let middle = 10 * DAY_MS;
    times.retain(|time| !(middle..middle + 2 * DAY_MS).contains(time));
    let (counts, missing) = counted(&times, days);
    assert!(missing.len() > 10, "two days without anything: {missing:?}");
    assert!(counts[10].filled <= 1 && counts[10].due > 5, "{counts:?}");
}

#[test]
fn behind_the_last_reading_slots_go_on_to_where_nothing_can_have_come() {
    let by = |now: &str| {
        let first = day_of(at("2026-07-03T00:00:00Z"));
        let mut tally = Tally::new(first..first + 3, 2);
        let end = horizon(at("2026-07-03T20:00:00Z"), SURVEY_S, at(now)).as_millis();
        tally.wait(at("2026-07-03T19:05:00Z").as_millis(), Interval::of(3_600), end);
        let (counts, missing) = tally.finish();
        (counts.iter().map(|count| count.due).collect::<Vec<_>>(), missing)
    };
    assert_eq!(by("2026-07-03T20:00:00Z").0, [0, 0, 0]);
    assert_eq!(by("2026-07-04T21:59:00Z").0, [0, 0, 0], "its next survey is not late yet");
    let (due, missing) = by("2026-07-04T22:00:00Z");
    assert_eq!(due, [4, 20, 0], "now it is, with what it has measured");
    assert_eq!(missing, ["2026-07-03T20:05:00Z", "2026-07-03T21:05:00Z"].map(at), "so many are named");
    assert_eq!(by("2026-07-09T00:00:00Z").0, [4, 24, 24]);
}

proptest! {
    /// Days are cut out of one line of slots: none is counted twice, none is left out; and each reading is told of once.
    #[test]
    fn the_days_slots_add_up_to_the_whole(steps in prop::collection::vec(1_i64..40_000_000, 1..200)) {
        let times: Vec<_> = steps.iter().scan(0, |time, step| { *time += step; Some(*time) }).collect();
        let days = times.last().unwrap() / DAY_MS + 2;
        let (counts, missing) = counted(&times, days);
        let sum = |of: fn(&Count) -> i64| counts.iter().map(of).sum::<i64>();
        prop_assert_eq!(sum(|count| count.filled) + sum(|count| count.extra), times.len() as i64);
        prop_assert_eq!(sum(|count| count.due - count.filled), missing.len() as i64);
        prop_assert!(missing.is_sorted());
        prop_assert!(counts.iter().all(|count| count.filled <= count.due));
    }

    /// No number makes it panic or count backwards.
    #[test]
    fn any_past_is_counted(times: Vec<i64>, interval: u32, last: i64, end: i64, contact: i64, now: i64, survey: u32, day in -800_000_i64..3_000_000) {
        let mut times = times;
        times.sort_unstable();
        let interval = Interval::of(interval);
        let mut tally = Tally::new(day..day + 3, 10);
        times.into_iter().for_each(|time| tally.add(time, interval));
        tally.wait(last, interval, end);
        prop_assert!(tally.finish().0.iter().all(|count| count.due >= count.filled && count.extra >= 0));
        horizon(UtcInstant::from_millis(contact), survey, UtcInstant::from_millis(now));
    }
}
