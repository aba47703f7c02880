//! The custody mark: how far the cloud holds a gateway's journal, as the gateway says with each upload.
//!
//! ```text
//! Fieldpost-Custody: 00c0ffee00c0ffee 17 42      the journal's id, after, through
//! Fieldpost-Custody: 17                          in the answer: the mark as it was before
//! ```
//!
//! A mark below what the gateway knows to be acknowledged says that the store is older than its acknowledgements: a
//! backup was put in its place.

use std::fmt;

/// Hexadecimal digits of a journal's id.
const ID_DIGITS: usize = 16;

/// What a gateway says of an upload: it takes the cloud from `after` to `through` in the gateway's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Custody {
    /// The journal's id; written as 16 lowercase hexadecimal digits.
    pub journal: u64,
    /// The last sequence number that the gateway holds for acknowledged before this upload; at most `i64::MAX`.
    pub after: u64,
    /// The last sequence number that is settled once this upload is stored; `after` or more, at most `i64::MAX`.
    pub through: u64,
}

/// As in the request's header.
impl fmt::Display for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} {} {}", self.journal, self.after, self.through)
    }
}

/// A `Fieldpost-Custody` header that cannot be understood, and how it should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCustody {
    /// Not three words with single spaces between them.
    #[error("Fieldpost-Custody: say `<journal id> <after> <through>`, once, with single spaces between")]
    Words,
    /// The first word is no journal id.
    #[error("Fieldpost-Custody: a journal id has exactly 16 lowercase hexadecimal digits")]
    Journal,
    /// The second or third word is no sequence number.
    #[error("Fieldpost-Custody: a sequence number is decimal, from 0 to 9223372036854775807")]
    Number,
    /// The end is before the start.
    #[error("Fieldpost-Custody: the second number is where the pack ends; it cannot be below the first")]
    Backwards,
}

/// Reads the value of a request's `Fieldpost-Custody` header.
///
/// # Errors
/// If it is not `<journal id> <after> <through>`; the error says how it should look.
pub fn parse_custody(header: &str) -> Result<Custody, BadCustody> {
    let mut words = header.split(' ');
    let (Some(journal), Some(after), Some(through), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BadCustody::Words);
    };
    let custody = Custody { journal: id(journal)?, after: number(after)?, through: number(through)? };
    if custody.through < custody.after { Err(BadCustody::Backwards) } else { Ok(custody) }
}

fn id(word: &str) -> Result<u64, BadCustody> {
    let digits = word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if word.len() != ID_DIGITS || !digits {
        return Err(BadCustody::Journal);
    }
    u64::from_str_radix(word, 16).map_err(|_| BadCustody::Journal)
}

/// Stores and journals count in `i64`, so half of what a `u64` holds is all there is.
fn number(word: &str) -> Result<u64, BadCustody> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { word.parse::<i64>().ok() } else { None };
    number.map(i64::unsigned_abs).ok_or(BadCustody::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custody_header_reads_as_it_was_written() {
        let custody = Custody { journal: 0x00c0_ffee_00c0_ffee, after: 17, through: 42 };
        assert_eq!(custody.to_string(), "00c0ffee00c0ffee 17 42");
        assert_eq!(parse_custody("00c0ffee00c0ffee 17 42"), Ok(custody));
        let whole = Custody { journal: u64::MAX, after: 0, through: i64::MAX.unsigned_abs() };
        assert_eq!(whole.to_string(), "ffffffffffffffff 0 9223372036854775807");
        assert_eq!(parse_custody(&whole.to_string()), Ok(whole));
        assert!(parse_custody("0000000000000000 5 5").is_ok(), "an upload may settle nothing");
    }

    #[test]
    fn a_custody_header_that_is_almost_right_is_refused_with_what_is_wrong() {
        for (header, fault) in [
            ("", BadCustody::Words),
            ("00c0ffee00c0ffee 17", BadCustody::Words),
            ("00c0ffee00c0ffee 17 42 43", BadCustody::Words),
            (" 00c0ffee00c0ffee 17 42", BadCustody::Words),
            ("00c0ffee00c0ffee  42", BadCustody::Number),
            ("00C0FFEE00c0ffee 17 42", BadCustody::Journal),
            ("0c0ffee00c0ffee 17 42", BadCustody::Journal),
            ("000c0ffee00c0ffee 17 42", BadCustody::Journal),
            ("+0c0ffee00c0ffee 17 42", BadCustody::Journal),
            ("00c0ffee00c0ffeé 17 42", BadCustody::Journal),
            ("00c0ffee00c0ffee +17 42", BadCustody::Number),
            ("00c0ffee00c0ffee -1 42", BadCustody::Number),
            ("00c0ffee00c0ffee 0x1 42", BadCustody::Number),
            ("00c0ffee00c0ffee 17 9223372036854775808", BadCustody::Number),
            ("00c0ffee00c0ffee 17\t42 1", BadCustody::Number),
            ("00c0ffee00c0ffee 42 17", BadCustody::Backwards),
        ] {
            assert_eq!(parse_custody(header), Err(fault), "{header}");
        }
    }
}
