//! What becomes of a group: sorted, journaled, answered. The writer of the journal without its thread and sockets;
//! the clock comes in as an argument.
//!
//! Whatever the journal says no to, the keeper goes on: the journal is closed, because what is in memory may be ahead
//! of what is on disk, and opened anew a little later (`mend.rs`). Until then everything is refused for now.

mod mend;
mod publish;
mod room;
#[cfg(test)]
mod tests;
mod trouble;

use std::{path::PathBuf, sync::Arc, time::Duration};

use fieldpost_core::{
    DeviceId,
    bug::{self, Bug},
    reply,
};
use tokio::sync::oneshot;

use super::{
    inbox::{Entry, Group},
    sort::{Outcome, sort},
};
use crate::{
    disk::Disk,
    journal::{
        Custody, Finding, Full, Journal, JournalError, Limits, Note, Noted, Order, Place, Progress, Trust,
    },
    moment::Moment,
    round::Rounds,
};
use mend::{Failure, REOPEN_AFTER};
use room::Room;
use trouble::Trouble;

/// How often the journal is looked through for what it may let go of; also after that failed.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// What the sender is told when a write fails, unless the disk is full.
const CANNOT_WRITE: &str = "the gateway cannot write its journal";

/// The writer of the journal, and of the rounds in it. It is to be called, in turns: [`Keeper::handle`] with what waits,
/// if only nothing, then [`Keeper::tend`], then again when something comes or [`Keeper::pause`] is over.
pub struct Keeper {
    place: Place,
    roster: Vec<DeviceId>,
    deadline: Duration,
    /// None after a failure, until it can be opened again.
    journal: Option<Journal>,
    failure: Option<Failure>,
    rounds: Rounds,
    progress: Progress,
    /// When there was nothing more to let go of, or letting go failed.
    pruned: Option<Duration>,
    room: Room,
    trouble: Trouble,
    findings: Vec<Finding>,
    /// The last finding: it is not told twice.
    told: Option<Finding>,
}

impl Keeper {
    /// Opens the journal in `folder` on `disk`, and goes on with the round that was open. `roster` and `deadline` (from a
    /// round's first survey on) are the rounds'; `random` is any number, and makes the id of a new journal.
    ///
    /// # Errors
    /// When the journal cannot be opened, or not be written.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        limits: Limits,
        roster: Vec<DeviceId>,
        deadline: Duration,
        random: u64,
        now: Moment,
    ) -> Result<Self, JournalError> {
        let rounds = Rounds::new(&roster, deadline);
        let mut keeper = Self {
            place: Place { disk, folder, limits, random },
            roster,
            deadline,
            journal: None,
            failure: None,
            rounds,
            progress: Progress::default(),
            pruned: None,
            room: Room::default(),
            trouble: Trouble::default(),
            findings: Vec::new(),
            told: None,
        };
        keeper.reopen(Trust::Whole, now)?;
        Ok(keeper)
    }

    /// How far things are.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Obeys the orders, and makes the group durable; says what to tell the sender of each entry, in order. When this
    /// returns, what it says is safe survives a power cut.
    pub fn handle(&mut self, group: Group, now: Moment) -> Vec<Outcome> {
        let (outcomes, replies) = self.settle(group, now);
        replies.send();
        outcomes
    }

    /// Like [`Keeper::handle`], but the orders are not replied to yet: whoever waits for that looks at the progress next.
    pub(super) fn settle(&mut self, group: Group, now: Moment) -> (Vec<Outcome>, Replies) {
        let mut replies = Replies::default();
        let mut notes = Vec::new();
        for order in group.orders {
            match order {
                Order::Note(note) => notes.push(note),
                Order::Salvage { done } => replies.salvages.push((done, self.salvage(now))),
            }
        }
        self.reopen_if_due(now);
        let (waiting, custody) = self.still_true(notes, &mut replies);
        let (outcomes, written) = self.write(group.entries, group.dropped, custody, now);
        let noted = if written { Noted::Written } else { Noted::Failed };
        replies.notes.extend(waiting.into_iter().map(|done| (done, noted)));
        (outcomes, replies)
    }

    /// Lets go of what need not be kept, when that is due.
    pub fn tend(&mut self, now: Moment) {
        if self.trouble.is_over(now.up) {
            tracing::info!("surveys are taken again");
        }
        let Some(journal) = &mut self.journal else { return };
        if self.pruned.is_some_and(|pruned| now.up.saturating_sub(pruned) < PRUNE_EVERY) {
            return;
        }
        match journal.prune(now.utc, None) {
            // There may be more: on with the next group, so that datagrams do not wait.
            Ok(gone) if gone > 0 => self.pruned = None,
            Ok(_) => self.pruned = Some(now.up),
            Err(error) => {
                // Not again at once: that would keep the journal closed to what can be written.
                self.pruned = Some(now.up);
                self.fail(error, now);
            }
        }
    }

    /// How long there is nothing to do unless something comes.
    #[must_use]
    pub fn pause(&self, now: Moment) -> Duration {
        let left = |since: Duration, pause: Duration| pause.saturating_sub(now.up.saturating_sub(since));
        let pause = if self.journal.is_none() {
            self.failure.map_or(Duration::ZERO, |failure| left(failure.at, REOPEN_AFTER))
        } else {
            let prune = self.pruned.map_or(Duration::ZERO, |pruned| left(pruned, PRUNE_EVERY));
            let deadline = self.rounds.poll_timeout().map(|timeout| timeout.duration_since(now.utc));
            deadline.map_or(prune, |deadline| deadline.min(prune))
        };
        // A millisecond, because a clock that counts them may be one behind.
        pause.max(Duration::from_millis(1))
    }

    /// What was found when the journal was opened, since this was last asked; the log has it too.
    pub fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Closes the journal.
    ///
    /// # Errors
    /// When it is not closed cleanly; nothing is lost, the next start recovers it.
    pub fn close(self) -> Result<(), JournalError> {
        self.journal.map_or(Ok(()), Journal::close)
    }

    /// Sends back the notes about another journal than the one that is open; the custody in the others, and who waits
    /// for them.
    fn still_true(
        &self,
        notes: Vec<Note>,
        replies: &mut Replies,
    ) -> (Vec<oneshot::Sender<Noted>>, Vec<Custody>) {
        let now = self.progress.generation;
        let (current, outdated): (Vec<_>, Vec<_>) =
            notes.into_iter().partition(|note| note.generation == now);
        replies.notes.extend(outdated.into_iter().map(|note| (note.done, Noted::Outdated)));
        current.into_iter().map(|note| (note.done, note.custody)).unzip()
    }

    /// Writes a group; says what to tell whom, and whether it is written.
    ///
    /// Nothing is safe before the commit has returned, not even what is held: a gateway that was killed may have left it in
    /// the log without having synced it, and this commit (a copy is counted, so there is one) syncs the log whole.
    fn write(
        &mut self,
        entries: Vec<Entry>,
        dropped: u64,
        custody: Vec<Custody>,
        now: Moment,
    ) -> (Vec<Outcome>, bool) {
        let count = entries.len();
        match self.try_write(entries, dropped, custody, now) {
            Ok(Some(outcomes)) => return (outcomes, true),
            // It is closed after a failure that was told already.
            Ok(None) => {}
            Err(error) => self.fail(error, now),
        }
        if bug::on(Bug::AcknowledgeFailedCommit) {
            return (vec![Outcome::New; count], false);
        }
        let full = self.failure.is_some_and(|failure| failure.full).then(|| Full::Disk.to_string());
        let why = full.as_deref().unwrap_or(CANNOT_WRITE);
        (vec![Outcome::Unwritten(reply::try_again(why)); count], false)
    }

    fn try_write(
        &mut self,
        entries: Vec<Entry>,
        dropped: u64,
        custody: Vec<Custody>,
        now: Moment,
    ) -> Result<Option<Vec<Outcome>>, JournalError> {
        let Some(journal) = &mut self.journal else { return Ok(None) };
        let mut sorted = sort(entries, dropped, &self.rounds, |key| journal.known(key, now.utc))?;
        if sorted.weight() > 0 {
            self.room.make(journal, &mut sorted, &mut self.trouble, now)?;
        }
        room::keep_refused(journal, &mut sorted, now)?;
        sorted.batch.custody = custody;
        sorted.advance(&mut self.rounds, journal.last_seq(), now.utc);
        journal.commit(&sorted.batch, now.utc)?;
        if !sorted.batch.is_empty() {
            self.trouble.eases(!sorted.batch.surveys.is_empty());
        }
        publish::publish(&mut self.progress, journal, &sorted.batch.rounds);
        Ok(Some(sorted.outcomes))
    }
}

/// What those are told who gave orders.
#[derive(Default)]
pub(super) struct Replies {
    notes: Vec<(oneshot::Sender<Noted>, Noted)>,
    salvages: Vec<(oneshot::Sender<bool>, bool)>,
}

impl Replies {
    /// Tells them.
    pub(super) fn send(self) {
        // Whoever asked may have gone.
        for (done, noted) in self.notes {
            let _ = done.send(noted);
        }
        for (done, saved) in self.salvages {
            let _ = done.send(saved);
        }
    }
}
