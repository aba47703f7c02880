//! Slots: the instants at which a device was due to measure, and which of them are filled.
//!
//! Each reading fills a slot, unless no more than half of the interval in force (see [`super::pace`]) has passed since the last
//! one that did: then it is extra, beyond the slots or off their grid. Between two readings that fill slots stand, evenly,
//! as many that nobody filled as the interval says. So slots begin with a device's first reading, and go with its clock.
//! Behind its last reading they go on to where what it measures is still on its way: whatever was measured since its last
//! survey comes with the next one, and is not missing before that is late.

use super::{pace::Interval, state::GRACE};
use fieldpost_core::UtcInstant;
use std::{ops::Range, time::Duration};

/// A UTC day, in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;
/// A clock that is so little early, in milliseconds, measures the new day's first slot before midnight.
const EARLY_MS: i64 = 60_000;

/// The number of the UTC day of an instant: 0 is 1970-01-01.
pub(crate) fn day_of(time: UtcInstant) -> i64 {
    time.as_millis().div_euclid(DAY_MS)
}

/// When a day begins.
pub(crate) fn start_of(day: i64) -> UtcInstant {
    UtcInstant::from_millis(day.saturating_mul(DAY_MS))
}

/// The slots of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) due: i64,
    /// Of those that were due.
    pub(crate) filled: i64,
    /// Readings that fill no slot.
    pub(crate) extra: i64,
}

/// Slots that nobody filled: `count` of them behind an instant, each `span / parts` behind the one before.
#[derive(Debug, Clone, Copy)]
struct Empty {
    after: i64,
    span: i64,
    parts: i64,
    count: i64,
}

impl Empty {
    /// The numbers, from 1 on, of those from `from`, inclusive, to `to`, exclusive.
    fn within(&self, range: Range<i64>) -> Range<i64> {
        // The first one that is not before an instant.
        let first = |instant: i64| {
            let behind = i128::from(instant) - i128::from(self.after);
            let number = -(-behind * i128::from(self.parts)).div_euclid(i128::from(self.span.max(1)));
            i64::try_from(number.clamp(1, i128::from(self.count) + 1)).unwrap_or(1)
        };
        first(range.start)..first(range.end)
    }

    fn at(&self, number: i64) -> i64 {
        let behind = i128::from(number) * i128::from(self.span) / i128::from(self.parts.max(1));
        self.after.saturating_add(i64::try_from(behind).unwrap_or(i64::MAX))
    }
}

/// Counts slots by day, from readings in order of time.
#[derive(Debug)]
pub(crate) struct Tally {
    first_day: i64,
    counts: Vec<Count>,
    /// The last reading, and the last one that filled a slot.
    last: Option<i64>,
    filled: Option<i64>,
    /// Slots that nobody filled, and how many of them are named.
    missing: Vec<UtcInstant>,
    named: usize,
}

impl Tally {
    /// Of some days, at most `named` of whose empty slots are named.
    pub(crate) fn new(days: Range<i64>, named: usize) -> Self {
        let length = usize::try_from(days.end.saturating_sub(days.start)).unwrap_or(0);
        let counts = vec![Count::default(); length];
        Self { first_day: days.start, counts, last: None, filled: None, missing: Vec::new(), named }
    }

    /// The same, of days of which this is known already.
    pub(crate) fn of(first_day: i64, counts: Vec<Count>) -> Self {
        Self { first_day, counts, last: None, filled: None, missing: Vec::new(), named: 0 }
    }

    /// A reading at `time`, in milliseconds, when `interval` was in force.
    pub(crate) fn add(&mut self, time: i64, interval: Interval) {
        let Interval { shorter, longer } = interval;
        let early = early(shorter);
        let since = |before: Option<i64>| before.map_or(longer, |before| time.saturating_sub(before));
        let (step, span) = (since(self.last.replace(time)), since(self.filled));
        // To the nearest, halves down. What is no gap in a curve is none here.
        let slots = match step <= interval.patience() {
            true => 1,
            false => span.saturating_sub(1).saturating_add(longer / 2) / longer,
        };
        if span <= shorter / 2 {
            if let Some(count) = self.day_at(time.saturating_add(early)) {
                count.extra += 1;
            }
            return;
        }
        if slots > 1 {
            let after = time.saturating_sub(span);
            self.leave(Empty { after, span, parts: slots, count: slots.saturating_sub(1) }, early);
        }
        self.filled = Some(time);
        if let Some(count) = self.day_at(time.saturating_add(early)) {
            count.due += 1;
            count.filled += 1;
        }
    }

    /// Nothing has come since `last`, and what was measured before `end` must have.
    pub(crate) fn wait(&mut self, last: i64, interval: Interval, end: i64) {
        let span = interval.longer;
        let count = end.saturating_sub(1).saturating_sub(last) / span;
        if count > 0 {
            self.leave(Empty { after: last, span, parts: 1, count }, early(span));
        }
    }

    /// Counts slots that nobody filled, and names them.
    fn leave(&mut self, empty: Empty, early: i64) {
        for (count, day) in self.counts.iter_mut().zip(self.first_day..) {
            let start = start_of(day).as_millis().saturating_sub(early);
            let numbers = empty.within(start..start.saturating_add(DAY_MS));
            count.due = count.due.saturating_add(numbers.end.saturating_sub(numbers.start));
            let room = self.named.saturating_sub(self.missing.len());
            self.missing.extend(numbers.take(room).map(|number| UtcInstant::from_millis(empty.at(number))));
        }
    }

    fn day_at(&mut self, time: i64) -> Option<&mut Count> {
        let place = time.div_euclid(DAY_MS).checked_sub(self.first_day)?;
        self.counts.get_mut(usize::try_from(place).ok()?)
    }

    /// The days' counts, and the empty slots that are named.
    pub(crate) fn finish(self) -> (Vec<Count>, Vec<UtcInstant>) {
        (self.counts, self.missing)
    }
}

/// How much early a reading of a new day may be.
fn early(interval: i64) -> i64 {
    EARLY_MS.min(interval / 4)
}

/// Up to when what a device measured must have come by `now`: to its last survey, or to the survey that it owes since.
pub(crate) fn horizon(contact: UtcInstant, survey_s: u32, now: UtcInstant) -> UtcInstant {
    let survey = u64::from(survey_s.max(1)) * 1_000;
    let since = now.saturating_sub(GRACE).duration_since(contact).as_millis();
    let owed = u64::try_from(since).unwrap_or(u64::MAX) / survey;
    contact.saturating_add(Duration::from_millis(owed.saturating_mul(survey)))
}

#[cfg(test)]
mod tests;
