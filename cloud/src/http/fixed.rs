//! Numbers that are held as integers of a fixed unit, as JSON numbers: 2050 hundredths are `20.5`.

use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt::Write};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// `.0` parts, of which `UNIT` make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fixed<const UNIT: i64>(pub(super) i64);

/// Hundredths of a degree or a percent.
pub(super) type Hundredths = Fixed<100>;
/// Millionths of a degree of latitude or longitude.
pub(super) type Millionths = Fixed<1_000_000>;

/// Tenths of a centimetre.
pub(super) type Tenths = Fixed<10>;

impl<const UNIT: i64> PartialSchema for Fixed<UNIT> {
    fn schema() -> RefOr<Schema> {
        let text = format!("A decimal with at most {} places, exact.", UNIT.ilog10());
        ObjectBuilder::new().schema_type(Type::Number).description(Some(text)).into()
    }
}

impl<const UNIT: i64> ToSchema for Fixed<UNIT> {
    fn name() -> Cow<'static, str> {
        format!("Decimal{}", UNIT.ilog10()).into()
    }
}

impl<const UNIT: i64> Serialize for Fixed<UNIT> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % UNIT == 0 {
            return serializer.serialize_i64(self.0 / UNIT);
        }
        // The nearest binary number prints as the decimal that it is nearest to.
        serializer.serialize_f64(self.0 as f64 / UNIT as f64)
    }
}

/// The parts of `number`, of which `unit` make one, to the nearest; None unless it lies from `low` to `high`.
pub(super) fn parts(number: f64, unit: f64, low: f64, high: f64) -> Option<i64> {
    (low..=high).contains(&number).then(|| (number * unit).round() as i64)
}

/// Prints hundredths as JSON, `null` if they are missing.
pub(super) fn print_hundredths(number: Option<i16>, text: &mut String) {
    let Some(number) = number else { return text.push_str("null") };
    let (whole, part) = (number.unsigned_abs() / 100, number.unsigned_abs() % 100);
    let sign = if number < 0 { "-" } else { "" };
    // Writing to a string cannot fail.
    let _ = match (part, part % 10) {
        (0, _) => write!(text, "{sign}{whole}"),
        (_, 0) => write!(text, "{sign}{whole}.{}", part / 10),
        _ => write!(text, "{sign}{whole}.{part:02}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_prints_as_the_decimal_that_it_is() {
        for number in -10_000..=10_000_i16 {
            let mut by_hand = String::new();
            print_hundredths(Some(number), &mut by_hand);
            let by_serde = serde_json::to_string(&Fixed::<100>(number.into())).unwrap();
            assert_eq!(by_hand, by_serde);
            let back: f64 = by_hand.parse().unwrap();
            assert_eq!(parts(back, 100.0, -100.0, 100.0), Some(number.into()));
        }
        let print = |number| serde_json::to_string(&Fixed::<1_000_000>(number)).unwrap();
        assert_eq!([42_440_000, -1, 180_000_000].map(print), ["42.44", "-1e-6", "180"]);
        assert_eq!(parts(f64::NAN, 100.0, -100.0, 100.0), None);
        assert_eq!(parts(100.01, 100.0, -100.0, 100.0), None);
    }
}
