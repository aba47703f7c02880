//! Rounds (P8): every one closes once, when all on the roster have reported or at its deadline, also when nothing comes and
//! over restarts; and it names those from whom no survey came in it.
//!
//! The gateway keeps a list of who has reported. The model has none: a round is the surveys behind the last one that closed.

use super::{Custody, Oracle, Seq};
use crate::world::agenda::Millis;
use fieldpost_core::{DeviceId, UtcInstant};
use fieldpost_gateway::ClosedRound;
use std::{collections::BTreeSet, time::Duration};

/// The rounds of one gateway, as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Rounds {
    /// The last survey of the last round that closed.
    closed_through: Seq,
    /// Between which instants of the gateway's clock the open one opened.
    opened: Option<(Millis, Millis)>,
    /// The roster as it was last.
    roster: BTreeSet<DeviceId>,
    /// The journal was damaged, and may have forgotten who reported.
    unsure: bool,
    /// A commit that may have closed it failed: when the journal is opened anew it may be closed all the same.
    perhaps: bool,
}

/// What a journal says of its rounds.
#[derive(Debug, Default)]
pub struct RoundFacts {
    /// The last one that closed.
    pub closed: Option<ClosedRound>,
    /// Since when one is open.
    pub opened: Option<Millis>,
}

impl RoundFacts {
    /// The last survey of the last round that closed.
    fn through(&self) -> Seq {
        self.closed.as_ref().map_or(0, |round| round.last_seq)
    }
}

/// A gateway after a group, or after nothing.
#[derive(Debug)]
pub struct RoundStep<'a> {
    /// Its place among the gateways.
    pub gateway: usize,
    /// Its clock.
    pub now: Millis,
    /// Who is waited for.
    pub roster: &'a BTreeSet<DeviceId>,
    /// And how long.
    pub deadline: Millis,
    /// How many rounds it says that it has just closed.
    pub closed: u64,
    /// How long it would wait now, if nothing came.
    pub pause: Duration,
    /// Something may keep it from writing.
    pub troubled: bool,
}

impl Custody {
    /// Who has reported between two surveys.
    fn reported(&self, after: Seq, through: Seq) -> BTreeSet<DeviceId> {
        let rows = self.rows.range(after + 1..=through.max(after + 1)).filter(|(seq, _)| **seq <= through);
        rows.map(|(_, kept)| kept.row.device.clone()).collect()
    }

    /// Its journal was salvaged: who has reported in the open round may be forgotten.
    pub fn doubt_rounds(&mut self) {
        self.rounds.unsure = true;
    }

    /// From here on these are waited for.
    pub fn expects(&mut self, roster: &[DeviceId]) {
        self.rounds.roster = roster.iter().cloned().collect();
    }

    /// The gateway's clock says `to`: from the next moment on at which it looks, a round that opened later by the old clock opened then, and
    /// it may look before anybody judges it.
    pub(super) fn rounds_begin_at(&mut self, to: Millis) {
        if let Some((from, _)) = &mut self.rounds.opened {
            *from = to.min(*from);
        }
    }

    /// When its first survey came, if one has.
    fn first_of_round(&self) -> Option<Millis> {
        self.rows.range(self.rounds.closed_through + 1..).next().map(|(_, kept)| kept.row.received)
    }
}

impl Oracle {
    /// A gateway did something, or was only asked; `facts` reads its journal.
    pub fn round_step(&mut self, step: &RoundStep<'_>, facts: impl FnOnce() -> RoundFacts) {
        let custody = self.custody(step.gateway);
        custody.rounds.roster.clone_from(step.roster);
        if custody.in_limbo() || custody.rounds.unsure {
            if step.closed > 0 {
                custody.rounds.closed_through = facts().through();
                (custody.rounds.opened, custody.rounds.unsure) = (None, false);
            }
            custody.rounds.perhaps |= step.closed == 0;
            return;
        }
        if let Some(wrong) = custody.judge_step(step, facts) {
            self.fail(format!("gateway {}: {wrong}", step.gateway));
        }
    }

    /// A gateway's journal was read. After `damage` it may know less.
    pub fn round_facts(&mut self, gateway: usize, facts: &RoundFacts, damaged: bool) {
        let custody = self.custody(gateway);
        custody.rounds.unsure |= damaged;
        if let Some(wrong) = custody.go_on_from(facts) {
            self.fail(format!("gateway {gateway}: {wrong}"));
        }
    }
}

impl Custody {
    fn judge_step(&mut self, step: &RoundStep<'_>, facts: impl FnOnce() -> RoundFacts) -> Option<String> {
        let RoundStep { now, deadline, closed, .. } = *step;
        let Some(first) = self.first_of_round() else {
            return (closed > 0).then(|| "a round closed, and none was open".to_owned());
        };
        // Whoever was ahead of the clock counts from now on.
        let (from, to) = self.rounds.opened.unwrap_or((first, now));
        let (from, to) = (from.min(now), if step.troubled { to } else { to.min(now) });
        self.rounds.opened = Some((from, to));
        let reported = self.reported(self.rounds.closed_through, self.last);
        let complete = step.roster.is_subset(&reported);
        if closed == 0 {
            let due = complete || now >= from + deadline;
            self.rounds.perhaps |= due && step.troubled;
            let facts = (due && self.rounds.perhaps).then(facts);
            if let Some(facts) = facts.filter(|facts| facts.through() > self.rounds.closed_through) {
                return self.go_on_from(&facts);
            }
            if step.troubled {
                return None;
            }
            let overdue = complete || now >= to + deadline;
            let left = Duration::from_millis((to + deadline - now).max(1).unsigned_abs());
            let sleeps = step.pause > left;
            return if overdue {
                Some(format!("a round that opened at {} is still open", super::shown_time(to)))
            } else {
                sleeps.then(|| format!("a round is due in {left:?}, and it sleeps for {:?}", step.pause))
            };
        }
        if closed > 1 || (!complete && now < from + deadline) {
            return Some(format!("{closed} rounds closed before their time"));
        }
        let Some(round) = facts().closed else { return Some("a round that closed is not told".to_owned()) };
        // If the one before has closed without a word, this is another, which opened later.
        let another = self.rounds.perhaps && time(&round.opened) > to;
        let wrong = if another { None } else { self.judge_round(&round, Some(now), (from, to)) };
        (self.rounds.closed_through, self.rounds.opened, self.rounds.perhaps) = (self.last, None, false);
        wrong.or_else(|| {
            (round.last_seq != self.last).then(|| format!("{round:?} does not end at survey {}", self.last))
        })
    }

    /// Whether a closed round is told as it was.
    fn judge_round(
        &self,
        round: &ClosedRound,
        now: Option<Millis>,
        opened: (Millis, Millis),
    ) -> Option<String> {
        let reported = self.reported(self.rounds.closed_through, round.last_seq);
        let silent: Vec<String> = self.rounds.roster.difference(&reported).map(DeviceId::to_string).collect();
        let expected = self.rounds.roster.len();
        let in_time = (opened.0..=opened.1).contains(&time(&round.opened))
            && now.is_none_or(|now| now == time(&round.closed));
        let counted = round.expected == expected && round.reported == expected - silent.len();
        let right = round.silent == silent && counted && in_time;
        (!right).then(|| {
            format!(
                "{round:?}, of {expected} devices {silent:?} should be silent, and it opened in {opened:?}"
            )
        })
    }

    /// Judges what a journal says, and believes it from here on.
    fn go_on_from(&mut self, facts: &RoundFacts) -> Option<String> {
        let wrong = if self.rounds.unsure { None } else { self.judge_facts(facts) };
        self.rounds.closed_through = facts.through();
        self.rounds.opened = facts.opened.map(|opened| (opened, opened));
        self.rounds.perhaps = false;
        wrong
    }

    fn judge_facts(&self, facts: &RoundFacts) -> Option<String> {
        let through = facts.through();
        let known = self.rounds.closed_through;
        if through < known || through > self.last {
            return Some(format!("its last round ends at survey {through}, after one that ended at {known}"));
        }
        // It closed with the group in which the gateway died: nobody knows when exactly.
        let ever = (Millis::MIN, Millis::MAX);
        let closed = facts.closed.as_ref().filter(|_| through > known);
        if let Some(wrong) = closed.and_then(|round| self.judge_round(round, None, ever)) {
            return Some(wrong);
        }
        let open = self.rows.range(through + 1..).next().is_some();
        (open != facts.opened.is_some())
            .then(|| format!("surveys behind {through}: {open}; a round is open since {:?}", facts.opened))
    }
}

/// An instant as a round tells it.
fn time(text: &str) -> Millis {
    text.parse().map(UtcInstant::as_millis).unwrap_or_default()
}
