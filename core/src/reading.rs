//! Readings and surveys, and what it means to be offered another value for a reading that is held.

use crate::{DeviceId, UtcInstant, decimal};
use alloc::vec::Vec;
use core::fmt;

/// A temperature in hundredths of a degree Celsius, -100 to 100 °C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Temperature(i16);

/// A volumetric moisture in hundredths of a percent, 0 to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moisture(i16);

const HUNDRED: i16 = 10_000;

impl Temperature {
    /// A temperature of so many hundredths of a degree; None below -100 or above 100 °C.
    #[must_use]
    pub fn from_hundredths(hundredths: i64) -> Option<Self> {
        i16::try_from(hundredths).ok().filter(|t| (-HUNDRED..=HUNDRED).contains(t)).map(Self)
    }

    /// Hundredths of a degree Celsius.
    #[must_use]
    pub fn hundredths(self) -> i64 {
        self.0.into()
    }
}

impl Moisture {
    /// A moisture of so many hundredths of a percent; None below 0 or above 100 %.
    #[must_use]
    pub fn from_hundredths(hundredths: i64) -> Option<Self> {
        i16::try_from(hundredths).ok().filter(|m| (0..=HUNDRED).contains(m)).map(Self)
    }

    /// Hundredths of a percent.
    #[must_use]
    pub fn hundredths(self) -> i64 {
        self.0.into()
    }
}

impl fmt::Display for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::print(self.hundredths(), 2))
    }
}

impl fmt::Display for Moisture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::print(self.hundredths(), 2))
    }
}

/// What a meter measured: a temperature, a moisture, or both; never neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Values {
    temperature: Option<Temperature>,
    moisture: Option<Moisture>,
}

/// What a reading that is offered means to the one that is held for the same device and instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It says nothing that is not held: a duplicate.
    Same,
    /// It agrees with what is held and fills in the value that was missing; these are both together.
    Adds(Values),
    /// It contradicts what is held: a conflict. The first value stays (promise P3).
    Differs,
}

impl Values {
    /// The two together; None if both are missing.
    #[must_use]
    pub fn new(temperature: Option<Temperature>, moisture: Option<Moisture>) -> Option<Self> {
        (temperature.is_some() || moisture.is_some()).then_some(Self { temperature, moisture })
    }

    /// The temperature, unless it is missing.
    #[must_use]
    pub fn temperature(self) -> Option<Temperature> {
        self.temperature
    }

    /// The moisture, unless it is missing.
    #[must_use]
    pub fn moisture(self) -> Option<Moisture> {
        self.moisture
    }

    /// What `offered` means when `self` is held already.
    #[must_use]
    pub fn offer(self, offered: Self) -> Offer {
        fn agree<T: PartialEq>(held: Option<T>, offered: Option<T>) -> bool {
            held.is_none() || offered.is_none() || held == offered
        }
        if !agree(self.temperature, offered.temperature) || !agree(self.moisture, offered.moisture) {
            return Offer::Differs;
        }
        let both = Self {
            temperature: self.temperature.or(offered.temperature),
            moisture: self.moisture.or(offered.moisture),
        };
        if both == self { Offer::Same } else { Offer::Adds(both) }
    }
}

/// What a meter measured at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reading {
    /// When.
    pub time: UtcInstant,
    /// What.
    pub values: Values,
}

/// The readings of one device sent together, normally a day's. None at all is a legal, empty day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Who measured.
    pub device: DeviceId,
    /// What, in the order in which it was sent.
    pub readings: Vec<Reading>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn values(temperature: Option<i64>, moisture: Option<i64>) -> Values {
        Values::new(
            temperature.and_then(Temperature::from_hundredths),
            moisture.and_then(Moisture::from_hundredths),
        )
        .unwrap()
    }

    #[test]
    fn values_have_the_range_of_soil_and_print_without_needless_zeros() {
        assert_eq!(Temperature::from_hundredths(10_001), None);
        assert_eq!(Temperature::from_hundredths(-10_001), None);
        assert_eq!(Temperature::from_hundredths(i64::MAX), None);
        assert_eq!(Moisture::from_hundredths(-1), None);
        assert_eq!(Moisture::from_hundredths(10_001), None);
        assert_eq!(Temperature::from_hundredths(-10_000).unwrap().to_string(), "-100");
        assert_eq!(Temperature::from_hundredths(2050).unwrap().to_string(), "20.5");
        assert_eq!(Moisture::from_hundredths(5).unwrap().to_string(), "0.05");
        assert_eq!(Values::new(None, None), None);
    }

    #[test]
    fn p3_the_first_value_stays_and_a_missing_one_is_filled_in() {
        let warm = values(Some(2000), None);
        let both = values(Some(2000), Some(3000));
        assert_eq!(both.offer(both), Offer::Same);
        assert_eq!(both.offer(warm), Offer::Same, "a part of what is held is a duplicate");
        assert_eq!(warm.offer(both), Offer::Adds(both));
        assert_eq!(warm.offer(values(None, Some(3000))), Offer::Adds(both));
        assert_eq!(both.offer(values(Some(2001), None)), Offer::Differs);
        assert_eq!(warm.offer(values(Some(2001), Some(3000))), Offer::Differs);
    }

    proptest! {
        #[test]
        fn what_was_added_is_a_duplicate_from_then_on(
            t in proptest::option::of(0_i64..3), m in proptest::option::of(0_i64..3),
            t2 in proptest::option::of(0_i64..3), m2 in proptest::option::of(0_i64..3),
        ) {
            prop_assume!(t.is_some() || m.is_some());
            prop_assume!(t2.is_some() || m2.is_some());
            if let Offer::Adds(both) = values(t, m).offer(values(t2, m2)) {
                prop_assert_eq!(both.offer(values(t, m)), Offer::Same);
                prop_assert_eq!(both.offer(values(t2, m2)), Offer::Same);
            }
        }
    }
}
