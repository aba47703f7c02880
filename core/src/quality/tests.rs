//! Each rule on a curve that it is about; and that an examination in parts finds what one of the whole finds.

use super::*;
use crate::Values;
use alloc::{string::String, string::ToString, vec};
use proptest::prelude::*;

/// Midnight, 2026-07-01.
const DAY: i64 = 1_782_864_000_000 / 3_600_000;

fn reading(hour: i64, minute: i64, temperature: Option<i64>, moisture: Option<i64>) -> Option<Reading> {
    let values = Values::new(
        temperature.and_then(Temperature::from_hundredths),
        moisture.and_then(Moisture::from_hundredths),
    )?;
    Some(Reading { time: UtcInstant::from_millis((hour * 60 + minute) * 60_000), values })
}

/// Hourly moistures from [`DAY`] on; below 0 is not measured.
fn hours(moistures: &[i64]) -> Vec<Reading> {
    let each = moistures.iter().zip(DAY..);
    each.filter_map(|(moisture, hour)| reading(hour, 0, None, (*moisture >= 0).then_some(*moisture)))
        .collect()
}

fn whole(readings: &[Reading]) -> Findings {
    let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
        return examine(readings, 0..0, false);
    };
    examine(readings, hour_of(first.time)..hour_of(last.time) + 1, false)
}

/// Hour and names of all that is flagged, counted from [`DAY`], but for plateaus.
fn flagged(readings: &[Reading]) -> Vec<(i64, String)> {
    names(&whole(readings))
}

fn names(findings: &Findings) -> Vec<(i64, String)> {
    findings.by_time.iter().map(|(time, one)| (hour_of(*time) - DAY, one.flags.to_string())).collect()
}

/// The same with plateaus, judged by the highest of all moistures.
fn flagged_with_plateaus(readings: &[Reading]) -> Vec<(i64, String)> {
    let mut findings = whole(readings);
    let highest = readings.iter().filter_map(|one| one.values.moisture());
    let highest = highest.filter(|moisture| moisture.hundredths() < HIGHEST_BELOW).max();
    for plateau in findings.plateaus.clone() {
        if plateau.is_saturated(highest) {
            findings.saturated(&plateau);
        }
    }
    names(&findings)
}

/// A calm curve: a little up and down around `level`, but not constant.
fn calm(level: i64, hours: usize) -> Vec<i64> {
    (0..hours).map(|hour| level + [0, 22, 8, -14][hour % 4]).collect()
}

fn named(expected: &[(i64, &str)]) -> Vec<(i64, String)> {
    expected.iter().map(|(hour, name)| (*hour, (*name).into())).collect()
}

#[test]
fn values_out_of_range_and_frost_are_flagged_by_themselves() {
    let at = |minute, temperature, moisture| reading(DAY, minute, temperature, moisture).unwrap();
    let readings = [
        at(0, Some(-1), Some(3_000)),
        at(1, Some(0), Some(6_000)),
        at(2, Some(-1), None),
        at(3, None, Some(6_001)),
        at(4, Some(-6_001), Some(6_001)),
        at(5, Some(6_001), None),
        at(6, Some(-6_000), None),
    ];
    let names: Vec<_> = whole(&readings).by_time.into_values().map(|one| one.flags.to_string()).collect();
    assert_eq!(names, ["D01", "C02", "C02 D01 T-C01", "T-C02"]);
}

#[test]
fn d06_a_spike_of_one_or_two_hours_up_or_down_is_flagged_and_a_shower_is_not() {
    let mut curve = calm(1_500, 80);
    curve[20] = 2_300;
    curve[50..52].copy_from_slice(&[2_200, 2_200]);
    assert_eq!(flagged(&hours(&curve)), named(&[(20, "D06"), (50, "D06"), (51, "D06"), (52, "D07")]));
    let mut down = calm(2_000, 60);
    down[30] = 1_200;
    assert_eq!(flagged(&hours(&down)), named(&[(30, "D06")]));
    let mut small = calm(2_000, 60);
    small[30] = 2_290;
    assert_eq!(flagged(&hours(&small)), [], "less than 15 %");
    let mut shower = calm(2_000, 60);
    for (hour, value) in shower.iter_mut().enumerate().skip(30) {
        *value = 2_000 + 1_000 * 10 / (hour as i64 - 20);
    }
    assert_eq!(flagged(&hours(&shower)), [], "it comes back slowly");
    let mut restless: Vec<i64> = (0..60).map(|hour| if hour % 2 == 0 { 1_000 } else { 3_000 }).collect();
    restless[30] = 900;
    assert_eq!(flagged(&hours(&restless)), [], "nothing around it is calm");
    curve[15] = -1;
    let found = flagged(&hours(&curve));
    assert_eq!(found, named(&[(50, "D06"), (51, "D06"), (52, "D07")]), "a gap nearby: no judgement");
}

#[test]
fn d07_and_d08_breaks_are_flagged_at_their_first_hour() {
    let drop = [calm(3_000, 40), calm(1_500, 40)].concat();
    assert_eq!(flagged(&hours(&drop)), named(&[(40, "D07")]));
    let jump = [calm(1_500, 40), calm(3_000, 40)].concat();
    assert!(flagged(&hours(&jump))[0].1.starts_with("D08"));
    let small = [calm(900, 40), calm(990, 40)].concat();
    assert_eq!(flagged(&hours(&small)), [], "below 1 %");
    let slow: Vec<i64> = (0..80).map(|hour| 1_500 + 40 * hour).collect();
    assert_eq!(flagged(&hours(&slow)), []);
}

#[test]
fn d09_what_is_constant_and_low_after_a_drop_is_flagged_until_it_moves() {
    let dead = [calm(3_000, 40), vec![0; 100], calm(2_000, 20)].concat();
    let found = flagged(&hours(&dead));
    assert_eq!(found[0], (40, "D07 D09".into()));
    let low: Vec<i64> =
        found.iter().filter(|(_, names)| names.contains("D09")).map(|(hour, _)| *hour).collect();
    assert_eq!(low, (40..140).collect::<Vec<_>>());
    let before = [vec![300; 60], calm(3_000, 40)].concat();
    assert!(!flagged(&hours(&before)).iter().any(|(_, names)| names.contains("D09")), "no drop before it");
}

#[test]
fn d10_a_plateau_near_the_highest_value_is_saturated_and_a_low_one_is_not() {
    let rise = [2_000, 2_600, 3_400];
    let wet = [calm(2_000, 40), rise.to_vec(), vec![4_000; 30], vec![3_400, 2_600, 2_200], calm(2_000, 40)]
        .concat();
    let found = flagged_with_plateaus(&hours(&wet));
    let plateau: Vec<i64> =
        found.iter().filter(|(_, names)| names.contains("D10")).map(|(hour, _)| *hour).collect();
    assert_eq!(plateau, (43..73).collect::<Vec<_>>());
    let wetter = [wet, vec![5_000, 4_000, 3_000, 2_000]].concat();
    assert!(
        !flagged_with_plateaus(&hours(&wetter)).iter().any(|(_, names)| names.contains("D10")),
        "a higher value"
    );
}

#[test]
fn an_hour_is_the_reading_nearest_to_it_and_a_crowded_one_is_not_examined() {
    let half_past = |hour| reading(hour, 30, None, Some(2_000)).unwrap();
    assert_eq!(hour_of(half_past(DAY).time), DAY + 1);
    assert_eq!(start_of(DAY + 1), half_past(DAY).time);
    let mut readings = hours(&calm(2_000, 60));
    readings.extend(
        [(20, 10, 5_000), (30, -10, 5_000)].map(|(h, m, v)| reading(DAY + h, m, None, Some(v)).unwrap()),
    );
    readings.sort();
    assert_eq!(flagged(&readings), [], "between the hours only values are judged");
    readings.extend((0..61).map(|_| reading(DAY + 70, 1, None, Some(7_000)).unwrap()));
    assert_eq!(flagged(&readings), []);
    readings.pop();
    assert_eq!(flagged(&readings), named(&[(70, "C02")]));
}

#[test]
fn real_soil_is_mostly_good() {
    let text = include_str!("../../../samples/ithaca.csv");
    let rows = text.lines().skip(1).map(|line| crate::station::csv::parse_row(line).unwrap());
    let readings: Vec<_> =
        rows.filter_map(|slot| Some(Reading { time: slot.time, values: slot.values? })).collect();
    let found = flagged_with_plateaus(&readings);
    let shapes = found.iter().filter(|(_, names)| names != "D01").count();
    assert!(
        shapes < readings.len() / 50,
        "{shapes} of {}: {:?}",
        readings.len(),
        &found[..20.min(found.len())]
    );
}

/// Curves with steps, spikes, constant stretches and gaps, so that every rule has something to say.
fn curve() -> impl Strategy<Value = Vec<i64>> {
    let stretch = prop_oneof![
        (0_i64..40, 1_usize..40).prop_map(|(level, hours)| calm(level * 100 + 100, hours)),
        (0_i64..4, 10_usize..60).prop_map(|(level, hours)| vec![level * 900; hours]),
        (1_usize..3).prop_map(|hours| vec![-1; hours]),
        Just(vec![5_500]),
        Just(vec![2_000, 2_600, 3_400]),
    ];
    prop::collection::vec(stretch, 1..30).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_examination_in_parts_finds_what_one_of_the_whole_finds(curve in curve(), part in 1_i64..200) {
        let readings = hours(&curve);
        let expected = whole(&readings);
        let (mut by_time, mut plateaus) = (BTreeMap::<UtcInstant, Finding>::new(), Vec::new());
        let end = DAY + curve.len() as i64;
        let mut hour = DAY;
        while hour < end {
            let judged = hour..(hour + part).min(end);
            let near = |one: &&Reading| {
                (judged.start - REACH_HOURS..judged.end + REACH_HOURS).contains(&hour_of(one.time))
            };
            let near: Vec<_> = readings.iter().filter(near).copied().collect();
            let state = by_time.iter().find(|(time, _)| hour_of(**time) == judged.start - STATE_HOURS);
            let goes_on = state.is_some_and(|(_, one)| one.goes_on);
            let mut found = examine(&near, judged.clone(), goes_on);
            by_time.append(&mut found.by_time);
            plateaus.extend(found.plateaus);
            hour = judged.end;
        }
        plateaus.dedup();
        prop_assert_eq!(by_time, expected.by_time);
        prop_assert_eq!(plateaus, expected.plateaus);
    }
}
