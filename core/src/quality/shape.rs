//! Spikes (D06) and breaks (D07, D08): section "Spectrum-based approach" of the paper, equations 4 to 9.
//!
//! x is the moisture of an hour, x' its first and x'' its second derivative, by a parabola through three hours (Savitzky-Golay). All
//! comparisons are between whole hundredths, multiplied out; flagit rounds some ratios to three decimals first, so a value
//! exactly at a limit may differ.

use super::{flags::Flags, hourly::Hourly};
use alloc::vec::Vec;
use core::ops::Range;

/// Hours on either side of which the variance (spikes) and the mean derivative (breaks) are taken.
const SIDE: i64 = 12;
/// Derivatives that a mean is taken of, at least.
const MIN_DERIVATIVES: i64 = 4;

/// Hours at which the moisture is a spike, one or two hours long.
///
/// 4: it rises or falls by more than 15 % of the hour before. 5: it comes back as it went, |x''(t-1) / x''(t+1)| between 0.8 and
/// 1.2. 6: the 24 hours around are calm, variance / mean below 1 (in percent). And it is a peak: both neighbours lie on the
/// same side; of a spike of two hours (in flagit, not in the paper) both are equal.
pub(super) fn spikes(series: &Hourly, hours: &Range<i64>) -> Vec<(i64, Flags)> {
    let mut found = Vec::new();
    // A spike of two hours may begin in the hour before.
    for hour in hours.start - 1..hours.end {
        match spike(series, hour) {
            Some(1) => found.push((hour, Flags::D06)),
            Some(_) => found.extend([(hour, Flags::D06), (hour + 1, Flags::D06)]),
            None => {}
        }
    }
    found
}

/// How many hours the spike lasts that begins in this hour.
fn spike(series: &Hourly, hour: i64) -> Option<i64> {
    let (before, value) = (series.at(hour - 1)?, series.at(hour)?);
    if value * 100 <= before * 115 && value * 100 >= before * 85 {
        return None;
    }
    let length = peak(series, hour)?;
    let (up, down) = (series.bend(hour - 1)?.abs(), series.bend(hour + 1)?.abs());
    if up * 10 <= down * 8 || up * 10 >= down * 12 {
        return None;
    }
    let around = series.spread(hour - SIDE..hour + SIDE + 1, Some(hour))?;
    // variance / mean < 1, in percent: the variance is in hundredths squared, the mean in hundredths.
    (around.variation < 100 * around.sum * (around.count - 1)).then_some(length)
}

fn peak(series: &Hourly, hour: i64) -> Option<i64> {
    let (before, value, next) = (series.at(hour - 1)?, series.at(hour)?, series.at(hour + 1)?);
    let stands_out = |end: i64| (before < value && value > end) || (before > value && value < end);
    if stands_out(next) {
        return Some(1);
    }
    (value == next && stands_out(series.at(hour + 2)?)).then_some(2)
}

/// Hours at which the moisture has dropped or jumped and stays there.
///
/// 7: it changed by more than 10 % of its value, and by more than 1 %. 8: |x'| is more than ten times the mean x' of the 25 hours
/// around. 9: |x''(t-1) / x''(t)| is 1, to one decimal, and |x''(t) / x''(t+2)| is above 10. Beside these (in flagit, not in the
/// paper) a fall from above 5 % to nothing is a drop.
pub(super) fn breaks(series: &Hourly, hours: Range<i64>) -> Vec<(i64, Flags)> {
    let flag = |hour| Some((hour, broken(series, hour)?));
    hours.filter_map(flag).collect()
}

fn broken(series: &Hourly, hour: i64) -> Option<Flags> {
    let (value, change) = (series.at(hour)?, series.at(hour)? - series.at(hour - 1)?);
    if value == 0 {
        return (change < -500).then_some(Flags::D07);
    }
    if change.abs() * 10 <= value || change.abs() <= 100 {
        return None;
    }
    let (before, here, behind) = (series.bend(hour - 1)?, series.bend(hour)?, series.bend(hour + 2)?);
    let (before, here, behind) = (before.abs(), here.abs(), behind.abs());
    let as_much = before * 100 >= here * 95 && before * 100 < here * 105;
    if here == 0 || !as_much || here <= behind * 10 {
        return None;
    }
    let rises = (hour - SIDE..=hour + SIDE).filter_map(|near| series.rise(near));
    let (count, sum) = rises.fold((0, 0_i64), |(count, sum), rise| (count + 1, sum + rise));
    let rise = series.rise(hour)?;
    if count < MIN_DERIVATIVES || rise.abs() * count <= 10 * sum.abs() {
        return None;
    }
    Some(if rise < 0 { Flags::D07 } else { Flags::D08 })
}
