//! Exact decimal numbers, as texts, SenML and meters write them.
//!
//! Values are stored as integers of hundredths, so a number must never pass through binary floating point on its
//! way in: `0.285` has to become `28.5 %`, not 28.499999.

use alloc::{format, string::String};

/// `mantissa` x 10^`exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: i64,
    exponent: i32,
}

/// Digits that are kept of a mantissa; those behind can only be far below the resolution.
const MAX_DIGITS: u32 = 18;
/// Beyond this every value is out of range or nothing, whatever its digits.
const MAX_EXPONENT: i32 = 1_000;

impl Decimal {
    /// `mantissa` x 10^`exponent`, as in a CBOR decimal fraction (RFC 8949, 3.4.4).
    pub(crate) fn new(mantissa: i64, exponent: i64) -> Self {
        let bound = i64::from(MAX_EXPONENT);
        Self { mantissa, exponent: i32::try_from(exponent.clamp(-bound, bound)).unwrap_or(0) }
    }

    /// A plain number: an optional `-`, digits, and optionally a point and digits. No exponent, no `+`, no blanks.
    pub(crate) fn parse_plain(text: &str) -> Option<Self> {
        let (number, rest) = parse_digits(text)?;
        rest.is_empty().then_some(number)
    }

    /// A number of JSON (RFC 8259, 6): a plain one with an optional exponent.
    pub(crate) fn parse_json(text: &str) -> Option<Self> {
        let (number, rest) = parse_digits(text)?;
        let Some(power) = rest.strip_prefix(['e', 'E']) else {
            return rest.is_empty().then_some(number);
        };
        let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // More digits than fit mean a power that is out of bounds anyway; its sign is what counts.
        let size = digits.parse::<i64>().unwrap_or(i64::from(MAX_EXPONENT)).min(i64::from(MAX_EXPONENT));
        let power = if power.starts_with('-') { -size } else { size };
        Some(Self::new(number.mantissa, i64::from(number.exponent) + power))
    }

    /// The shortest decimal that reads back as this binary number: what its writer meant. None unless finite.
    pub(crate) fn from_f64(number: f64) -> Option<Self> {
        if number.is_finite() { Self::parse_json(&format!("{number:e}")) } else { None }
    }

    /// As [`Decimal::from_f64`], for single precision.
    pub(crate) fn from_f32(number: f32) -> Option<Self> {
        if number.is_finite() { Self::parse_json(&format!("{number:e}")) } else { None }
    }

    /// The number x 10^`places`, rounded to an integer, halves away from zero. None if it does not fit.
    pub(crate) fn scaled(self, places: i32) -> Option<i64> {
        let power = self.exponent.saturating_add(places);
        if self.mantissa == 0 {
            return Some(0);
        }
        match u32::try_from(power) {
            Ok(up) => self.mantissa.checked_mul(10_i64.checked_pow(up)?),
            Err(_) => Some(divide(self.mantissa, power.unsigned_abs())),
        }
    }
}

/// `number` / 10^`places`, rounded, halves away from zero.
pub(crate) fn divide(number: i64, places: u32) -> i64 {
    // Half of 10^19 still fits a mantissa; of 10^20 not.
    if places == 19 && number.unsigned_abs() >= 5 * 10_u64.pow(18) {
        return number.signum();
    }
    let Some(divisor) = 10_i64.checked_pow(places) else { return 0 };
    let (quotient, rest) = (number / divisor, number % divisor);
    if rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2) && divisor > 1 {
        quotient.saturating_add(number.signum())
    } else {
        quotient
    }
}

/// Reads `-12.34` off the front of `text`; returns the number and what follows it.
fn parse_digits(text: &str) -> Option<(Decimal, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole_len = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = unsigned.split_at_checked(whole_len)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => after.split_at_checked(after.bytes().take_while(u8::is_ascii_digit).count())?,
        None => ("", rest),
    };
    let ends_in_point = unsigned.as_bytes().get(whole_len) == Some(&b'.') && fraction.is_empty();
    if whole.is_empty() || ends_in_point {
        return None;
    }
    let (mut mantissa, mut exponent, mut digits) = (0_i64, 0_i32, 0_u32);
    for (index, byte) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let in_fraction = index >= whole.len();
        if digits < MAX_DIGITS {
            mantissa = mantissa * 10 + i64::from(byte - b'0');
            digits += u32::from(mantissa != 0);
            exponent -= i32::from(in_fraction);
        } else {
            exponent = exponent.saturating_add(i32::from(!in_fraction));
        }
    }
    let mantissa = if text.starts_with('-') { -mantissa } else { mantissa };
    Some((Decimal { mantissa, exponent }, rest))
}

/// Prints `number` / 10^`places` without needless zeros: `20`, `20.5`, `-0.05`.
pub(crate) fn print(number: i64, places: u32) -> String {
    let unit = 10_u64.saturating_pow(places);
    let (whole, mut fraction) = (number.unsigned_abs() / unit, number.unsigned_abs() % unit);
    let sign = if number < 0 { "-" } else { "" };
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let mut width = places as usize;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    format!("{sign}{whole}.{fraction:0width$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hundredths(text: &str) -> Option<i64> {
        Decimal::parse_json(text).and_then(|number| number.scaled(2))
    }

    #[test]
    fn numbers_become_hundredths_exactly() {
        for (text, expected) in [
            ("20", 2000),
            ("-7.4", -740),
            ("0.285", 29),
            ("0.284999999999999999999999", 28),
            ("-0.005", -1),
            ("-0.004", 0),
            ("1e1", 1000),
            ("2053E-2", 2053),
            ("0e99999999999999999999", 0),
            ("1e-99999999999999999999", 0),
            ("00020.50", 2050),
            ("123456789012345.678", 12_345_678_901_234_568),
        ] {
            assert_eq!(hundredths(text), Some(expected), "{text}");
        }
        for bad in
            ["", "-", ".5", "5.", "+5", "1e", "1e+", "abc", "NaN", "1 ", " 1", "1e999", "--1", "1.2.3", "0x1"]
        {
            assert_eq!(hundredths(bad), None, "{bad}");
        }
        assert_eq!(Decimal::parse_plain("1e1"), None, "a plain number has no exponent");
    }

    #[test]
    fn the_longest_mantissa_is_rounded_like_any_other() {
        assert_eq!(Decimal::new(5_000_000_000_000_000_000, -19).scaled(0), Some(1));
        assert_eq!(Decimal::new(4_999_999_999_999_999_999, -19).scaled(0), Some(0));
        assert_eq!(Decimal::new(i64::MIN, -21).scaled(2), Some(-1));
        assert_eq!(Decimal::new(i64::MAX, -20).scaled(0), Some(0));
    }

    #[test]
    fn binary_numbers_mean_their_shortest_decimal() {
        assert_eq!(Decimal::from_f64(20.455).unwrap().scaled(2), Some(2046));
        assert_eq!(Decimal::from_f32(20.45).unwrap().scaled(4), Some(204_500));
        assert_eq!(Decimal::from_f64(1.276_020_076_001e9).unwrap().scaled(3), Some(1_276_020_076_001));
        assert_eq!(Decimal::from_f64(f64::NAN), None);
        assert_eq!(Decimal::from_f64(f64::MAX).unwrap().scaled(2), None);
        assert_eq!(Decimal::from_f64(f64::MIN_POSITIVE).unwrap().scaled(2), Some(0));
    }

    proptest! {
        #[test]
        fn printing_then_parsing_is_the_identity(number in any::<i32>(), places in 0_u32..6) {
            let text = print(i64::from(number), places);
            let places = i32::try_from(places).unwrap();
            prop_assert_eq!(Decimal::parse_plain(&text).unwrap().scaled(places), Some(i64::from(number)));
        }

        #[test]
        fn no_text_panics(text in "[-+.eE0-9]{0,40}", places in -5_i32..12) {
            if let Some(number) = Decimal::parse_json(&text) {
                number.scaled(places);
            }
        }

        #[test]
        fn every_double_of_hundredths_reads_back_exactly(number in -1_000_000_i64..1_000_000) {
            #[expect(clippy::cast_precision_loss, reason = "a million fits a double exactly")]
            let double = number as f64 / 100.0;
            prop_assert_eq!(Decimal::from_f64(double).unwrap().scaled(2), Some(number));
        }
    }
}
