//! The small curve in a list: means over a few hours, for the eye alone.

use super::thin::Point;

/// Milliseconds of one mean.
pub(crate) const STEP_MS: i64 = 3 * 60 * 60 * 1_000;
/// The means of a spark: seven days.
pub(crate) const STEPS: usize = 56;
/// How far a spark reaches back, in milliseconds.
pub(crate) const SPAN_MS: i64 = STEP_MS * STEPS as i64;

/// The means of both quantities, in hundredths; None where nothing was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spark {
    /// Behind this instant it begins, in milliseconds; a mean takes the readings up to its end, inclusive.
    pub(crate) from: i64,
    pub(crate) temperature: Vec<Option<i64>>,
    pub(crate) moisture: Vec<Option<i64>>,
}

impl Spark {
    /// Of the readings up to `last`, inclusive.
    pub(crate) fn new(last: i64, readings: &[Point]) -> Self {
        let from = last.saturating_sub(SPAN_MS);
        let mut sums = vec![[(0_i64, 0_i64); 2]; STEPS];
        for reading in readings {
            let behind = reading.time.saturating_sub(from).saturating_sub(1);
            let step = usize::try_from(behind.div_euclid(STEP_MS)).ok().and_then(|step| sums.get_mut(step));
            for ((sum, count), value) in step.into_iter().flatten().zip(reading.values) {
                *sum += i64::from(value.unwrap_or(0));
                *count += i64::from(value.is_some());
            }
        }
        // To the nearest, halves up.
        let mean = |(sum, count): (i64, i64)| (count > 0).then(|| (2 * sum + count).div_euclid(2 * count));
        let (temperature, moisture) = sums.into_iter().map(|[t, m]| (mean(t), mean(m))).unzip();
        Self { from, temperature, moisture }
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
        let spark = Spark::new(last, &readings);
        assert_eq!(spark.from, last - 168 * hour);
        assert_eq!((spark.temperature.len(), spark.moisture.len()), (56, 56));
        assert_eq!((spark.temperature[0], spark.moisture[0]), (Some(-101), Some(0)), "168 hours are too old");
        assert_eq!((spark.temperature[54], spark.moisture[54]), (Some(7), None));
        assert_eq!((spark.temperature[55], spark.moisture[55]), (Some(102), Some(3)));
        assert_eq!(spark.temperature.iter().flatten().count(), 3);
    }
}
