//! Readings as a series of hourly moistures, which is what the rules are made for.

use crate::{Moisture, Reading, UtcInstant};
use alloc::{vec, vec::Vec};
use core::ops::Range;

/// More readings than these in an hour, one a minute, are not examined.
pub const MAX_AN_HOUR: usize = 60;

const HOUR: i64 = 60 * 60 * 1000;

/// The UTC hour that an instant is nearest to, in hours since 1970; of the instant between two, the later one.
#[must_use]
pub fn hour_of(time: UtcInstant) -> i64 {
    (time.as_millis() + HOUR / 2).div_euclid(HOUR)
}

/// The first instant that is nearest to `hour`.
#[must_use]
pub fn start_of(hour: i64) -> UtcInstant {
    UtcInstant::from_millis(hour.saturating_mul(HOUR).saturating_sub(HOUR / 2))
}

/// The moisture of an hour, and the reading that it is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    time: UtcInstant,
    /// Hundredths of a percent.
    moisture: i64,
}

/// A series of hours, some without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hourly {
    first: i64,
    slots: Vec<Option<Slot>>,
    /// Hours with too many readings, in order.
    crowded: Vec<i64>,
}

impl Hourly {
    /// The hours from `first` to `end`, which is not among them.
    pub(super) fn new(readings: &[Reading], first: i64, end: i64) -> Self {
        let length = usize::try_from(end - first).unwrap_or(0);
        let mut series = Self { first, slots: vec![None; length], crowded: Vec::new() };
        for group in readings.chunk_by(|one, next| hour_of(one.time) == hour_of(next.time)) {
            let Some(hour) = group.first().map(|reading| hour_of(reading.time)) else { continue };
            if group.len() > MAX_AN_HOUR {
                series.crowded.push(hour);
            } else if let Some(slot) = series.index(hour).and_then(|index| series.slots.get_mut(index)) {
                *slot = nearest(group, hour);
            }
        }
        series
    }

    /// Whether an hour has too many readings.
    pub(super) fn is_crowded(&self, hour: i64) -> bool {
        self.crowded.binary_search(&hour).is_ok()
    }

    /// When the value of an hour was measured.
    pub(super) fn time(&self, hour: i64) -> Option<UtcInstant> {
        self.slot(hour).map(|slot| slot.time)
    }

    /// The moisture of an hour, in hundredths of a percent.
    pub(super) fn at(&self, hour: i64) -> Option<i64> {
        self.slot(hour).map(|slot| slot.moisture)
    }

    /// Twice the first derivative: from the hour before to the hour behind, in hundredths of a percent.
    pub(super) fn rise(&self, hour: i64) -> Option<i64> {
        Some(self.at(hour + 1)? - self.at(hour - 1)?)
    }

    /// The second derivative, in hundredths of a percent.
    pub(super) fn bend(&self, hour: i64) -> Option<i64> {
        Some(self.at(hour + 1)? - 2 * self.at(hour)? + self.at(hour - 1)?)
    }

    /// Of the hours `hours` but `without`: their number n, their sum s, and n times the sum of squares less s squared, which is
    /// n (n - 1) times the variance. None if one has no value.
    pub(super) fn spread(&self, hours: Range<i64>, without: Option<i64>) -> Option<Spread> {
        let mut spread = Spread { count: 0, sum: 0, variation: 0 };
        let mut squares = 0;
        for hour in hours.filter(|hour| Some(*hour) != without) {
            let value = self.at(hour)?;
            spread.count += 1;
            spread.sum += value;
            squares += value * value;
        }
        spread.variation = spread.count * squares - spread.sum * spread.sum;
        Some(spread)
    }

    fn slot(&self, hour: i64) -> Option<&Slot> {
        self.slots.get(self.index(hour)?)?.as_ref()
    }

    fn index(&self, hour: i64) -> Option<usize> {
        usize::try_from(hour - self.first).ok()
    }
}

/// The moisture nearest to the hour; the earlier of two.
fn nearest(group: &[Reading], hour: i64) -> Option<Slot> {
    let slots = group.iter().filter_map(|reading| {
        let moisture = reading.values.moisture().map(Moisture::hundredths)?;
        Some(Slot { time: reading.time, moisture })
    });
    slots.min_by_key(|slot| (slot.time.as_millis() - hour * HOUR).abs())
}

/// How the values of some hours spread; in hundredths of a percent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) count: i64,
    pub(super) sum: i64,
    /// n (n - 1) times the variance.
    pub(super) variation: i64,
}
