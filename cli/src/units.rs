//! Durations and sizes as people write them.

use std::time::Duration;

/// Reads `500ms`, `60s`, `5m`, `1h`, `30d`, and sums of them such as `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let wrong = || format!("`{text}` is not a duration; write 500ms, 60s, 5m, 1h, 30d or 1h30m");
    let (mut rest, mut sum) = (text, 0_u64);
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(wrong)?;
        let (unit, millis) = units.into_iter().find(|(unit, _)| word(after) == *unit).ok_or_else(wrong)?;
        sum = number.checked_mul(millis).and_then(|part| sum.checked_add(part)).ok_or_else(wrong)?;
        rest = after.strip_prefix(unit).unwrap_or_default();
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(sum)) }
}

/// Reads a number of bytes: `1048576`, `64MiB`, `1GiB`, `500MB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write 64MiB, 1GiB or a number of bytes");
    let (number, unit) = leading_number(text).ok_or_else(wrong)?;
    let factor = match unit {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_as_people_write_them() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for bad in ["", "60", "s", "1 h", "-1s", "1y", "99999999999999999999s", "9999999999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
        assert_eq!(bytes("500MB"), Ok(500_000_000));
        assert_eq!(bytes("4096"), Ok(4096));
        for bad in ["", "GiB", "1.5GiB", "1 GiB", "99999999999GB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
