//! Why input was refused: one type for every format, so that senders, counters and quarantine say the same.

use alloc::string::String;
use core::fmt;

/// Why a message was refused: the kind of fault, where it is, and how to mend it. Prints as one line of bounded
/// length in which foreign text stands quoted and escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    place: Place,
    detail: String,
}

/// Where in the message the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The message as such.
    Message,
    /// A line of text, counted from 1.
    Line(usize),
    /// A SenML record, counted from 1.
    Record(usize),
}

/// The kind of fault. Its [`Reason::code`] is what refusals are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Longer than its limit.
    TooLong,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Text, JSON or CBOR that is not of the format.
    Malformed,
    /// It ends in the middle.
    Truncated,
    /// Nobody's name on it.
    NoDevice,
    /// A name that is not a device id.
    BadDevice,
    /// A time or date that does not exist.
    BadTime,
    /// A temperature that is no number, or below -100 or above 100 °C.
    BadTemperature,
    /// A moisture that is no number, or below 0 or above 100 %.
    BadMoisture,
    /// Neither temperature nor moisture.
    NoValue,
    /// A quantity other than temperature and moisture.
    UnknownQuantity,
    /// A unit other than the quantity's.
    UnknownUnit,
    /// A SenML version or extension that must be understood and is not.
    NotSupported,
    /// An instant in the future.
    Future,
    /// An instant before the year 2000.
    TooOld,
    /// There is no room.
    Full,
}

impl Reason {
    const ALL: [Self; 16] = [
        Self::TooLong,
        Self::NotUtf8,
        Self::Malformed,
        Self::Truncated,
        Self::NoDevice,
        Self::BadDevice,
        Self::BadTime,
        Self::BadTemperature,
        Self::BadMoisture,
        Self::NoValue,
        Self::UnknownQuantity,
        Self::UnknownUnit,
        Self::NotSupported,
        Self::Future,
        Self::TooOld,
        Self::Full,
    ];

    /// The reason with this [`Reason::code`].
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Whether the fault is in the message, so that sending it again is of no use; not so if it was cut on its way or
    /// found no room.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Truncated | Self::Full)
    }

    /// The stable name of the reason in counters, metrics and problem reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::NotUtf8 => "not-utf-8",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::NoDevice => "no-device",
            Self::BadDevice => "bad-device",
            Self::BadTime => "bad-time",
            Self::BadTemperature => "bad-temperature",
            Self::BadMoisture => "bad-moisture",
            Self::NoValue => "no-value",
            Self::UnknownQuantity => "unknown-quantity",
            Self::UnknownUnit => "unknown-unit",
            Self::NotSupported => "not-supported",
            Self::Future => "future",
            Self::TooOld => "too-old",
            Self::Full => "full",
        }
    }
}

impl Refusal {
    /// Refuses a whole message. `detail` says what is wrong and how to mend it, in one line.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, place: Place::Message, detail: detail.into() }
    }

    /// The same refusal, at `place`.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// The kind of fault.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Where the fault is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Message => f.write_str(&self.detail),
            Place::Line(number) => write!(f, "line {number}: {}", self.detail),
            Place::Record(number) => write!(f, "record {number}: {}", self.detail),
        }
    }
}

impl core::error::Error for Refusal {}

/// Foreign text as it may be shown: quoted, escaped, and cut to what a reader needs to find it.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 24;
        f.write_str("`")?;
        for char in self.0.chars().take(SHOWN) {
            write!(f, "{}", char.escape_debug())?;
        }
        f.write_str(if self.0.chars().nth(SHOWN).is_some() { "...`" } else { "`" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    #[test]
    fn every_reason_is_known_by_its_code() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(Reason::from_code("unsupported-media-type"), None);
        assert!(Reason::BadTime.is_final() && !Reason::Full.is_final() && !Reason::Truncated.is_final());
    }

    #[test]
    fn a_refusal_names_the_place_and_quotes_foreign_text_safely() {
        let refusal = Refusal::new(Reason::BadTime, format!("{} is no time", Quoted("2\0\n5")));
        assert_eq!(refusal.clone().at(Place::Line(3)).to_string(), r"line 3: `2\0\n5` is no time");
        assert_eq!(refusal.at(Place::Record(7)).to_string(), r"record 7: `2\0\n5` is no time");
        assert_eq!(Quoted(&"x".repeat(5000)).to_string().len(), 29);
    }
}
