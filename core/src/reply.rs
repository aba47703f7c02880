//! What a gateway and a cloud answer, on the reference system's sockets.

use alloc::{format, string::String};

/// The gateway's whole answer to a survey that is safe with it.
pub const ARRIVED: &str = "Surveys arrived";
/// The cloud's whole answer to an upload that is safe with it.
pub const RECEIVED: &str = "Surveys received";
/// The reference cloud's answer when something went wrong on its side.
pub const ERROR: &str = "An error is occurred";

/// The longest answer, in bytes: longer reasons are cut. The reference device reads up to 4,096.
pub const MAX_LEN: usize = 400;

const REFUSED: &str = "Surveys refused: ";
const TRY_AGAIN: &str = "; try again later";

/// An answer as the one who asked understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `Surveys arrived` or `Surveys received`: the other side has it, durably.
    Accepted,
    /// The other side does not want it.
    Refused {
        /// Why, in its words: one line, at most [`MAX_LEN`] bytes, without anything that a terminal would obey.
        reason: String,
        /// The fault is not in the message: the same one may be accepted later.
        again: bool,
    },
    /// Something else; nothing can be concluded from it.
    Unknown,
}

/// Refuses a message for good: `Surveys refused: <why>`. It never reads as [`try_again`], whatever foreign text `why` quotes.
#[must_use]
pub fn refused(why: &str) -> String {
    let why = one_line(why, MAX_LEN - REFUSED.len());
    format!("{REFUSED}{}", why.trim_end_matches(TRY_AGAIN))
}

/// Refuses a message through no fault of its own, for lack of room, say: `Surveys refused: <why>; try again later`.
#[must_use]
pub fn try_again(why: &str) -> String {
    format!("{REFUSED}{}{TRY_AGAIN}", one_line(why, MAX_LEN - REFUSED.len() - TRY_AGAIN.len()))
}

/// Understands an answer.
#[must_use]
pub fn parse(bytes: &[u8]) -> Reply {
    let Ok(text) = core::str::from_utf8(bytes) else { return Reply::Unknown };
    if text == ARRIVED || text == RECEIVED {
        return Reply::Accepted;
    }
    let Some(why) = text.strip_prefix(REFUSED) else { return Reply::Unknown };
    let (why, again) = why.strip_suffix(TRY_AGAIN).map_or((why, false), |why| (why, true));
    // Whoever answers on a datagram socket may be anybody, and the reason goes into logs and onto terminals.
    let longest = MAX_LEN - REFUSED.len() - if again { TRY_AGAIN.len() } else { 0 };
    Reply::Refused { reason: one_line(why, longest), again }
}

fn one_line(text: &str, max_len: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max_len));
    for char in text.chars().map(|char| if char.is_control() { ' ' } else { char }) {
        if line.len() + char.len_utf8() > max_len {
            break;
        }
        line.push(char);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_the_reference_systems_and_read_back() {
        assert_eq!(ARRIVED.len(), 15);
        assert_eq!(parse(b"Surveys arrived"), Reply::Accepted);
        assert_eq!(parse(b"Surveys received"), Reply::Accepted);
        let bad = refused("line 1: `x` is no time");
        assert_eq!(bad, "Surveys refused: line 1: `x` is no time");
        assert_eq!(
            parse(bad.as_bytes()),
            Reply::Refused { reason: "line 1: `x` is no time".into(), again: false }
        );
        let full = try_again("the journal is full");
        assert_eq!(full, "Surveys refused: the journal is full; try again later");
        assert_eq!(
            parse(full.as_bytes()),
            Reply::Refused { reason: "the journal is full".into(), again: true }
        );
        for other in [&b"Surveys arrived\n"[..], b"", b"\xff", b"An error is occurred", b"surveys arrived"] {
            assert_eq!(parse(other), Reply::Unknown);
        }
    }

    #[test]
    fn a_reply_is_one_line_of_bounded_length() {
        let long = refused(&"é\n".repeat(5000));
        assert!(long.len() <= MAX_LEN && !long.contains('\n'), "{long}");
        assert!(try_again(&"x".repeat(5000)).len() == MAX_LEN);
    }

    #[test]
    fn a_refusal_for_good_is_never_read_as_one_for_now() {
        for why in ["no; try again later", "no; try\nagain later; try again later"] {
            assert_eq!(parse(refused(why).as_bytes()), Reply::Refused { reason: "no".into(), again: false });
        }
    }

    #[test]
    fn a_reason_from_a_stranger_is_one_line_too() {
        let heard = parse(b"Surveys refused: \x1b[2J\n\xc2\x9b2Jno");
        assert_eq!(heard, Reply::Refused { reason: " [2J  2Jno".into(), again: false });
        let Reply::Refused { reason, again: true } =
            parse(format!("Surveys refused: {}; try again later", "x".repeat(5000)).as_bytes())
        else {
            panic!("a refusal")
        };
        assert_eq!(try_again(&reason).len(), MAX_LEN);
    }
}
