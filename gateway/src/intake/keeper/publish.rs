//! What is told of a commit.

use crate::{
    journal::{Journal, Progress},
    round::{Change, ClosedRound},
};

/// Brings `progress` up to what is in the journal now, and announces the last round that closed.
pub(super) fn publish(progress: &mut Progress, journal: &Journal, rounds: &[Change]) {
    let closed = rounds.iter().filter_map(|change| match change {
        Change::Closed(round) => Some(round),
        _ => None,
    });
    let last = closed.clone().next_back();
    if let Some(round) = last {
        announce(round);
        progress.closed_through = round.last_seq;
    }
    progress.last_seq = journal.last_seq();
    progress.held_through = journal.held_through();
    progress.confirmed = journal.confirmed();
    progress.rounds_closed = progress.rounds_closed.saturating_add(closed.count() as u64);
}

fn announce(round: &ClosedRound) {
    /// Names in one line of the log; `status` has them all.
    const NAMED: usize = 20;
    if round.expected == 0 {
        return;
    }
    if round.silent.is_empty() {
        tracing::info!(reported = round.reported, "round closed, every device has reported");
        return;
    }
    let silent = round.silent.get(..NAMED).unwrap_or(&round.silent).join(", ");
    let (reported, expected) = (round.reported, round.expected);
    tracing::warn!(reported, expected, silent_count = round.silent.len(), %silent, "round closed, devices are silent");
}
