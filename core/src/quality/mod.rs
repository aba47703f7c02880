//! Soil-science checks: flags beside a reading, never instead of it.
//!
//! The rules are those of the International Soil Moisture Network that need soil temperature and moisture only: W. A. Dorigo
//! et al., "Global Automated Quality Control of In Situ Soil Moisture Data from the International Soil Moisture Network",
//! Vadose Zone Journal 12(3), 2013, doi:10.2136/vzj2012.0097, with what the network's own program (flagit) has made
//! of them since. Each rule's module says its numbers. Not applied, because they need what we do not know: C03 (the soil's
//! saturation point), D02 and D03 (air and modelled temperature), D04 and D05 (rain). C01 (moisture below 0) cannot happen:
//! no such reading is stored.
//!
//! **The interval.** The rules about the shape of a curve are made for hourly values. As the network does, each UTC hour is given
//! to the reading nearest to it, at most 30 minutes off ([`hour_of`]); readings between are judged by their values only (C02, D01 and the
//! temperature's range). Meters that measure less often than hourly leave hours empty, and a window with an empty hour
//! flags nothing. An hour with more than [`MAX_AN_HOUR`] readings is not examined at all: that bounds the work.
//!
//! **Reach.** A reading's flags depend on readings less than [`REACH_HOURS`] away, on one bit from the hours before (the
//! constant low values of D09 may go on for years), and on the highest moisture of the two years before (D10). So a reading
//! that comes late changes flags in a neighbourhood that can be named, and any order of arrival ends in the same flags.
//!
//! Everything is counted in whole hundredths, so the result is the same on every machine.

mod flags;
mod hourly;
mod plateau;
mod shape;

pub use flags::Flags;
pub use hourly::{MAX_AN_HOUR, hour_of, start_of};
pub use plateau::{HIGHEST_BELOW, HIGHEST_WITHIN, Plateau};

use crate::{Moisture, Reading, Temperature, UtcInstant};
use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Range;
use hourly::Hourly;

/// How many hours before and behind an hour its flags depend on: the longest plateau (30 days) and its edges.
pub const REACH_HOURS: i64 = 32 * 24;
/// The hour whose [`Finding::goes_on`] an examination starts from lies so many hours before the first it judges.
pub const STATE_HOURS: i64 = 13;

/// What the rules say of one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Finding {
    /// What they object to.
    pub flags: Flags,
    /// Constant low values (D09) go on through this hour: what an examination of later hours starts from.
    pub goes_on: bool,
}

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Of the readings that a rule objects to, in order of time.
    pub by_time: BTreeMap<UtcInstant, Finding>,
    /// Wet and steady for hours, after a rise and before a drop: saturated ([`Flags::D10`]) if that is near the highest moisture of
    /// the two years before. Whoever examines asks for that, and calls [`Findings::saturated`].
    pub plateaus: Vec<Plateau>,
    hourly: Hourly,
    judged: Range<i64>,
}

/// Examines the readings of one device in the hours `judged`.
///
/// `readings` are all that there are from [`REACH_HOURS`] before these hours to [`REACH_HOURS`] behind them, in order of time;
/// of an hour with more than [`MAX_AN_HOUR`], at least one more than that. `goes_on` is what is known of the hour that lies
/// [`STATE_HOURS`] before the first one.
#[must_use]
pub fn examine(readings: &[Reading], judged: Range<i64>, goes_on: bool) -> Findings {
    let hourly = Hourly::new(readings, judged.start - REACH_HOURS, judged.end + REACH_HOURS);
    let mut findings = Findings { by_time: BTreeMap::new(), plateaus: Vec::new(), hourly, judged };
    for reading in readings {
        let flags = of_values(reading);
        let hour = hour_of(reading.time);
        if flags != Flags::NONE && findings.judged.contains(&hour) && !findings.hourly.is_crowded(hour) {
            findings.add(reading.time, flags);
        }
    }
    let breaks = shape::breaks(&findings.hourly, findings.judged.start - STATE_HOURS..findings.judged.end);
    for (hour, flag) in shape::spikes(&findings.hourly, &findings.judged).into_iter().chain(breaks.clone()) {
        findings.add_hour(hour, flag);
    }
    findings.constant_low(&breaks, goes_on);
    findings.plateaus = plateau::find(&findings.hourly, &findings.judged);
    findings
}

/// What the rules say of a reading by itself.
fn of_values(reading: &Reading) -> Flags {
    let mut flags = Flags::NONE;
    let temperature = reading.values.temperature().map(Temperature::hundredths);
    let moisture = reading.values.moisture().map(Moisture::hundredths);
    if moisture.is_some_and(|moisture| moisture > 6_000) {
        flags = flags.with(Flags::C02);
    }
    if moisture.is_some() && temperature.is_some_and(|temperature| temperature < 0) {
        flags = flags.with(Flags::D01);
    }
    match temperature {
        Some(cold) if cold < -6_000 => flags.with(Flags::T_C01),
        Some(hot) if hot > 6_000 => flags.with(Flags::T_C02),
        _ => flags,
    }
}

impl Findings {
    /// The plateau's mean is near the highest moisture: its hours are flagged.
    pub fn saturated(&mut self, plateau: &Plateau) {
        for hour in plateau.hours.clone() {
            self.add_hour(hour, Flags::D10);
        }
    }

    fn constant_low(&mut self, breaks: &[(i64, Flags)], goes_on: bool) {
        let hours = plateau::constant_low(&self.hourly, breaks, &self.judged, goes_on);
        for (hour, goes_on) in hours {
            self.add_hour(hour, Flags::D09);
            if let Some(finding) =
                self.hourly.time(hour).and_then(|time| self.by_time.get_mut(&time)).filter(|_| goes_on)
            {
                finding.goes_on = true;
            }
        }
    }

    fn add_hour(&mut self, hour: i64, flag: Flags) {
        if let Some(time) = self.hourly.time(hour).filter(|_| self.judged.contains(&hour)) {
            self.add(time, flag);
        }
    }

    fn add(&mut self, time: UtcInstant, flags: Flags) {
        let finding = self.by_time.entry(time).or_default();
        finding.flags = finding.flags.with(flags);
    }
}

#[cfg(test)]
mod tests;
