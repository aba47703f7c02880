//! The last of a disk is left alone (P6): a gateway that is told to leave so many bytes free writes no survey into them, and of
//! what else it must write only little. That it refuses for want of room only near them is judged with its answers.

use super::Oracle;
use fieldpost_gateway::parts::Outcome;

/// The log may take so much of what is to be left alone: cursors, rounds and counters are written there until it is folded.
const LOG: u64 = 1 << 20;

/// The room on a gateway's disk after it was handed a group.
#[derive(Debug)]
pub struct Room {
    /// Bytes that it leaves free.
    pub limit: u64,
    /// Bytes that were free when it began with this disk, or when that became tight.
    pub first: u64,
    /// Bytes that are free now.
    pub left: u64,
    /// The disk failed meanwhile, and keeps it from folding its log.
    pub troubled: bool,
}

impl Oracle {
    /// A gateway was handed a group, and said that of it.
    pub fn room(&mut self, gateway: usize, room: &Room, said: &[Outcome]) {
        let Room { limit, first, left, troubled } = *room;
        if limit > 0 && said.contains(&Outcome::New) && left < limit {
            self.fail(format!("gateway {gateway} took surveys and left {left} bytes free, not {limit}"));
        }
        if left + LOG < first.min(limit) && !troubled {
            self.fail(format!("gateway {gateway} has left {left} bytes of the {limit} that it leaves alone"));
        }
    }
}
