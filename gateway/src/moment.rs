//! When something happens, as whoever drives a part of the gateway tells it.

use std::time::Duration;

use fieldpost_core::UtcInstant;

/// One instant on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock's: surveys are dated by it. It may be set, also back.
    pub utc: UtcInstant,
    /// The time since some start that stays the same while the gateway runs: pauses go by it. It never goes back.
    pub up: Duration,
}
