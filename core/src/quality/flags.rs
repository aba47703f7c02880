//! The flags themselves: bits, and the names that the soil moisture network has for them.

use core::fmt;

/// What the rules object to in a reading; a set.
///
/// As 16 bits: the flag that the network numbers n (C01 is 1, D01 is 4, D10 is 13) is bit n - 1. Two more are about the
/// temperature, whose range the network flags as C01 and C02 in the temperature's own file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flags(u16);

impl Flags {
    /// Nothing is objected to: the network writes `G`.
    pub const NONE: Self = Self(0);
    /// Moisture above 60 %.
    pub const C02: Self = Self(1 << 1);
    /// Frozen: the soil temperature is below 0 °C, so the moisture does not count the ice.
    pub const D01: Self = Self(1 << 3);
    /// A spike of the moisture.
    pub const D06: Self = Self(1 << 8);
    /// A sudden drop of the moisture.
    pub const D07: Self = Self(1 << 9);
    /// A sudden jump of the moisture.
    pub const D08: Self = Self(1 << 10);
    /// Constant low moisture after a drop.
    pub const D09: Self = Self(1 << 11);
    /// Constant moisture near its highest: saturated, or the sensor's end.
    pub const D10: Self = Self(1 << 12);
    /// The temperature is below -60 °C.
    pub const T_C01: Self = Self(1 << 13);
    /// The temperature is above 60 °C.
    pub const T_C02: Self = Self(1 << 14);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::C02, "C02"),
        (Self::D01, "D01"),
        (Self::D06, "D06"),
        (Self::D07, "D07"),
        (Self::D08, "D08"),
        (Self::D09, "D09"),
        (Self::D10, "D10"),
        (Self::T_C01, "T-C01"),
        (Self::T_C02, "T-C02"),
    ];
    const OF_TEMPERATURE: u16 = Self::T_C01.0 | Self::T_C02.0;

    /// The flags with these bits; bits that mean nothing are dropped.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self(bits & Self::NAMES.iter().fold(0, |all, (flag, _)| all | flag.0))
    }

    /// As bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// These and `others`.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether all of `others` are among these.
    #[must_use]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The ones about the moisture.
    #[must_use]
    pub const fn of_moisture(self) -> Self {
        Self(self.0 & !Self::OF_TEMPERATURE)
    }

    /// The ones about the temperature.
    #[must_use]
    pub const fn of_temperature(self) -> Self {
        Self(self.0 & Self::OF_TEMPERATURE)
    }

    /// Their names, in order; none if nothing is objected to.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }

    /// The flags that a text names, as this type prints them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "G" {
            return Some(Self::NONE);
        }
        text.split(' ').try_fold(Self::NONE, |flags, word| {
            let (flag, _) = Self::NAMES.into_iter().find(|(_, name)| *name == word)?;
            Some(flags.with(flag))
        })
    }
}

/// Names with a space between; `G`, for good, if there are none.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in self.names() {
            write!(f, "{separator}{name}")?;
            separator = " ";
        }
        if *self == Self::NONE { f.write_str("G") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn flags_print_as_the_network_names_them_and_read_back() {
        let some = Flags::D10.with(Flags::C02).with(Flags::T_C01);
        assert_eq!(some.to_string(), "C02 D10 T-C01");
        assert_eq!((some.of_moisture().to_string(), some.of_temperature()), ("C02 D10".into(), Flags::T_C01));
        assert_eq!(Flags::NONE.to_string(), "G");
        for bits in 0..=u16::MAX {
            let flags = Flags::from_bits(bits);
            assert_eq!(Flags::parse(&flags.to_string()), Some(flags));
        }
        for bad in ["", "g", "D11", "C02,D10", "C02  D10", "9", "G D06"] {
            assert_eq!(Flags::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bit_is_the_networks_number_less_one() {
        assert_eq!((Flags::C02.bits(), Flags::D01.bits(), Flags::D10.bits()), (1 << 1, 1 << 3, 1 << 12));
        assert_eq!(Flags::from_bits(1).bits(), 0, "C01 cannot be");
    }
}
