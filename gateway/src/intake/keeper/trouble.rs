//! What the log is told of what keeps the gateway from taking surveys: when it begins, from time to time while it lasts, and when
//! it is over. Not at each datagram: a full log is no help to a full disk.

use std::{collections::BTreeMap, time::Duration};

use crate::journal::Full;

/// While a trouble lasts it is told of again, not sooner than this.
const REMIND: Duration = Duration::from_secs(10 * 60);
/// It is over when it has not struck for so long: a disk that is nearly full takes one survey and refuses the next.
const CALM: Duration = Duration::from_secs(60);

/// What keeps the gateway from taking surveys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It was looked, and there is no room for them.
    NoRoom(Full),
    /// A write, or opening the journal, failed for want of room.
    OutOfSpace,
    /// The journal cannot be opened or written.
    Failing,
}

/// The troubles of late.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// When each was last told of; empty when all is well.
    told: BTreeMap<Kind, Duration>,
    /// Which was the last, and when.
    last: Option<(Kind, Duration)>,
    /// Whether since then something was done that it keeps from being done.
    eased: bool,
}

impl Trouble {
    /// It strikes; says whether that is to be told.
    pub(super) fn strikes(&mut self, kind: Kind, now: Duration) -> bool {
        self.last = Some((kind, now));
        self.eased = false;
        if self.told.get(&kind).is_some_and(|told| now.saturating_sub(*told) < REMIND) {
            return false;
        }
        self.told.insert(kind, now);
        true
    }

    /// Something was written: new `surveys`, or other things, for which there may be room when there is none for these.
    pub(super) fn eases(&mut self, surveys: bool) {
        self.eased |= surveys || matches!(self.last, Some((Kind::Failing, _)));
    }

    /// Whether it is over, which is to be told; once.
    pub(super) fn is_over(&mut self, now: Duration) -> bool {
        let calm = self.last.is_some_and(|(_, struck)| now.saturating_sub(struck) >= CALM);
        let over = calm && self.eased;
        if over {
            *self = Self::default();
        }
        over
    }

    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.last.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: Kind = Kind::NoRoom(Full::Disk);

    fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_is_told_when_it_begins_and_every_ten_minutes() {
        let mut trouble = Trouble::default();
        let told: Vec<u64> = (0..1_800).filter(|now| trouble.strikes(DISK, second(*now))).collect();
        assert_eq!(told, [0, 600, 1_200]);
    }

    #[test]
    fn two_that_take_turns_are_each_told_as_often_as_one() {
        let mut trouble = Trouble::default();
        let kind = |now| if now % 2 == 0 { DISK } else { Kind::Failing };
        let told: Vec<u64> = (0..1_000).filter(|now| trouble.strikes(kind(*now), second(*now))).collect();
        assert_eq!(told, [0, 1, 600, 601]);
    }

    #[test]
    fn it_is_over_when_it_has_not_struck_for_a_minute_and_surveys_were_taken() {
        let mut trouble = Trouble::default();
        assert!(!trouble.is_over(second(0)));
        trouble.strikes(DISK, second(0));
        trouble.eases(false);
        assert!(!trouble.is_over(second(100)), "what needs no room was written");
        trouble.eases(true);
        assert!(trouble.is_over(second(100)) && !trouble.is_over(second(200)), "once");
        // One is taken, and the next refused.
        trouble.strikes(DISK, second(200));
        trouble.eases(true);
        assert!(!trouble.is_over(second(259)));
        assert!(!trouble.strikes(DISK, second(259)));
        assert!(!trouble.is_over(second(500)));
    }

    #[test]
    fn a_journal_that_failed_is_well_again_when_anything_was_written() {
        let mut trouble = Trouble::default();
        trouble.strikes(Kind::Failing, second(0));
        trouble.eases(false);
        assert!(trouble.is_over(second(60)) && trouble.is_none());
    }
}
