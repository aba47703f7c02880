//! The one place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use fieldpost_core::UtcInstant;

/// The present instant.
pub(crate) fn now() -> UtcInstant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcInstant::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
