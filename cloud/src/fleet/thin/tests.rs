//! What a thinned curve keeps, of any readings.

use super::*;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;

fn point(time: i64, temperature: Option<i16>, moisture: Option<i16>) -> Point {
    Point { time, values: [temperature, moisture], flags: 0 }
}

fn curve(readings: &[Point], points: usize) -> Curve {
    let (start, end) = (readings[0].time, readings[readings.len() - 1].time);
    let mut thinner = Thinner::new(start, end, points);
    readings.iter().for_each(|reading| thinner.add(*reading, Interval::of(3_600)));
    thinner.finish()
}

#[test]
fn few_readings_come_as_they_are_with_a_point_of_nothing_in_each_gap() {
    let hour = |n: i64| point(n * HOUR, Some(10), Some(20));
    let readings = [hour(0), hour(1), point(2 * HOUR, Some(11), None), hour(3), hour(7), hour(8)];
    let said = curve(&readings, 6);
    let mut expected = readings.to_vec();
    expected.insert(4, point(5 * HOUR, None, None));
    assert_eq!(said.points, expected);
    assert_eq!((said.thinned, said.gaps), (false, vec![(3 * HOUR, 7 * HOUR)]));
    assert!(curve(&readings, 5).thinned);
}

#[test]
fn a_gap_of_one_quantity_does_not_break_the_line_of_the_other() {
    let readings: Vec<Point> =
        (0..1_000).map(|n| point(n * HOUR, Some(10), (!(400..600).contains(&n)).then_some(20))).collect();
    let said = curve(&readings, 12);
    assert!(said.points.iter().all(|point| point.values[0].is_some()), "{said:?}");
    assert!(said.points.iter().any(|point| point.values[1].is_none()));
    assert_eq!(said.gaps, []);
}

#[test]
fn of_very_many_gaps_the_longest_are_listed() {
    let mut time = 0;
    let mut readings = Vec::new();
    for n in 0..5_000 {
        time += if n % 1_000 == 999 { 10 * HOUR } else { 2 * HOUR };
        readings.push(point(time, Some(1), None));
    }
    let said = curve(&readings, 100);
    assert_eq!(said.gaps.len(), MAX_GAPS);
    assert_eq!(said.gaps.iter().filter(|(from, to)| to - from == 10 * HOUR).count(), 5);
    assert!(said.gaps.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(said.points.len() < 400, "{}", said.points.len());
}

fn readings() -> impl Strategy<Value = Vec<Point>> {
    // Steps of an hour mostly, values that are often missing.
    let step = prop_oneof![8 => Just(HOUR), 1 => Just(2 * HOUR), 1 => 1_i64..40 * HOUR];
    let value = || prop_oneof![3 => (-50_i16..50).prop_map(Some), 1 => Just(None)];
    let runs = (1_usize..6, step, value(), value());
    prop::collection::vec(runs, 1..150).prop_map(|runs| {
        let mut time = 1_751_328_000_000;
        let mut readings = Vec::new();
        for (length, step, temperature, moisture) in runs {
            for n in 0..length {
                time += step;
                let shift = |value: Option<i16>| value.map(|value| value + i16::try_from(n).unwrap());
                if temperature.is_some() || moisture.is_some() {
                    readings.push(point(time, shift(temperature), shift(moisture)));
                }
            }
        }
        readings
    })
}

/// The quantity's readings.
fn of(readings: &[Point], quantity: usize) -> Vec<(i64, i16)> {
    readings.iter().filter_map(|point| Some((point.time, point.values[quantity]?))).collect()
}

proptest! {
    #[test]
    fn a_thinned_curve_keeps_each_buckets_extremes_and_no_line_crosses_a_gap(readings in readings(), points in 6_usize..200) {
        prop_assume!(!readings.is_empty());
        let said = curve(&readings, points);
        prop_assert_eq!(said.thinned, readings.len() > points);
        prop_assert!(said.points.windows(2).all(|pair| pair[0].time < pair[1].time));
        for kept in &said.points {
            prop_assert!(kept.values == [None; 2] || readings.contains(kept), "{:?} was never measured", kept);
        }
        let (start, end) = (readings[0].time, readings[readings.len() - 1].time);
        let buckets = Buckets { start, span: end - start, count: (points / POINTS_A_BUCKET).max(1) };
        for quantity in 0..QUANTITIES {
            let (all, kept) = (of(&readings, quantity), of(&said.points, quantity));
            for bucket in 0..buckets.count {
                let within = |of: &[(i64, i16)]| of.iter().copied().filter(|(time, _)| buckets.of(*time) == bucket).collect::<Vec<_>>();
                let (all, kept) = (within(&all), within(&kept));
                prop_assert_eq!(all.first(), kept.first());
                prop_assert_eq!(all.last(), kept.last());
                let values = |of: &[(i64, i16)]| (of.iter().map(|one| one.1).min(), of.iter().map(|one| one.1).max());
                prop_assert_eq!(values(&all), values(&kept));
            }
            let gaps: Vec<(i64, i64)> = all.windows(2).map(|pair| (pair[0].0, pair[1].0)).filter(|(from, to)| to - from > HOUR * 3 / 2).collect();
            for pair in said.points.windows(2) {
                if pair[0].values[quantity].is_some() && pair[1].values[quantity].is_some() {
                    let crossed = gaps.iter().find(|(from, to)| pair[0].time <= *from && *to <= pair[1].time);
                    prop_assert_eq!(crossed, None, "a line from {} to {}", pair[0].time, pair[1].time);
                }
            }
        }
        let most = 8 * buckets.count * 3;
        prop_assert!(!said.thinned || said.points.len() <= most, "{} points of {} buckets", said.points.len(), buckets.count);
    }
}
