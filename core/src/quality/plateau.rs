//! Values that stand still: constant low (D09) and saturated (D10); section "Spectrum-based approach", equations 10 to 14.

use super::{
    REACH_HOURS,
    flags::Flags,
    hourly::{Hourly, Spread},
};
use crate::Moisture;
use alloc::vec::Vec;
use core::{ops::Range, time::Duration};

/// Hours of the window that is constant and low.
const LOW: i64 = 13;
/// Hours of the window that is steady.
const STEADY: i64 = 12;
/// Where the rise before, and the drop behind a plateau are looked for: so many hours on either side of its edge.
const EDGE: i64 = 12;
/// A longer plateau, 30 days, is not judged: how it begins and how it ends would have to be remembered for as long.
const LONGEST: i64 = REACH_HOURS - 48;

/// The highest moisture that counts as such is below this, 60 %, in hundredths of a percent.
pub const HIGHEST_BELOW: i64 = 6_000;
/// How far back the highest moisture is looked for, from a plateau's end: two years.
pub const HIGHEST_WITHIN: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// Steady moisture after a rise and before a drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plateau {
    /// Its hours, as [`super::hour_of`] counts them.
    pub hours: Range<i64>,
    count: i64,
    sum: i64,
}

impl Plateau {
    /// Whether its mean is above 95 % of `highest`: the highest moisture below [`HIGHEST_BELOW`] that was measured within
    /// [`HIGHEST_WITHIN`] before the plateau's end.
    #[must_use]
    pub fn is_saturated(&self, highest: Option<Moisture>) -> bool {
        highest.is_some_and(|highest| self.sum * 100 > 95 * highest.hundredths() * self.count)
    }
}

/// Hours of constant low moisture, and whether it goes on through that hour.
///
/// It begins at a drop (D07) if from there variance / mean of 13 hours is below 0.001 (in percent), and goes on for as long as that
/// is so; all 13 hours are flagged. An hour without a value ends it: flagit joins what stands on either side of a gap,
/// but what was not measured was not measured to be constant.
pub(super) fn constant_low(
    series: &Hourly,
    breaks: &[(i64, Flags)],
    hours: &Range<i64>,
    mut goes_on: bool,
) -> Vec<(i64, bool)> {
    let mut drops = breaks.iter().filter(|(_, flag)| *flag == Flags::D07).map(|(hour, _)| *hour).peekable();
    let (mut flagged, mut until) = (Vec::new(), i64::MIN);
    for hour in hours.start - (LOW - 1)..hours.end {
        while drops.next_if(|drop| *drop < hour).is_some() {}
        goes_on = (goes_on || drops.peek() == Some(&hour)) && is_low(series, hour);
        if goes_on {
            until = hour + LOW;
        }
        if hour >= hours.start && hour < until {
            flagged.push((hour, goes_on));
        }
    }
    flagged
}

fn is_low(series: &Hourly, hour: i64) -> bool {
    let spread = series.spread(hour..hour + LOW, None);
    // Nothing at all for 13 hours is as constant and low as can be.
    spread.is_some_and(|Spread { count, sum, variation }| sum == 0 || variation * 10 < (count - 1) * sum)
}

/// Plateaus with an hour among `hours`.
///
/// 10: the variance of 12 hours is at most 0.05 (in percent), for as many hours as that is so. 11: within 12 hours of its beginning
/// the moisture rises by 0.25 % an hour or more. 12: within 12 hours of its end it drops. The plateau is what lies
/// between the two, where these lie within it. A gap ends it, as in [`constant_low`].
pub(super) fn find(series: &Hourly, hours: &Range<i64>) -> Vec<Plateau> {
    let (mut found, mut hour) = (Vec::new(), hours.start - LONGEST - EDGE);
    while hour < hours.end + EDGE {
        if !is_steady(series, hour) {
            hour += 1;
            continue;
        }
        let start = hour;
        while is_steady(series, hour) {
            hour += 1;
        }
        // What was steady before the first hour that we look at is longer than what is judged, or over before `hours`.
        let whole = !is_steady(series, start - 1);
        let plateau =
            (whole && hour - start + STEADY - 1 <= LONGEST).then(|| between(series, start, hour - 1));
        found.extend(
            plateau.flatten().filter(|one| one.hours.start < hours.end && hours.start < one.hours.end),
        );
    }
    found
}

fn is_steady(series: &Hourly, hour: i64) -> bool {
    let spread = series.spread(hour..hour + STEADY, None);
    // 0.05 in percent squared is 500 in hundredths squared.
    spread.is_some_and(|Spread { count, variation, .. }| variation <= 500 * count * (count - 1))
}

/// The plateau whose steady windows begin in the hours from `first` to `last`.
fn between(series: &Hourly, first: i64, last: i64) -> Option<Plateau> {
    let end = last + STEADY - 1;
    let rises = |hours: Range<i64>| hours.filter_map(|hour| Some((series.rise(hour)?, hour)));
    let steepest = rises(first - EDGE..first + EDGE + 1).max_by_key(|(rise, hour)| (*rise, -hour))?;
    let drop = rises(last..last + 2 * EDGE + 1).min()?;
    // Derivatives are held twofold: 0.25 % an hour is 50.
    if steepest.0 < 50 || drop.0 >= 0 {
        return None;
    }
    let from = if steepest.1 >= first { steepest.1 } else { first };
    let to = if drop.1 <= end { drop.1 } else { end };
    let Spread { count, sum, .. } = series.spread(from..to + 1, None)?;
    (count > 0).then_some(Plateau { hours: from..to + 1, count, sum })
}
