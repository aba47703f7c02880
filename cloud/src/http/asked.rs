//! What lists are asked for: part of a name, a place in the list, days.

use super::{problem::Problem, query::Keys};
use crate::fleet::slots::{DAY_MS, day_of};
use fieldpost_core::UtcInstant;
use jiff::{civil::Date, tz::Offset};

/// The longest search, in characters.
const MAX_SEARCH: usize = 200;
/// Nobody has more devices.
const MAX_OFFSET: usize = 100_000_000;

/// What is wrong with a query.
pub(super) fn bad(detail: impl Into<String>) -> Problem {
    Problem::bad_request("bad-query", detail)
}

/// The part of a name that is searched for, in lower case; empty is everything.
pub(super) fn search(keys: &Keys) -> Result<String, Problem> {
    let search = keys.text("search").unwrap_or("").trim().to_lowercase();
    if search.chars().count() > MAX_SEARCH {
        return Err(bad(format!("search has at most {MAX_SEARCH} characters")));
    }
    Ok(search)
}

/// The number `key`, from `low` to `high`.
pub(super) fn number(
    keys: &Keys,
    key: &str,
    default: usize,
    low: usize,
    high: usize,
) -> Result<usize, Problem> {
    let Some(text) = keys.text(key) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| bad(format!("{key} is a number from {low} to {high}")))
}

/// How many are skipped.
pub(super) fn offset(keys: &Keys) -> Result<usize, Problem> {
    number(keys, "offset", 0, 0, MAX_OFFSET)
}

/// The number of the UTC day that `text` names.
pub(super) fn day(text: &str) -> Option<i64> {
    let date: Date = text.parse().ok()?;
    // No other way to write a date than the one that is printed.
    let midnight = UtcInstant::from(Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?);
    let known = UtcInstant::EARLIEST..UtcInstant::LATEST;
    (known.contains(&midnight) && date.to_string() == text).then(|| day_of(midnight))
}

/// A day as its date.
pub(super) fn date(day: i64) -> String {
    let midnight = UtcInstant::from_millis(day.saturating_mul(DAY_MS)).to_timestamp();
    Offset::UTC.to_datetime(midnight).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates_of_utc() {
        assert_eq!(day("1970-01-02"), None, "no meter measured then");
        assert_eq!(day("2000-01-01"), Some(10_957));
        assert_eq!(day("2026-02-29"), None);
        assert_eq!(day("20260201"), None);
        assert_eq!(day("2026-02-01T00:00:00Z"), None);
        for text in ["2000-01-01", "2024-02-29", "2026-07-01"] {
            assert_eq!(day(text).map(date).as_deref(), Some(text));
        }
    }
}
