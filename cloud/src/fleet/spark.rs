//! The small curve in a list: means over a few hours, for the eye alone.

use super::thin::Point;
use std::sync::Arc;

/// The means of a quantity, in hundredths; None where nothing was measured.
pub(crate) type Means = Arc<[Option<i16>]>;

/// Milliseconds of one mean, at least.
const STEP_MS: i64 = 3 * 60 * 60 * 1_000;
/// How far a spark reaches back at most, in milliseconds: seven days.
pub(crate) const SPAN_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// The means of both quantities. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spark {
    /// Behind this instant it begins, in milliseconds; a mean takes the readings up to its end, inclusive.
    pub(crate) from: i64,
    /// Milliseconds of one mean.
    pub(crate) step: i64,
    pub(crate) temperature: Means,
    pub(crate) moisture: Means,
}

impl Spark {
    /// Of the readings up to `last`, inclusive, of a device that measures every `interval_s` seconds.
    pub(crate) fn new(last: i64, interval_s: u32, readings: &[Point]) -> Self {
        // A mean of less than an interval and a half may be empty though nothing is missing.
        let step = STEP_MS.max(i64::from(interval_s) * 1_500);
        let steps = (SPAN_MS / step).max(1);
        let from = last.saturating_sub(step.saturating_mul(steps));
        let mut sums = vec![[(0_i64, 0_i64); 2]; usize::try_from(steps).unwrap_or(1)];
        for reading in readings {
            let behind = reading.time.saturating_sub(from).saturating_sub(1);
            let step = usize::try_from(behind.div_euclid(step)).ok().and_then(|step| sums.get_mut(step));
            for ((sum, count), value) in step.into_iter().flatten().zip(reading.values) {
                *sum += i64::from(value.unwrap_or(0));
                *count += i64::from(value.is_some());
            }
        }
        // To the nearest, halves up.
        let mean = |(sum, count): (i64, i64)| {
            // A mean lies between what it is of.
            if count > 0 { i16::try_from((2 * sum + count).div_euclid(2 * count)).ok() } else { None }
        };
        let means = |of: usize| sums.iter().map(|both| both.get(of).copied().and_then(mean)).collect();
        Self { from, step, temperature: means(0), moisture: means(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_ends_with_the_last_reading_and_has_means_of_three_hours() {
        let hour = 3_600_000;
        let last = 1_751_328_000_000;
        let reading = |hours: i64, temperature, moisture| Point {
            time: last - hours * hour,
            values: [temperature, moisture],
            flags: 0,
        };
        let readings = [
            reading(168, Some(9_999), None),
            reading(167, Some(-101), Some(0)),
            reading(3, Some(7), None),
            reading(2, Some(100), Some(3)),
            reading(0, Some(103), None),
        ];
        let spark = Spark::new(last, 3_600, &readings);
        assert_eq!(spark.from, last - 168 * hour);
        assert_eq!((spark.temperature.len(), spark.moisture.len()), (56, 56));
        assert_eq!((spark.temperature[0], spark.moisture[0]), (Some(-101), Some(0)), "168 hours are too old");
        assert_eq!((spark.temperature[54], spark.moisture[54]), (Some(7), None));
        assert_eq!((spark.temperature[55], spark.moisture[55]), (Some(102), Some(3)));
        assert_eq!(spark.temperature.iter().flatten().count(), 3);
    }

    #[test]
    fn a_meter_that_measures_less_often_than_a_mean_takes_has_no_gaps_for_it() {
        let last = 1_751_328_000_000;
        for interval_s in [3_600, 2 * 3_600, 4 * 3_600, 6 * 3_600, 24 * 3_600] {
            let reading = |back: i64| Point {
                // Its clock is a minute off now and then.
                time: last - back * i64::from(interval_s) * 1_000 + 60_000 * (back % 2),
                values: [Some(2_000), None],
                flags: 0,
            };
            let spark = Spark::new(last, interval_s, &(0..400).map(reading).collect::<Vec<_>>());
            assert!(spark.temperature.iter().all(Option::is_some), "{interval_s}: {:?}", spark.temperature);
        }
        assert_eq!(*Spark::new(last, u32::MAX, &[]).temperature, [None]);
    }
}
