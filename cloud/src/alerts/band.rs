//! Where a value is too low or too high, and where it is well again: two limits, so that a value that wavers about one of them is one
//! alert, not many (hysteresis).

use super::rule::{Kind, Rule};
use fieldpost_core::UtcInstant;
use std::time::Duration;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Degrees Celsius.
    Temperature,
    /// Percent, volumetric.
    Moisture,
}

/// A rule's condition on values, in hundredths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    pub(crate) quantity: Quantity,
    below: bool,
    limit: i64,
    solved_at: i64,
    /// How long it must be so.
    pub(crate) lasting: Duration,
}

impl Band {
    /// The condition of `rule`, if it is one on values.
    pub(crate) fn of(rule: &Rule) -> Option<Self> {
        let quantity = match rule.kind {
            Kind::MoistureBelow | Kind::MoistureAbove => Quantity::Moisture,
            Kind::TemperatureBelow | Kind::TemperatureAbove | Kind::Frost => Quantity::Temperature,
            _ => return None,
        };
        Some(Self {
            quantity,
            below: rule.kind.is_below(),
            limit: rule.limit(),
            solved_at: rule.solved_at(),
            lasting: Duration::from_secs(rule.for_s.unsigned_abs()),
        })
    }

    /// Whether `value` is one to hear of.
    pub(crate) fn violates(&self, value: i64) -> bool {
        if self.below { value < self.limit } else { value > self.limit }
    }

    /// Whether `value` solves an alert.
    pub(crate) fn solves(&self, value: i64) -> bool {
        if self.below { value >= self.solved_at } else { value <= self.solved_at }
    }

    /// The worse of two values.
    pub(crate) fn worse(&self, one: i64, other: i64) -> i64 {
        if self.below { one.min(other) } else { one.max(other) }
    }

    /// The values that solve: from the first to the second, both inclusive. For asking the store.
    pub(crate) fn solving(&self) -> (i64, i64) {
        if self.below { (self.solved_at, i64::MAX) } else { (i64::MIN, self.solved_at) }
    }

    /// Whether what began at `since` has lasted long enough at `time`.
    pub(crate) fn has_lasted(&self, since: UtcInstant, time: UtcInstant) -> bool {
        time.duration_since(since) >= self.lasting
    }
}
