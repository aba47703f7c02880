//! How long to wait before the cloud is tried again.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// At most: a cloud that is back is found within about a minute.
const LONGEST: Duration = Duration::from_secs(60);
/// A pause is longer by up to this part of it, so that many gateways do not come back at once.
const JITTER_PERCENT: u32 = 50;

/// Pauses that double with every failure in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It works again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait. `random` is any number.
    pub(super) fn pause(&mut self, random: u64) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let percent = u32::try_from(random % u64::from(JITTER_PERCENT + 1)).unwrap_or(0);
        pause + pause * percent / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_start_over_after_a_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u64> = (0..9).map(|_| backoff.pause(0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.pause(50), Duration::from_secs(90));
        assert_eq!(backoff.pause(51 + 25), Duration::from_secs(75));
        backoff.reset();
        assert_eq!(backoff.pause(0).as_secs(), 1);
    }
}
