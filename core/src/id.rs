//! The name of a device.

use alloc::boxed::Box;
use core::{borrow::Borrow, fmt, str::FromStr};

/// The name of a device: `[A-Za-z0-9][A-Za-z0-9:._-]{0,62}`. The reference system's ids are IPv4 addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Box<str>);

/// The text is not a device id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// No text at all.
    #[error("a device id cannot be empty")]
    Empty,
    /// Longer than [`DeviceId::MAX_LEN`].
    #[error("a device id has at most 63 characters")]
    TooLong,
    /// A character outside the allowed set.
    #[error("a device id is letters, digits, `:`, `.`, `_` and `-`, and starts with a letter or digit")]
    IllegalCharacter,
}

impl DeviceId {
    /// The longest id, in characters (all are ASCII, so also in bytes).
    pub const MAX_LEN: usize = 63;

    /// Checks `text` and makes an id of it.
    ///
    /// # Errors
    /// When `text` is empty, too long, or has a character that ids do not have.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Checks `text` as [`DeviceId::new`] does, without making anything of it.
    pub(crate) fn check(text: &str) -> Result<(), InvalidId> {
        let first = text.bytes().next().ok_or(InvalidId::Empty)?;
        if text.len() > Self::MAX_LEN {
            return Err(InvalidId::TooLong);
        }
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b'_' | b'-');
        if first.is_ascii_alphanumeric() && text.bytes().all(inner) {
            Ok(())
        } else {
            Err(InvalidId::IllegalCharacter)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Maps keyed by id can be asked with plain text.
impl Borrow<str> for DeviceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for DeviceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_addresses_and_names_but_not_paths_or_blanks() {
        for good in ["192.168.1.2", "a", "ithaca-13-e", "00:1A:7d", "x_1", &"a".repeat(63)] {
            assert_eq!(DeviceId::new(good).unwrap().as_str(), good);
        }
        assert_eq!(DeviceId::new(""), Err(InvalidId::Empty));
        assert_eq!(DeviceId::new(&"a".repeat(64)), Err(InvalidId::TooLong));
        for bad in [".hidden", "-rf", "a b", "a/b", "é", "a\0", "<b>", "a\n"] {
            assert_eq!(DeviceId::new(bad), Err(InvalidId::IllegalCharacter), "{bad:?}");
        }
    }
}
