//! What the simulator has found in what shipped: each was mended, and its seed is kept.
//!
//! The bug can be switched on again ([`Bug::FOUND`]), and then the world of the seed must show it; without, it must not. Whoever changes how
//! worlds are made of seeds finds another seed with `cargo sim --seeds 100000 --bug <name>`.

use super::{bugs, run};
use fieldpost_core::bug::Bug;

/// A bug that shipped, and a world that shows it.
#[derive(Debug, Clone, Copy)]
pub struct Regression {
    /// The bug.
    pub bug: Bug,
    /// The world.
    pub seed: u64,
    /// How long it is.
    pub days: u32,
}

/// All of them but those that hardly any world shows: these are told as [stories](super::stories).
pub const REGRESSIONS: &[Regression] = &[
    Regression { bug: Bug::SalvageSkips, seed: 62, days: 10 },
    Regression { bug: Bug::SalvageLeaps, seed: 71379, days: 10 },
    Regression { bug: Bug::EmptyFileIsNew, seed: 81, days: 10 },
    Regression { bug: Bug::SalvageUntold, seed: 32, days: 10 },
    Regression { bug: Bug::SeqTwice, seed: 21, days: 10 },
    Regression { bug: Bug::QuietStart, seed: 113, days: 10 },
    Regression { bug: Bug::UnseenIsMissing, seed: 560, days: 10 },
    Regression { bug: Bug::UnreadableIsDamaged, seed: 95, days: 10 },
    Regression { bug: Bug::ForgetNewcomers, seed: 43, days: 10 },
    Regression { bug: Bug::AgainByThatClock, seed: 548, days: 10 },
    Regression { bug: Bug::RefusedIsHeld, seed: 5329, days: 10 },
];

impl Regression {
    /// Whether the world still shows the bug, and is well without it. What it says.
    ///
    /// # Errors
    /// It does not, and in what way.
    pub fn prove(self) -> Result<String, String> {
        let Self { bug, seed, days } = self;
        if let Err(failure) = run::one(seed, days, None) {
            return Err(format!("{bug:?} is back, or another: seed {seed}: {}", failure.broken));
        }
        match run::one(seed, days, Some(bug)) {
            Err(failure) if bugs::tells(&failure.broken) => Ok(failure.broken),
            Err(failure) => {
                Err(format!("the world of seed {seed} does not say what {bug:?} breaks: {}", failure.broken))
            }
            Ok(_) => Err(format!("the world of seed {seed} no longer shows {bug:?}; find another that does")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::STORIES;

    #[test]
    fn whatever_was_found_has_one_seed_or_one_story_that_shows_it() {
        let seeds = REGRESSIONS.iter().map(|one| one.bug);
        let proven: Vec<_> = seeds.chain(STORIES.iter().map(|one| one.bug)).collect();
        for found in Bug::FOUND {
            assert_eq!(proven.iter().filter(|one| *one == found).count(), 1, "{found:?}");
        }
        assert_eq!(proven.len(), Bug::FOUND.len(), "{proven:?}");
    }
}
