//! The last of a disk is left alone (P6): a gateway that is told to leave so many bytes free writes no survey into them,
//! refuses for want of room only near them, and can still write what needs little.

use super::Oracle;
use fieldpost_gateway::parts::Outcome;

/// This much above the limit it may say that the disk is full: the group, its copy in the log, what is kept for counters, and the log.
const NEAR: u64 = 512 << 10;
/// The log may take so much of what is to be left alone: cursors, rounds and counters are written there until it is folded.
const LOG: u64 = 1 << 20;

/// The room on a gateway's disk while it was handed a group.
#[derive(Debug)]
pub struct Room {
    /// Bytes that it leaves free.
    pub limit: u64,
    /// Bytes that were free when it began with this disk, or when that became tight.
    pub first: u64,
    /// Before the group.
    pub before: u64,
    /// And behind it.
    pub after: u64,
    /// Something else keeps it from writing.
    pub troubled: bool,
}

impl Room {
    /// Whether it may say that the disk is full.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.before.min(self.after) < self.limit + NEAR
    }
}

impl Oracle {
    /// A gateway was handed a group, and said that of it.
    pub fn room(&mut self, gateway: usize, room: &Room, said: &[Outcome]) {
        let Room { limit, first, before, after, troubled } = *room;
        let any = |what: &str| said.iter().any(|outcome| outcome.text().contains(what));
        if limit > 0 && said.contains(&Outcome::New) && after < limit {
            self.fail(format!("gateway {gateway} took surveys and left {after} bytes free, not {limit}"));
        }
        if any("disk full") && !room.is_short() && !troubled {
            self.fail(format!("gateway {gateway} says that its disk is full, and {after} bytes are free"));
        }
        if any("cannot write") && !troubled && limit > 0 && before > limit / 2 {
            self.fail(format!("gateway {gateway} cannot write, and {before} bytes are free"));
        }
        if after + LOG < first.min(limit) && !troubled {
            self.fail(format!(
                "gateway {gateway} has left {after} bytes of the {limit} that it leaves alone"
            ));
        }
    }
}
