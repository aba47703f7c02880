//! The one place that reads the clock.

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use fieldpost_core::UtcInstant;

use crate::moment::Moment;

/// What [`Moment::up`] counts from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The present instant.
pub(crate) fn now() -> UtcInstant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcInstant::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The present instant, on both clocks.
pub(crate) fn moment() -> Moment {
    Moment { utc: now(), up: START.elapsed() }
}
