//! The custody mark: how a gateway notices that the cloud went back in time.
//!
//! A cloud restored from an old backup has forgotten surveys that it acknowledged. It keeps, with them, a mark for each journal;
//! the mark goes back with the rest, and so an answer with a mark below what was confirmed tells what is to be offered again.
//!
//! ```text
//! request  Fieldpost-Custody: <journal, 16 hex digits> <after> <through>
//! answer   Fieldpost-Custody: <mark before this pack>
//! ```

use std::time::Duration;

/// Between two times that a cloud's mark is believed: a strange cloud cannot make the gateway run in circles.
const BACK_EVERY: Duration = Duration::from_secs(60 * 60);

/// The value of a request's header: this cloud has acknowledged `journal` up to the row `after`, and this pack goes on to `through`.
pub(super) fn request(journal: u64, after: i64, through: i64) -> String {
    format!("{journal:016x} {after} {through}")
}

/// The mark in an answer's header; none if it is not a decimal row number, and then it says nothing.
pub(super) fn answer(value: &str) -> Option<i64> {
    // A sign would parse, and no cloud writes one.
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { value.parse().ok() } else { None }
}

/// Watches the marks of one cloud.
#[derive(Debug, Default)]
pub(super) struct MarkWatch {
    /// When the gateway last went back, in time since the start.
    back: Option<Duration>,
}

impl MarkWatch {
    /// The row to go back to, if the cloud, whose mark is `mark`, has lost some of what it `confirmed`. `up` is the time since the
    /// start. Never forward: a mark above what was confirmed proves nothing about the rows between.
    pub(super) fn gone_back(&self, mark: i64, confirmed: i64, up: Duration) -> Option<i64> {
        let rested = self.back.is_none_or(|back| up.saturating_sub(back) >= BACK_EVERY);
        (mark < confirmed && rested).then_some(mark)
    }

    /// It is durable now that a mark was believed. Until then it counts for nothing: the note may be lost with its journal.
    pub(super) fn went_back(&mut self, up: Duration) {
        self.back = Some(up);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_journal_in_sixteen_hex_digits_and_two_rows() {
        assert_eq!(request(0x00c0_ffee, 41, 107), "0000000000c0ffee 41 107");
        assert_eq!(request(u64::MAX, 0, i64::MAX), "ffffffffffffffff 0 9223372036854775807");
    }

    #[test]
    fn an_answer_is_a_decimal_row_or_says_nothing() {
        assert_eq!(answer("0"), Some(0));
        assert_eq!(answer("9223372036854775807"), Some(i64::MAX));
        for strange in ["", " 1", "1 ", "+1", "-1", "0x1", "1.0", "9223372036854775808", "\u{661}"] {
            assert_eq!(answer(strange), None, "{strange:?}");
        }
    }

    #[test]
    fn a_mark_leads_back_never_forward_and_not_twice_within_the_hour() {
        let mut watch = MarkWatch::default();
        let start = Duration::from_secs(5);
        assert_eq!(watch.gone_back(10, 10, start), None);
        assert_eq!(watch.gone_back(99, 10, start), None);
        assert_eq!(watch.gone_back(3, 10, start), Some(3));
        assert_eq!(watch.gone_back(3, 10, start), Some(3), "it was not noted");
        watch.went_back(start);
        assert_eq!(watch.gone_back(3, 10, start + BACK_EVERY - Duration::from_nanos(1)), None);
        assert_eq!(watch.gone_back(0, 10, start + BACK_EVERY), Some(0));
    }
}
