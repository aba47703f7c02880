//! What happens to each datagram of a group: new, a copy, or refused. No input, no output, no clock.

use fieldpost_core::{
    Reason,
    bug::{self, Bug},
    reply,
};

use super::{decide::Content, inbox::Entry};
use crate::{
    journal::{Batch, Full, KeySet, Quarantined, Seq, ShortKey},
    round::Rounds,
};

/// Refused inputs of one group that are kept raw; beyond, they are only counted: a flood of garbage costs little.
const QUARANTINED_PER_GROUP: usize = 8;

/// Counters beside the refusals.
mod counter {
    pub(super) const COPIES: &str = "copies";
    pub(super) const EMPTY: &str = "empty-from-unknown";
    pub(super) const DROPPED: &str = "dropped-under-load";
}

/// What to tell the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is safe already.
    Held,
    /// It is safe if the group's commit succeeds; as an answer, because it has.
    New,
    /// It is not taken: the whole answer, which says why.
    Refused(String),
    /// Its group could not be written, and nobody knows yet what became of it: the whole answer.
    Unwritten(String),
}

impl Outcome {
    /// Exactly what the sender is told.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Held | Self::New => reply::ARRIVED,
            Self::Refused(text) | Self::Unwritten(text) => text,
        }
    }
}

/// A group, sorted: what to write, and what to tell whom (by place in the group).
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) batch: Batch,
    pub(crate) outcomes: Vec<Outcome>,
}

/// Sorts a group. `known` says which datagrams are journaled already, `roster` who is waited for.
pub(crate) fn sort<E>(
    entries: Vec<Entry>,
    dropped: u64,
    rounds: &Rounds,
    mut known: impl FnMut(ShortKey) -> Result<bool, E>,
) -> Result<Sorted, E> {
    let mut sorted = Sorted::default();
    let mut in_group = KeySet::with_capacity_and_hasher(entries.len(), Default::default());
    for Entry { peer, datagram, .. } in entries {
        let copy = known(datagram.key)?;
        let again = !copy && in_group.contains(&datagram.key);
        let batch = &mut sorted.batch;
        sorted.outcomes.push(match datagram.content {
            _ if copy => {
                count(batch, counter::COPIES);
                Outcome::Held
            }
            // Its original is in this very group, and shares its fate.
            _ if again => {
                count(batch, counter::COPIES);
                Outcome::New
            }
            Content::Refused { refusal, raw } => {
                let reason = refusal.reason().code();
                let detail = refusal.to_string();
                let answer = reply::refused(&detail);
                refuse(
                    batch,
                    Quarantined { at: datagram.received, peer: peer.to_string(), reason, detail, raw },
                );
                Outcome::Refused(answer)
            }
            Content::Empty(Some(row)) if rounds.expects(&row.device) => {
                in_group.insert(datagram.key);
                batch.surveys.push(row);
                Outcome::New
            }
            Content::Empty(_) => {
                count(batch, counter::EMPTY);
                Outcome::Held
            }
            Content::Surveys(rows) => {
                in_group.insert(datagram.key);
                batch.surveys.extend(rows);
                Outcome::New
            }
        });
    }
    if dropped > 0 {
        sorted.batch.counters.insert(counter::DROPPED, dropped);
    }
    Ok(sorted)
}

fn count(batch: &mut Batch, name: &'static str) {
    let count = batch.counters.entry(name).or_default();
    *count = count.saturating_add(1);
}

fn refuse(batch: &mut Batch, input: Quarantined) {
    let count = batch.refusals.entry(input.reason).or_default();
    *count = if bug::on(Bug::CountGroupsOnce) { 1 } else { count.saturating_add(1) };
    if batch.quarantined.len() < QUARANTINED_PER_GROUP {
        batch.quarantined.push(input);
    }
}

impl Sorted {
    /// What the new surveys take.
    pub(crate) fn weight(&self) -> usize {
        self.batch.surveys.iter().map(crate::journal::NewSurvey::weight).sum()
    }

    /// What takes the refused input that is to be kept.
    pub(crate) fn weight_of_refused(&self) -> usize {
        self.batch.quarantined.iter().map(Quarantined::weight).sum()
    }

    /// There is no room: what is new is not taken, its sender keeps it. Nor is anything kept then that nobody needs.
    pub(crate) fn refuse_new(&mut self, full: Full) {
        self.batch.surveys.clear();
        if !bug::on(Bug::QuarantineUnbounded) {
            self.batch.quarantined.clear();
        }
        let refused = self.turn_away(&full.to_string());
        if refused > 0 {
            let count = self.batch.refusals.entry(Reason::Full.code()).or_default();
            *count = count.saturating_add(refused);
        }
    }

    /// Tells the senders of what is new to try again later; says how many.
    fn turn_away(&mut self, why: &str) -> u64 {
        let mut away = 0;
        for outcome in self.outcomes.iter_mut().filter(|outcome| **outcome == Outcome::New) {
            *outcome = Outcome::Refused(reply::try_again(why));
            away += 1;
        }
        away
    }

    /// Lets the new surveys move the rounds; the changes go into the same transaction as they.
    pub(crate) fn advance(&mut self, rounds: &mut Rounds, last_seq: Seq, now: fieldpost_core::UtcInstant) {
        for survey in &self.batch.surveys {
            rounds.arrived(&survey.device, now, &mut self.batch.rounds);
        }
        let added = Seq::try_from(self.batch.surveys.len()).unwrap_or(Seq::MAX);
        rounds.poll(now, last_seq.saturating_add(added), &mut self.batch.rounds);
    }
}
