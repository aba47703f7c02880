//! Rounds: one collection of the surveys of all devices on the roster.
//!
//! A round opens with the first new survey, and closes when every device on the roster has reported or its
//! deadline passes; those that did not report are then named. Without a roster there is nobody to wait for, and a
//! round closes with the surveys that opened it. The clock comes in as an argument, changes go out as values, which
//! the journal keeps with the surveys that caused them: a round survives what the surveys survive.

use std::{collections::BTreeSet, time::Duration};

use fieldpost_core::{
    DeviceId, UtcInstant,
    bug::{self, Bug},
};
use serde::{Deserialize, Serialize};

use crate::journal::Seq;

/// What happened to a round, to be made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It opened.
    Opened(UtcInstant),
    /// A device on the roster reported for the first time in it.
    Reported(DeviceId),
    /// It closed; nobody has reported in the next one yet.
    Closed(ClosedRound),
}

/// A round that has closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedRound {
    /// When its first survey came (RFC 3339).
    pub opened: String,
    /// When it closed.
    pub closed: String,
    /// The place in the journal of the last survey that belongs to it.
    pub last_seq: i64,
    /// How many devices on the roster reported.
    pub reported: usize,
    /// How many devices are on the roster; none if there is no roster.
    pub expected: usize,
    /// The devices on the roster that did not report.
    pub silent: Vec<String>,
}

/// The round that is open, and what it waits for.
#[derive(Debug)]
pub(crate) struct Rounds {
    roster: BTreeSet<DeviceId>,
    deadline: Duration,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    opened: UtcInstant,
    /// Who on the roster has not reported.
    missing: BTreeSet<DeviceId>,
}

impl Rounds {
    /// Nothing collected yet.
    pub(crate) fn new(roster: &[DeviceId], deadline: Duration) -> Self {
        Self { roster: roster.iter().cloned().collect(), deadline, open: None }
    }

    /// Goes on with the round that was open when the gateway last stopped.
    pub(crate) fn restore(&mut self, opened: Option<UtcInstant>, reported: &[DeviceId]) {
        self.open = opened.map(|opened| {
            let mut missing = self.roster.clone();
            reported.iter().for_each(|device| {
                missing.remove(device);
            });
            Open { opened, missing }
        });
    }

    /// Whether `device` is waited for in every round.
    pub(crate) fn expects(&self, device: &DeviceId) -> bool {
        self.roster.contains(device)
    }

    /// A new survey of `device` is about to be journaled.
    pub(crate) fn arrived(&mut self, device: &DeviceId, now: UtcInstant, changes: &mut Vec<Change>) {
        let open = self.open.get_or_insert_with(|| {
            changes.push(Change::Opened(now));
            Open { opened: now, missing: self.roster.clone() }
        });
        if open.missing.remove(device) {
            changes.push(Change::Reported(device.clone()));
        }
    }

    /// Closes the round if nobody is missing or its time is over. `last_seq` is the last survey journaled.
    pub(crate) fn poll(&mut self, now: UtcInstant, last_seq: Seq, changes: &mut Vec<Change>) {
        // It was opened while the clock was ahead; the deadline counts from now, or it might be years away.
        if let Some(open) = self.open.as_mut().filter(|open| open.opened > now) {
            open.opened = now;
            changes.push(Change::Opened(now));
        }
        let over = self.poll_timeout().is_some_and(|timeout| now >= timeout) && !bug::on(Bug::NoDeadline);
        let Some(open) = self.open.take_if(|open| over || open.missing.is_empty()) else { return };
        let reported = || self.roster.difference(&open.missing).map(DeviceId::to_string).collect();
        let silent = || open.missing.iter().map(DeviceId::to_string).collect();
        changes.push(Change::Closed(ClosedRound {
            opened: open.opened.to_string(),
            closed: now.to_string(),
            last_seq,
            reported: self.roster.len().saturating_sub(open.missing.len()),
            expected: self.roster.len(),
            silent: if bug::on(Bug::SilentAreTheOthers) { reported() } else { silent() },
        }));
    }

    /// When [`Rounds::poll`] must be called even if nothing arrives.
    pub(crate) fn poll_timeout(&self) -> Option<UtcInstant> {
        self.open.as_ref().map(|open| open.opened.saturating_add(self.deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn id(text: &str) -> DeviceId {
        DeviceId::new(text).unwrap()
    }

    fn at(minute: u64) -> UtcInstant {
        UtcInstant::EARLIEST.saturating_add(Duration::from_secs(60 * minute))
    }

    fn closed(changes: &[Change]) -> Option<&ClosedRound> {
        changes.iter().find_map(|change| match change {
            Change::Closed(round) => Some(round),
            _ => None,
        })
    }

    #[test]
    fn a_round_closes_when_every_device_on_the_roster_has_reported() {
        let mut rounds = Rounds::new(&[id("a"), id("b")], HOUR);
        let mut changes = Vec::new();
        rounds.arrived(&id("a"), at(0), &mut changes);
        rounds.arrived(&id("a"), at(1), &mut changes);
        rounds.arrived(&id("stranger"), at(1), &mut changes);
        rounds.poll(at(1), 3, &mut changes);
        assert_eq!(changes, [Change::Opened(at(0)), Change::Reported(id("a"))]);
        rounds.arrived(&id("b"), at(2), &mut changes);
        rounds.poll(at(2), 4, &mut changes);
        let round = closed(&changes).unwrap();
        assert_eq!((round.last_seq, round.reported, round.expected), (4, 2, 2));
        assert!(round.silent.is_empty());
        assert_eq!(rounds.poll_timeout(), None);
    }

    #[test]
    fn a_round_closes_at_its_deadline_and_names_the_silent() {
        let mut rounds = Rounds::new(&[id("c"), id("b"), id("a")], HOUR);
        let mut changes = Vec::new();
        rounds.arrived(&id("b"), at(0), &mut changes);
        assert_eq!(rounds.poll_timeout(), Some(at(60)));
        rounds.poll(at(59), 1, &mut changes);
        assert_eq!(closed(&changes), None);
        rounds.poll(at(60), 1, &mut changes);
        assert_eq!(closed(&changes).unwrap().silent, ["a", "c"]);
    }

    #[test]
    fn a_round_that_was_opened_while_the_clock_was_ahead_still_closes_in_time() {
        let mut rounds = Rounds::new(&[id("a"), id("b")], HOUR);
        let mut changes = Vec::new();
        rounds.arrived(&id("a"), at(1_000_000), &mut changes);
        rounds.poll(at(0), 1, &mut changes);
        assert_eq!(rounds.poll_timeout(), Some(at(60)));
        assert_eq!(changes.last(), Some(&Change::Opened(at(0))), "and so after a start");
        rounds.poll(at(60), 1, &mut changes);
        assert_eq!(closed(&changes).unwrap().silent, ["b"]);
    }

    #[test]
    fn without_a_roster_a_round_closes_with_the_surveys_that_opened_it() {
        let mut rounds = Rounds::new(&[], HOUR);
        let mut changes = Vec::new();
        rounds.poll(at(0), 0, &mut changes);
        assert_eq!(changes, []);
        rounds.arrived(&id("a"), at(0), &mut changes);
        rounds.poll(at(0), 1, &mut changes);
        assert_eq!(closed(&changes).unwrap().last_seq, 1);
    }

    #[test]
    fn a_restored_round_waits_for_those_who_are_still_missing_and_keeps_its_deadline() {
        let mut rounds = Rounds::new(&[id("a"), id("b")], HOUR);
        rounds.restore(Some(at(0)), &[id("a"), id("gone")]);
        let mut changes = Vec::new();
        rounds.poll(at(30), 5, &mut changes);
        assert_eq!(changes, []);
        rounds.arrived(&id("b"), at(31), &mut changes);
        rounds.poll(at(31), 6, &mut changes);
        assert_eq!(closed(&changes).unwrap().reported, 2);
    }
}
