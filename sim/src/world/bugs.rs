//! The test of the test: bugs that are put into the cores on purpose, each to be found by some world.

use super::run;
use fieldpost_core::bug::Bug;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// Every bug is found in one of so many worlds, from seed 0 on.
pub const WITHIN: u64 = 300;

/// How a bug was found.
#[derive(Debug, Clone)]
pub struct Catch {
    /// Which.
    pub bug: Bug,
    /// The first seed that finds it, and what it says; None if none of [`WITHIN`] does.
    pub found: Option<(u64, String)>,
}

/// What a world with too many events is said to do.
pub(super) const IN_CIRCLES: &str = "the world goes round in circles";

/// Whether this names a promise that a bug broke. A simulator that panics, or a world that never ends, says nothing of why.
pub(super) fn tells(broken: &str) -> bool {
    !broken.starts_with(run::PANIC) && !broken.starts_with(IN_CIRCLES)
}

/// Looks for each bug until it is found, on so many threads. `tell` hears of each.
pub fn prove(days: u32, threads: usize, tell: &(dyn Fn(&Catch) + Sync)) -> Vec<Catch> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(bug) = Bug::ALL.get(next.fetch_add(1, Relaxed)).copied() {
                    let found = (0..WITHIN).find_map(|seed| {
                        let failure = run::one(seed, days, Some(bug)).err()?;
                        // What is broken without the bug proves nothing.
                        let proves = tells(&failure.broken) && run::one(seed, days, None).is_ok();
                        proves.then_some((seed, failure.broken))
                    });
                    let one = Catch { bug, found };
                    tell(&one);
                    all.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_or_a_world_without_end_proves_nothing_of_a_bug() {
        assert!(tells("gateway 0: survey 7 was acknowledged and is missing"));
        assert!(!tells("panic: index out of bounds at sim/src/world/mod.rs:7:1"));
        assert!(!tells(IN_CIRCLES));
    }
}
