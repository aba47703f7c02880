//! What steps tell, and where it is in force.

use super::*;

fn since(minutes: &[i64]) -> Since {
    Since::told(&minutes.iter().map(|m| UtcInstant::from_millis(m * 60_000)).collect::<Vec<_>>())
}

fn told(minutes: &[i64]) -> u32 {
    since(minutes).interval_s
}

/// The times of readings, from the steps between them, in minutes.
fn after_steps(steps: &[i64]) -> Vec<i64> {
    let sums = steps.iter().scan(0, |time, step| {
        *time += step;
        Some(*time)
    });
    [0].into_iter().chain(sums).collect()
}

/// The minutes in force at each reading, the longer ones.
fn paced(times: &[i64], settings: Settings) -> Vec<i64> {
    intervals(times, settings).into_iter().map(|interval| interval.longer / 60_000).collect()
}

fn intervals(times: &[i64], settings: Settings) -> Vec<Interval> {
    let mut pace = Pace::new(settings);
    let mut all: Vec<_> = times.iter().filter_map(|minute| pace.push(minute * 60_000, ())).collect();
    all.extend(std::iter::from_fn(|| pace.finish()));
    assert!(all.iter().map(|paced| paced.time / 60_000).eq(times.iter().copied()), "all come back, in order");
    all.iter().map(|paced| paced.interval).collect()
}

#[test]
fn the_interval_is_a_frequent_step_and_of_several_the_shortest() {
    assert_eq!(told(&[0, 60, 120, 240, 300]), 3_600, "a gap does not count");
    assert_eq!(told(&[0, 15, 30, 90]), 900);
    assert_eq!(told(&[0, 60, 180]), 3_600);
    for nothing in [&[][..], &[7], &[7, 7]] {
        assert_eq!(told(nothing), INTERVAL_S, "it is the usual one, if nothing tells");
    }
    let jitter = [0_i64, 3_600_400, 7_200_000].map(UtcInstant::from_millis);
    assert_eq!(Since::told(&jitter).interval_s, 3_600);
}

#[test]
fn a_meter_that_loses_every_other_reading_is_due_as_often_as_before() {
    let lossy = [60, 120, 60, 180, 120, 60, 60, 120, 240, 120, 60, 120];
    assert_eq!(told(&after_steps(&lossy)), 3_600);
    let shifted = [60, 60, 25, 35, 60, 60, 60, 60];
    assert_eq!(told(&after_steps(&shifted)), 3_600, "one reading is off the grid");
}

#[test]
fn a_clock_that_is_not_exact_has_an_interval_and_a_meter_that_measures_when_it_likes_a_patient_one() {
    let inexact = [41, 63, 58, 77, 52, 69, 61, 49, 66, 71];
    assert_eq!(told(&after_steps(&inexact)), 61 * 60);
    let at_will = [1, 340, 17, 4, 95, 230, 2, 55, 600, 31];
    assert_eq!(told(&after_steps(&at_will)), 340 * 60);
}

#[test]
fn each_reading_has_the_interval_of_its_own_time_on_both_sides_of_a_change() {
    let steps = [vec![60; 100], vec![15; 100], vec![60; 100]].concat();
    let told = intervals(&after_steps(&steps), Vec::new());
    for (step, (Interval { shorter, longer }, place)) in steps.iter().zip(told.into_iter().skip(1).zip(1..)) {
        let step = step * 60_000;
        assert!((shorter..=longer).contains(&step), "{step} at {place} is in order");
        let edge = (100_i64 - place).abs().min((200 - place).abs());
        assert!(shorter == longer || edge <= TELLING as i64, "{step} at {place} is far from the change");
    }
}

#[test]
fn what_is_set_counts_from_when_it_was_set_until_it_was_set_anew() {
    let times = after_steps(&[60; 12]);
    let minute = |minute: i64| minute * 60_000;
    let settings = vec![(minute(120), Some(900)), (minute(300), None), (minute(540), Some(1_800))];
    let minutes = paced(&times, settings);
    assert_eq!(minutes, [60, 60, 60, 15, 15, 15, 60, 60, 60, 60, 30, 30, 30]);
}

#[test]
fn one_reading_and_readings_of_one_second_have_the_usual_interval() {
    assert_eq!(paced(&[5], Vec::new()), [60]);
    assert_eq!(paced(&[5, 5, 5], Vec::new()), [60, 60, 60]);
    assert_eq!(paced(&[5, 35], Vec::new()), [30, 30]);
}

#[test]
fn since_the_last_reading_a_timetables_night_is_in_order_and_too_few_readings_tell_no_night() {
    let longer = |steps: &[i64]| since(&after_steps(steps)).interval.longer / 60_000;
    let timetable = [4 * 60, 4 * 60, 4 * 60, 12 * 60].repeat(10);
    assert_eq!(longer(&timetable[..TELLING]), 12 * 60);
    assert_eq!(longer(&timetable[..3]), 24 * 60, "it may be the timetable's night");
    assert_eq!(longer(&[]), 24 * 60);
    assert_eq!(longer(&[60; 3]), 60, "an hour is no timetable");
    assert_eq!(longer(&[6 * 60; TELLING]), 6 * 60);
}
