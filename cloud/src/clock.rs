//! The one place that reads the clock.

use fieldpost_core::UtcInstant;

/// The present instant.
pub(crate) fn now() -> UtcInstant {
    UtcInstant::from(jiff::Timestamp::now())
}
