//! The interval in force: how often a device measures, told where its readings are.
//!
//! A slot is an instant at which a device was due to measure, and what was due is what its interval said then, not what it
//! says now. What somebody set counts from when it was set. Where nobody had set anything the readings tell: [`TELLING`] steps
//! before a reading, and as many after it. Where these tell different intervals both are in force, and what is in order by one
//! of them is in order: a meter that is moved from an hour to a quarter has no holes and no readings too many on either side of
//! the change, and hides none for longer than those steps.

use fieldpost_core::UtcInstant;
use std::collections::VecDeque;

/// A device's interval, if nobody says and too little is held to tell, in seconds.
pub(crate) const INTERVAL_S: u32 = 3_600;
/// The steps, from reading to reading, by which an interval is told.
pub(crate) const TELLING: usize = 24;

/// What people set, in order of time: from when on, in milliseconds, and how many seconds; None is what the readings tell.
pub(crate) type Settings = Vec<(i64, Option<u32>)>;

/// What the readings at `times`, which are in order, tell of their interval, in whole seconds.
pub(crate) fn infer(times: &[UtcInstant]) -> Option<u32> {
    let mut steps = Steps::default();
    for (before, after) in times.iter().zip(times.iter().skip(1)) {
        steps.turn(Some(seconds(before.as_millis(), after.as_millis())), None);
    }
    steps.tell()
}

/// From one reading to the next, to the nearest second.
fn seconds(before: i64, after: i64) -> u32 {
    u32::try_from(after.saturating_sub(before).saturating_add(500) / 1_000).unwrap_or(u32::MAX)
}

/// Some steps in a row, in seconds.
#[derive(Debug, Default)]
struct Steps {
    /// The shortest first.
    sorted: Vec<u32>,
    /// What they tell, as long as they are the same.
    told: Option<Option<u32>>,
}

impl Steps {
    /// Takes a step in, and another one out.
    fn turn(&mut self, new: Option<u32>, old: Option<u32>) {
        // Mostly they are all alike.
        if new == old {
            return;
        }
        if let Some(place) = old.and_then(|old| self.sorted.binary_search(&old).ok()) {
            self.sorted.remove(place);
        }
        if let Some(new) = new {
            self.sorted.insert(self.sorted.partition_point(|step| *step < new), new);
        }
        self.told = None;
    }

    /// The interval that they tell.
    fn tell(&mut self) -> Option<u32> {
        *self.told.get_or_insert_with(|| {
            // Two readings of one second tell nothing.
            let steps = self.sorted.get(self.sorted.partition_point(|step| *step == 0)..)?;
            told_by(steps)
        })
    }
}

/// The interval of these steps, the shortest first: a frequent one of which most are multiples, for readings that are lost
/// leave multiples; else the one in the middle, if most are about so long: a clock that is not exact; else, of a meter that
/// measures when it likes, what nine of ten do not exceed.
fn told_by(steps: &[u32]) -> Option<u32> {
    let at = |part: usize| steps.get(steps.len().saturating_sub(1) * part / 10).copied();
    let most =
        |agrees: &dyn Fn(u32) -> bool| steps.iter().filter(|step| agrees(**step)).count() * 2 >= steps.len();
    if let Some(frequent) = frequent(steps) {
        let near = frequent / 8;
        if most(&|step| step >= frequent - near && step.saturating_add(near) % frequent <= 2 * near) {
            return Some(frequent);
        }
    }
    let middle = at(5)?;
    if most(&|step| step.abs_diff(middle) <= middle / 3) { at(5) } else { at(9) }
}

/// The shortest step that is at least half as frequent as any, and one of five.
fn frequent(steps: &[u32]) -> Option<u32> {
    let runs = || steps.chunk_by(|one, next| one == next);
    let highest = runs().map(<[u32]>::len).max()?;
    runs().find(|run| run.len() * 2 >= highest && run.len() * 5 >= steps.len())?.first().copied()
}

/// The intervals in force, in milliseconds, at least 1; mostly they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) shorter: i64,
    pub(crate) longer: i64,
}

impl Interval {
    /// One alone.
    pub(crate) fn of(seconds: u32) -> Self {
        let millis = i64::from(seconds.max(1)) * 1_000;
        Self { shorter: millis, longer: millis }
    }

    fn between(one: u32, other: u32) -> Self {
        Self { shorter: Self::of(one.min(other)).shorter, longer: Self::of(one.max(other)).longer }
    }

    /// How far apart, in milliseconds, two readings may be without a gap between them.
    pub(crate) fn patience(self) -> i64 {
        self.longer.saturating_add(self.longer / 2)
    }
}

/// A reading with what was in force when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paced<T> {
    pub(crate) time: i64,
    pub(crate) item: T,
    pub(crate) interval: Interval,
}

/// A reading that waits for those behind it.
#[derive(Debug)]
struct Waiting<T> {
    time: i64,
    item: T,
    /// The reading before it, and the seconds since.
    step: Option<(i64, u32)>,
}

/// Takes readings in order of time, and gives them back, each when enough behind it are there, with the interval in force.
#[derive(Debug)]
pub(crate) struct Pace<T> {
    settings: Settings,
    last: Option<i64>,
    /// The next one to be given back is the first.
    waiting: VecDeque<Waiting<T>>,
    before: Steps,
    /// The steps that `before` has, the oldest first.
    past: VecDeque<u32>,
    after: Steps,
}

impl<T> Pace<T> {
    /// Of a device for which people set this.
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            last: None,
            waiting: VecDeque::with_capacity(TELLING + 1),
            before: Steps::default(),
            past: VecDeque::with_capacity(TELLING),
            after: Steps::default(),
        }
    }

    /// Takes the next reading; gives back one for which now enough is known.
    pub(crate) fn push(&mut self, time: i64, item: T) -> Option<Paced<T>> {
        let step = self.last.replace(time).map(|last| (last, seconds(last, time)));
        let done = if self.waiting.len() > TELLING { self.first(step.map(|(_, s)| s)) } else { None };
        if done.is_none() && !self.waiting.is_empty() {
            self.after.turn(step.map(|(_, s)| s), None);
        }
        self.waiting.push_back(Waiting { time, item, step });
        done
    }

    /// Gives back the next reading, although nothing comes behind it any more.
    pub(crate) fn finish(&mut self) -> Option<Paced<T>> {
        self.first(None)
    }

    /// Gives back the first one that waits; `new` comes behind the others.
    fn first(&mut self, new: Option<u32>) -> Option<Paced<T>> {
        let Waiting { time, item, step } = self.waiting.pop_front()?;
        let interval = self.in_force(step);
        if let Some((_, seconds)) = step {
            let old = if self.past.len() >= TELLING { self.past.pop_front() } else { None };
            self.past.push_back(seconds);
            self.before.turn(Some(seconds), old);
        }
        let next = self.waiting.front().and_then(|next| next.step);
        self.after.turn(new, next.map(|(_, seconds)| seconds));
        Some(Paced { time, item, interval })
    }

    /// What is in force in a step.
    fn in_force(&mut self, step: Option<(i64, u32)>) -> Interval {
        if let Some(set) = step.and_then(|(from, _)| in_force(&self.settings, from)) {
            return Interval::of(set);
        }
        match (self.before.tell(), self.after.tell()) {
            (Some(before), Some(after)) => Interval::between(before, after),
            (Some(told), None) | (None, Some(told)) => Interval::of(told),
            (None, None) => {
                let own = step.map(|(_, seconds)| seconds).filter(|own| *own > 0);
                Interval::of(own.unwrap_or(INTERVAL_S))
            }
        }
    }
}

/// What is set at `time`, in milliseconds.
fn in_force(settings: &Settings, time: i64) -> Option<u32> {
    settings.iter().rev().find(|(since, _)| *since <= time).and_then(|(_, set)| *set)
}

#[cfg(test)]
mod tests;
