//! Slots: the instants at which a device was due to measure, and how many of them can have come by now.
//!
//! A device measures on a grid: every interval, in step with its last reading. Its slots begin with its first reading,
//! and end where what it measures is still on its way: whatever was measured since its last survey comes with the next
//! one, and is not missing before that is late.

use super::state::GRACE;
use fieldpost_core::UtcInstant;
use std::{collections::BTreeMap, ops::Range, time::Duration};

/// A device's interval, if nobody says and too little is held to tell, in seconds.
pub(crate) const INTERVAL_S: u32 = 3_600;
/// The newest readings by which an interval is told.
pub(crate) const TELLING: usize = 25;
/// A UTC day, in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The number of the UTC day of an instant: 0 is 1970-01-01.
pub(crate) fn day_of(time: UtcInstant) -> i64 {
    time.as_millis().div_euclid(DAY_MS)
}

/// When a day begins.
pub(crate) fn start_of(day: i64) -> UtcInstant {
    UtcInstant::from_millis(day.saturating_mul(DAY_MS))
}

/// The most frequent step between readings at `times`, which are in order, in whole seconds; of several, the shortest.
pub(crate) fn infer(times: &[UtcInstant]) -> Option<u32> {
    let mut steps: BTreeMap<u32, u32> = BTreeMap::new();
    for (before, after) in times.iter().zip(times.iter().skip(1)) {
        let step = u32::try_from((after.duration_since(*before).as_millis() + 500) / 1_000).unwrap_or(0);
        *steps.entry(step).or_default() += u32::from(step > 0);
    }
    let most = steps.values().copied().max().filter(|most| *most > 0)?;
    steps.into_iter().find(|(_, count)| *count == most).map(|(step, _)| step)
}

/// A device's slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    /// An instant on the grid, in milliseconds.
    phase: i64,
    /// Milliseconds from slot to slot; never 0.
    step: i64,
    /// The first one, inclusive, and the end, exclusive; in milliseconds.
    first: i64,
    end: i64,
}

/// What is known of a device's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    /// The instants of its first and last reading.
    pub(crate) readings: (UtcInstant, UtcInstant),
    /// When a survey of it last came.
    pub(crate) contact: UtcInstant,
}

impl Slots {
    /// The slots, by `now`, of a device that measures every `interval_s` seconds and owes a survey every `survey_s`;
    /// none if it has no past.
    pub(crate) fn new(past: Option<Past>, interval_s: u32, survey_s: u32, now: UtcInstant) -> Self {
        let step = i64::from(interval_s.max(1)) * 1_000;
        let Some(Past { readings: (first, last), contact }) = past else {
            return Self { phase: 0, step, first: 0, end: 0 };
        };
        // What has come was due, whatever the clocks say.
        let end = horizon(contact, survey_s, now).as_millis().max(last.as_millis().saturating_add(1));
        Self { phase: last.as_millis(), step, first: first.as_millis(), end }
    }

    /// How many slots lie in `range`, in milliseconds.
    fn within(&self, range: &Range<i64>) -> Range<i64> {
        // The number on the grid of the first slot at or after an instant.
        let number = |instant: i64| {
            let behind = instant.saturating_sub(self.phase);
            behind.div_euclid(self.step).saturating_add(i64::from(behind.rem_euclid(self.step) > 0))
        };
        let (from, to) = (range.start.max(self.first), range.end.min(self.end));
        if from < to { number(from)..number(to) } else { 0..0 }
    }

    /// How many are due in the days `days`, the second exclusive.
    pub(crate) fn due(&self, days: Range<i64>) -> i64 {
        let range = start_of(days.start).as_millis()..start_of(days.end).as_millis();
        let numbers = self.within(&range);
        numbers.end.saturating_sub(numbers.start)
    }

    /// The slots of `day` from which no reading at `held`, in order, is nearer than half an interval; at most `limit`.
    pub(crate) fn missing(&self, day: i64, held: &[UtcInstant], limit: usize) -> Vec<UtcInstant> {
        let range = start_of(day).as_millis()..start_of(day.saturating_add(1)).as_millis();
        let filled = |slot: i64| {
            let next = held.partition_point(|time| time.as_millis() < slot);
            let near = |at: Option<usize>| {
                let time = at.and_then(|at| held.get(at));
                time.is_some_and(|time| (time.as_millis() - slot).abs().saturating_mul(2) < self.step)
            };
            near(Some(next)) || near(next.checked_sub(1))
        };
        let slots =
            self.within(&range).map(|number| number.saturating_mul(self.step).saturating_add(self.phase));
        slots.filter(|slot| !filled(*slot)).take(limit).map(UtcInstant::from_millis).collect()
    }
}

/// Up to when what a device measured must have come by `now`: to its last survey, or to the survey that it owes since.
fn horizon(contact: UtcInstant, survey_s: u32, now: UtcInstant) -> UtcInstant {
    let survey = u64::from(survey_s.max(1)) * 1_000;
    let since = now.saturating_sub(GRACE).duration_since(contact).as_millis();
    let owed = u64::try_from(since).unwrap_or(u64::MAX) / survey;
    contact.saturating_add(Duration::from_millis(owed.saturating_mul(survey)))
}

#[cfg(test)]
mod tests;
