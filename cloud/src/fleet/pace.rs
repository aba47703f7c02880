//! The interval in force: how often a device measures, told where its readings are.
//!
//! A slot is an instant at which a device was due to measure, and what was due is what its interval said then, not what it
//! says now. What somebody set counts from when it was set. Where nobody had set anything the readings tell: [`TELLING`] steps
//! before a reading, and as many after it. Where these tell different intervals both are in force, and what is in order by one
//! of them is in order: a meter that is moved from an hour to a quarter has no holes and no readings too many on either side of
//! the change, and hides none for longer than those steps. A meter that measures a few times a day may go by a timetable: what comes
//! about once a day, such as its night, is in order, too.

use fieldpost_core::UtcInstant;
use std::collections::VecDeque;

/// A device's interval, if nobody says and too little is held to tell, in seconds.
pub(crate) const INTERVAL_S: u32 = 3_600;
/// The steps, from reading to reading, by which an interval is told.
pub(crate) const TELLING: usize = 24;
/// Meters that measure no oftener than this, in seconds, may go by a timetable, such as four times between morning and evening.
const SELDOM_S: u32 = 2 * 3_600;
/// The days on which a step must come again to be part of a timetable.
const TIMETABLE_DAYS: u64 = 3;
const DAY_S: u32 = 86_400;

/// What people set, in order of time: from when on, in milliseconds, and how many seconds; None is what the readings tell.
pub(crate) type Settings = Vec<(i64, Option<u32>)>;

/// What is in force since a device's last reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    /// As people are told it, in seconds.
    pub(crate) interval_s: u32,
    /// When the next reading is due.
    pub(crate) interval: Interval,
}

impl Since {
    /// What people set, in seconds.
    pub(crate) fn set(interval_s: u32) -> Self {
        Self { interval_s, interval: Interval::of(interval_s) }
    }

    /// What the last readings tell, those at `times`, which are in order.
    pub(crate) fn told(times: &[UtcInstant]) -> Self {
        let mut steps = Steps::default();
        for (before, after) in times.iter().zip(times.iter().skip(1)) {
            steps.turn(Some(seconds(before.as_millis(), after.as_millis())), None);
        }
        let told = steps.tell();
        let interval_s = told.map_or(INTERVAL_S, |told| told.interval);
        let (shorter, longer) = told.map_or((interval_s, interval_s), |told| (told.shorter, told.longer));
        // As between readings: too few steps may not have seen the night yet.
        let few = told.is_none_or(|told| told.interval >= SELDOM_S && steps.len() < TELLING);
        let longer = if few { longer.max(DAY_S) } else { longer };
        Self { interval_s, interval: Interval::between(shorter, longer) }
    }
}

/// From one reading to the next, to the nearest second.
fn seconds(before: i64, after: i64) -> u32 {
    u32::try_from(after.saturating_sub(before).saturating_add(500) / 1_000).unwrap_or(u32::MAX)
}

/// What steps tell, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    interval: u32,
    /// Steps between these two are in order.
    shorter: u32,
    longer: u32,
}

/// Some steps in a row, in seconds.
#[derive(Debug, Default)]
struct Steps {
    /// The shortest first.
    sorted: Vec<u32>,
    /// What they tell, as long as they are the same.
    told: Option<Option<Told>>,
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

    fn len(&self) -> usize {
        self.sorted.len()
    }

    /// What they tell.
    fn tell(&mut self) -> Option<Told> {
        *self.told.get_or_insert_with(|| {
            // Two readings of one second tell nothing.
            let steps = self.sorted.get(self.sorted.partition_point(|step| *step == 0)..)?;
            let interval = told_by(steps)?;
            let (shorter, longer) = in_order(steps, interval);
            Some(Told { interval, shorter, longer })
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

/// The shortest and the longest step that are in order: of a meter that measures seldom also those that come about once a day,
/// which are of its timetable.
fn in_order(steps: &[u32], interval: u32) -> (u32, u32) {
    let span: u64 = steps.iter().copied().map(u64::from).sum();
    let daily = |run: &&[u32]| {
        let days = run.len() as u64;
        interval >= SELDOM_S
            && days >= TIMETABLE_DAYS
            && span.abs_diff(days * u64::from(DAY_S)) < u64::from(DAY_S)
    };
    let runs = steps.chunk_by(|one, next| one == next).filter(daily).filter_map(<[u32]>::first);
    runs.fold((interval, interval), |(shorter, longer), step| (shorter.min(*step), longer.max(*step)))
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

    fn between(shorter: u32, longer: u32) -> Self {
        Self { shorter: Self::of(shorter).shorter, longer: Self::of(longer).longer }
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
        let own = step.map(|(_, seconds)| seconds).filter(|own| *own > 0);
        let told = [self.before.tell(), self.after.tell()];
        let Some(interval) = told.iter().flatten().map(|told| told.interval).min() else {
            return Interval::of(own.unwrap_or(INTERVAL_S));
        };
        // Too few steps do not tell a timetable from an interval: what is not known to be due is not missing.
        let few = interval >= SELDOM_S && self.before.len() + self.after.len() < TELLING;
        let in_order = told.iter().flatten().flat_map(|told| [told.shorter, told.longer]);
        let in_order = in_order.chain(own.filter(|_| few));
        let (shorter, longer) =
            in_order.fold((interval, interval), |(short, long), step| (short.min(step), long.max(step)));
        Interval::between(shorter, longer)
    }
}

/// What is set at `time`, in milliseconds.
fn in_force(settings: &Settings, time: i64) -> Option<u32> {
    settings.iter().rev().find(|(since, _)| *since <= time).and_then(|(_, set)| *set)
}

#[cfg(test)]
mod tests;
