//! Worlds one by one, and worlds by the thousand.

use super::{Counts, World};
use fieldpost_core::bug::{self, Bug};
use std::{
    cell::RefCell,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

/// A world in which a promise was broken.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which world.
    pub seed: u64,
    /// How long it was to be.
    pub days: u32,
    /// What was switched on in it.
    pub bug: Option<Bug>,
    /// What was broken.
    pub broken: String,
    /// The last things that happened.
    pub traced: Vec<String>,
}

/// What many worlds came to.
#[derive(Debug, Default)]
pub struct Many {
    /// How many there were.
    pub worlds: u64,
    /// Faults that struck in them.
    pub counts: Counts,
    /// Events in them.
    pub events: u64,
    /// Readings that their clouds held at the end.
    pub readings: u64,
    /// The failure with the least seed.
    pub failure: Option<Failure>,
}

/// Lets the world of a seed happen, with a bug switched on, if one is given. When it fails it happens once more, and
/// is watched.
///
/// # Errors
/// A promise was broken, or something panicked.
pub fn one(seed: u64, days: u32, bug: Option<Bug>) -> Result<(Counts, World), Failure> {
    bug::set(bug);
    let result = attempt(seed, days, false).map_err(|(broken, _)| match attempt(seed, days, true) {
        Err((broken, traced)) => Failure { seed, days, bug, broken, traced },
        Ok(_) => {
            let broken = format!("{broken}; and it did not happen again: the simulator is not deterministic");
            Failure { seed, days, bug, broken, traced: Vec::new() }
        }
    });
    bug::set(None);
    result
}

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// How a failure begins that is a panic.
pub(super) const PANIC: &str = "panic: ";

/// From now on panics print nothing: the failures of their worlds say what and where they were.
pub fn listen_for_panics() {
    std::panic::set_hook(Box::new(|panic| {
        PLACE.set(panic.location().map(ToString::to_string));
    }));
}

fn attempt(seed: u64, days: u32, traced: bool) -> Result<(Counts, World), (String, Vec<String>)> {
    let mut world = World::new(seed, days, traced).map_err(|error| (error.to_string(), Vec::new()))?;
    let broken = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let place = PLACE.take().map(|place| format!(" at {place}")).unwrap_or_default();
        Some(format!("{PANIC}{}{place}", text.unwrap_or_default()))
    });
    match broken {
        None => Ok((world.counts(), world)),
        Some(broken) => Err((broken, world.traced())),
    }
}

/// Lets the worlds of all `seeds` happen, with a bug switched on, if one is given, on so many threads; stops at the first
/// failure. `tell` hears how many are done.
pub fn many(
    seeds: RangeInclusive<u64>,
    days: u32,
    bug: Option<Bug>,
    threads: usize,
    tell: &(dyn Fn(u64) + Sync),
) -> Many {
    let (seeds, stop) = (Mutex::new(seeds), AtomicBool::new(false));
    let next = || seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
    let all = Mutex::new(Many::default());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let Some(seed) = next() else { return };
                    let ended = one(seed, days, bug);
                    stop.fetch_or(ended.is_err(), Relaxed);
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.add(ended);
                    tell(all.worlds);
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Many {
    fn add(&mut self, ended: Result<(Counts, World), Failure>) {
        self.worlds += 1;
        match ended {
            Ok((counts, world)) => {
                self.counts.add(&counts);
                self.events += world.shared.steps;
                self.readings += world.shared.oracle.held() as u64;
            }
            Err(failure) => {
                if self.failure.as_ref().is_none_or(|known| failure.seed < known.seed) {
                    self.failure = Some(failure);
                }
            }
        }
    }
}
