//! Whether a gateway lacks room for what comes: then it may refuse it.

use super::{
    agenda::{MINUTE, Millis},
    gateway::Gateway,
    oracle::Came,
};

/// What the gateway leaves free for them (P6), on its disk for each copy, and how often what it writes takes room: in the log, and in the file.
const RESERVE: u64 = 64 << 10;
const COPIES: u64 = 2;

/// What surveys take in a journal, at most.
fn weight(came: &[Came]) -> u64 {
    came.iter().map(|one| 512 + 4 * one.bytes.len() as u64).sum()
}

impl Gateway {
    /// Whether what came would take the journal beyond its limit, and room for small things is to be left.
    pub(super) fn journal_is_full(&self, came: &[Came]) -> bool {
        self.machine.used() + RESERVE + COPIES * weight(came) > self.limits.journal_max
    }

    /// Whether the journal or its disk may lack room for what came. The file is as large as it ever was, so that is a generous guess.
    pub(super) fn is_scant(&self, left: u64, came: &[Came]) -> bool {
        let journal = self.machine.size() + RESERVE + COPIES * weight(came) > self.limits.journal_max;
        journal || self.is_short(left, came)
    }

    /// Whether no garbage takes the room that surveys lack. A gateway that failed to make room leaves it for a minute.
    pub(super) fn garbage_gave_way(&self, now: Millis) -> bool {
        self.machine.garbage() == 0 || self.machine.failed_since(now - MINUTE)
    }

    /// Whether so much is too little for it. The gateway measures before it makes room, so what was left before counts as well.
    pub(super) fn is_short(&self, left: u64, came: &[Came]) -> bool {
        left < self.limits.min_free_disk + COPIES * (RESERVE + weight(came))
    }

    /// What is left on the disk once the log is folded: it must fit into the file, too.
    pub(super) fn left(&self) -> u64 {
        self.free().saturating_sub(self.machine.log())
    }
}
