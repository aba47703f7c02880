//! Randomness that can be had again: SplitMix64, small and good enough to choose victims.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// A source of random numbers that its seed determines.
#[derive(Debug, Clone)]
pub struct Rng(u64);

/// The seed that the operator chose with `FIELDPOST_SIM_SEED`, or a new one.
///
/// # Errors
/// The variable is set and is not a number: running with another seed than the one asked for would mislead.
pub fn seed() -> anyhow::Result<u64> {
    match env::var("FIELDPOST_SIM_SEED") {
        Ok(text) => text.parse().map_err(|_| anyhow::anyhow!("FIELDPOST_SIM_SEED=`{text}` is not a number")),
        Err(_) => Ok(RandomState::new().build_hasher().finish()),
    }
}

impl Rng {
    /// A source that repeats itself for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number().checked_rem(limit).unwrap_or(0)
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A duration below `limit`, to the microsecond.
    pub fn within(&mut self, limit: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX)))
    }

    /// An independent source.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }
}

/// A number in which every bit depends on every bit of `number`.
#[must_use]
pub fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
