//! What the ground is like: a real year at Ithaca, New York (samples/PROVENANCE.md), read once.

use crate::rng::Rng;
use fieldpost_core::{Moisture, Temperature, Values};
use std::sync::LazyLock;

static ITHACA: LazyLock<Vec<Values>> = LazyLock::new(|| {
    let text = include_str!("../../../samples/ithaca.csv");
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut cells = line.split(',').skip(2).map(hundredths);
        let temperature = cells.next().flatten().and_then(Temperature::from_hundredths);
        Values::new(temperature, cells.next().flatten().and_then(Moisture::from_hundredths))
    });
    rows.filter(|values| values.temperature().is_some() && values.moisture().is_some()).collect()
});

/// `-12.3` is -1230.
fn hundredths(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    Some((number * 100.0).round() as i64)
}

/// What was measured in some hour.
pub fn values(rng: &mut Rng) -> Option<Values> {
    let place = usize::try_from(rng.below(ITHACA.len() as u64)).unwrap_or(0);
    ITHACA.get(place).copied()
}

/// A number of hundredths as a meter of the reference system writes it.
pub fn number(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.abs() / 100, hundredths.abs() % 100);
    match rest {
        0 => format!("{sign}{whole}"),
        rest if rest % 10 == 0 => format!("{sign}{whole}.{}", rest / 10),
        rest => format!("{sign}{whole}.{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_there_and_numbers_are_written_without_needless_zeros() {
        // Of a year of hours; some lack one of the two values.
        assert!(ITHACA.len() > 6_000, "{}", ITHACA.len());
        for (hundredths, text) in [(2000, "20"), (2050, "20.5"), (-7, "-0.07"), (-110, "-1.1"), (0, "0")] {
            assert_eq!(number(hundredths), text);
        }
    }
}
