//! Finds that hardly any world shows, told one by one: what happens to a gateway on a disk in memory, step by step.
//!
//! As with the [regressions](super::regressions), the bug can be switched on again, and then its story must go wrong; without, it must not.

mod keys;
mod site;

use anyhow::Result;
use fieldpost_core::bug::{self, Bug};

/// A bug that shipped, and what shows it.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// The bug.
    pub bug: Bug,
    /// What must hold.
    pub promise: &'static str,
    /// Lets it happen; what went wrong, if something did.
    tell: fn() -> Result<Option<String>>,
}

/// All of them.
pub const STORIES: &[Story] = &[
    Story {
        bug: Bug::SavedWithoutKeys,
        promise: "copies of what a salvage saved are still known when the table of keys is lost",
        tell: keys::table_is_lost,
    },
    Story {
        bug: Bug::KeysOfTheLost,
        promise: "nobody is told that there is a survey that a salvage lost",
        tell: keys::surveys_are_lost,
    },
];

impl Story {
    /// Whether the story still goes wrong with the bug, and well without it. What goes wrong.
    ///
    /// # Errors
    /// It does not, and in what way.
    pub fn prove(self) -> Result<String, String> {
        let Self { bug, .. } = self;
        self.holds()?;
        bug::set(Some(bug));
        let told = self.run();
        bug::set(None);
        told?.ok_or_else(|| format!("the story of {bug:?} goes well with it: it shows nothing any more"))
    }

    /// Whether it goes well as the gateway is.
    ///
    /// # Errors
    /// What goes wrong.
    pub fn holds(self) -> Result<(), String> {
        match self.run()? {
            None => Ok(()),
            Some(broken) => Err(format!("{:?} is back: {broken}", self.bug)),
        }
    }

    fn run(self) -> Result<Option<String>, String> {
        fieldpost_simdisk::install();
        fieldpost_simdisk::seed_randomness(1);
        (self.tell)().map_err(|error| format!("the story of {:?} cannot be told: {error:#}", self.bug))
    }
}
