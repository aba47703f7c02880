//! When a message that could not be delivered is tried again, and when it is given up.

use fieldpost_core::UtcInstant;
use std::time::Duration;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How long a message is tried that may still be taken.
const PATIENCE: Duration = Duration::from_hours(72);

/// How often a message is tried that is refused: the receiver may be in the middle of a change.
pub(crate) const MAX_REFUSALS: u32 = 5;

/// When to try again after `attempts` that failed, the last one `now`: pauses double from `first_pause` to an hour.
pub(crate) fn next(now: UtcInstant, attempts: i64, first_pause: Duration) -> UtcInstant {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(20);
    let pause = first_pause.saturating_mul(2_u32.saturating_pow(doublings));
    now.saturating_add(pause.min(LONGEST_PAUSE))
}

/// Whether a message that was put out at `put` is given up.
pub(crate) fn is_over(put: UtcInstant, now: UtcInstant) -> bool {
    now.duration_since(put) >= PATIENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_an_hour_and_after_three_days_it_is_over() {
        let now = UtcInstant::from_millis(1_751_328_000_000);
        let pause = |attempts| next(now, attempts, Duration::from_secs(5)).duration_since(now).as_secs();
        assert_eq!([1, 2, 3, 10, 11, 1_000_000].map(pause), [5, 10, 20, 2_560, 3_600, 3_600]);
        assert!(!is_over(now, now.saturating_add(PATIENCE - Duration::from_secs(1))));
        assert!(is_over(now, now.saturating_add(PATIENCE)));
    }
}
