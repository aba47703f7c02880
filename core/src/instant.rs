//! Instants in UTC.

use core::{fmt, str::FromStr, time::Duration};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Prints and parses as RFC 3339; printed in UTC with a trailing `Z` and no needless fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcInstant(i64);

/// The text is not an RFC 3339 time with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2025-07-01T08:00:00Z")]
pub struct InvalidTime;

impl UtcInstant {
    /// 2000-01-01T00:00:00Z: no meter of ours measured before.
    pub const EARLIEST: Self = Self(946_684_800_000);
    /// 9999-12-30T00:00:00Z: near the last instant that the time library can print with any offset.
    pub const LATEST: Self = Self(253_402_128_000_000);

    /// The instant `millis` milliseconds after 1970-01-01T00:00:00Z, brought within the years 0 to 9999.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        const YEAR_0: i64 = -62_167_219_200_000;
        if millis > Self::LATEST.0 {
            Self::LATEST
        } else if millis < YEAR_0 {
            Self(YEAR_0)
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant and `duration` more; the last one there is if that is beyond it.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(duration)))
    }

    /// This instant less `duration`.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(millis(duration)))
    }

    /// The time that has passed since `earlier`; nothing if that is later than this.
    #[must_use]
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same instant as the time library has it.
    #[must_use]
    pub fn to_timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl From<jiff::Timestamp> for UtcInstant {
    fn from(timestamp: jiff::Timestamp) -> Self {
        Self::from_millis(timestamp.as_millisecond())
    }
}

impl fmt::Display for UtcInstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_timestamp(), f)
    }
}

impl FromStr for UtcInstant {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        text.parse::<jiff::Timestamp>().map(Self::from).map_err(|_| InvalidTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn instants_print_and_parse_as_rfc_3339() {
        let eight = UtcInstant::from_millis(1_751_356_800_000);
        assert_eq!(eight.to_string(), "2025-07-01T08:00:00Z");
        assert_eq!("2025-07-01T08:00:00Z".parse(), Ok(eight));
        assert_eq!("2025-07-01T10:00:00+02:00".parse(), Ok(eight));
        assert_eq!("2025-07-01T08:00:00".parse::<UtcInstant>(), Err(InvalidTime), "no offset, no instant");
        assert_eq!(UtcInstant::EARLIEST.to_string(), "2000-01-01T00:00:00Z");
        assert_eq!(UtcInstant::from_millis(i64::MAX).to_string(), "9999-12-30T00:00:00Z");
        assert_eq!(UtcInstant::from_millis(i64::MIN).to_string(), "0000-01-01T00:00:00Z");
    }
}
