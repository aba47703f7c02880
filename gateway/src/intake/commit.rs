//! The one thread that writes the journal: takes all that waits, commits, answers.

use std::{
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use fieldpost_core::{DeviceId, UtcInstant, reply};
use tokio::sync::{oneshot, watch};

use super::{
    Pending,
    answer::Answerer,
    pending::{Entry, Group},
    sort::{Outcome, Sorted, sort},
};
use crate::{
    clock,
    journal::{Custody, Full, Journal, JournalError, Limits, Note, Noted, Order, Progress},
    round::{Change, ClosedRound, Rounds},
};

/// How often the journal is looked through for what it may let go of.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// After a failed write the journal is opened anew, not sooner than this.
const REOPEN_AFTER: Duration = Duration::from_millis(200);
/// What the sender is told when a write fails.
const CANNOT_WRITE: &str = "the gateway cannot write its journal";

/// The writer of the journal.
pub(crate) struct Committer {
    folder: PathBuf,
    limits: Limits,
    roster: Vec<DeviceId>,
    deadline: Duration,
    /// None after a failure, until it can be opened again.
    journal: Option<Journal>,
    rounds: Rounds,
    pending: Arc<Pending>,
    progress: watch::Sender<Progress>,
    pruned: Option<Instant>,
    failed: Option<Instant>,
}

impl Committer {
    /// Opens the journal, and goes on with the round that was open.
    pub(crate) fn open(
        folder: PathBuf,
        limits: Limits,
        roster: Vec<DeviceId>,
        deadline: Duration,
        pending: Arc<Pending>,
    ) -> Result<(Self, watch::Receiver<Progress>), JournalError> {
        let (progress, watch) = watch::channel(Progress::default());
        let rounds = Rounds::new(&roster, deadline);
        let (journal, pruned, failed) = (None, None, None);
        let mut committer =
            Self { folder, limits, roster, deadline, journal, rounds, pending, progress, pruned, failed };
        committer.reopen(false)?;
        Ok((committer, watch))
    }

    /// Commits and answers until the gateway ends and all is answered.
    pub(crate) fn run(mut self, sockets: Vec<Arc<UdpSocket>>) {
        let mut answerer = Answerer::new(sockets);
        while let Some(group) = self.pending.take(self.pause()) {
            let to: Vec<(usize, SocketAddr)> =
                group.entries.iter().map(|entry| (entry.socket, entry.peer)).collect();
            let outcomes = self.handle(group);
            let texts = outcomes.iter().map(|outcome| match outcome {
                Outcome::Held | Outcome::New => reply::ARRIVED,
                Outcome::Refused(text) => text,
            });
            answerer.send(to.iter().zip(texts).map(|((socket, peer), text)| (*socket, *peer, text)));
            self.prune();
        }
        if let Some(Err(error)) = self.journal.take().map(Journal::close) {
            tracing::warn!(%error, "the journal was not closed cleanly; the next start recovers it");
        }
    }

    /// How long there is nothing to do unless something comes.
    fn pause(&self) -> Duration {
        if self.journal.is_none() {
            return REOPEN_AFTER;
        }
        let prune = self.pruned.map_or(Duration::ZERO, |pruned| PRUNE_EVERY.saturating_sub(pruned.elapsed()));
        let deadline = self.rounds.poll_timeout().map(|timeout| timeout.duration_since(clock::now()));
        // A millisecond, because a clock that counts them may be one behind.
        deadline.map_or(prune, |deadline| deadline.min(prune)).max(Duration::from_millis(1))
    }

    fn handle(&mut self, group: Group) -> Vec<Outcome> {
        let count = group.entries.len();
        let mut notes = Vec::new();
        for order in group.orders {
            match order {
                Order::Note(note) => notes.push(note),
                Order::Salvage { done } => {
                    let saved = self.salvage();
                    // Whoever asked may have gone.
                    let _ = done.send(saved);
                }
            }
        }
        let reopened = self.reopen_if_due();
        let (notes, custody) = self.still_true(notes);
        let written = reopened
            .map_err(Unwritten::Journal)
            .and_then(|()| self.write(group.entries, group.dropped, custody));
        let noted = if written.is_ok() { Noted::Written } else { Noted::Failed };
        for note in notes {
            let _ = note.send(noted);
        }
        written.unwrap_or_else(|error| {
            self.fail(&error);
            vec![Outcome::Refused(reply::try_again(CANNOT_WRITE)); count]
        })
    }

    /// Sends back the notes about another journal than the one that is open; the custody in the others, and who waits
    /// for them.
    fn still_true(&self, notes: Vec<Note>) -> (Vec<oneshot::Sender<Noted>>, Vec<Custody>) {
        let now = self.progress.borrow().generation;
        let (current, outdated): (Vec<_>, Vec<_>) =
            notes.into_iter().partition(|note| note.generation == now);
        for note in outdated {
            let _ = note.done.send(Noted::Outdated);
        }
        current.into_iter().map(|note| (note.done, note.custody)).unzip()
    }

    fn write(
        &mut self,
        entries: Vec<Entry>,
        dropped: u64,
        notes: Vec<Custody>,
    ) -> Result<Vec<Outcome>, Unwritten> {
        let now = clock::now();
        let Some(journal) = &mut self.journal else { return Err(Unwritten::Closed) };
        let mut sorted = sort(entries, dropped, &self.rounds, |key| journal.known(key, now))?;
        make_room(journal, &mut sorted, now)?;
        sorted.batch.custody = notes;
        sorted.advance(&mut self.rounds, journal.last_seq(), now);
        journal.commit(&sorted.batch, now)?;
        publish(&self.progress, journal, &sorted.batch.rounds);
        Ok(sorted.outcomes)
    }

    fn fail(&mut self, error: &Unwritten) {
        if let Unwritten::Journal(error) = error {
            if self.journal.is_some() || self.failed.is_none() {
                tracing::error!(%error, "nothing is taken until the journal can be written again");
            }
            // What is in memory may be ahead of what is on disk.
            self.journal = None;
            self.failed = Some(Instant::now());
        }
    }

    fn reopen_if_due(&mut self) -> Result<(), JournalError> {
        let due = self.failed.is_none_or(|failed| failed.elapsed() >= REOPEN_AFTER);
        if self.journal.is_none() && due { self.reopen(false) } else { Ok(()) }
    }

    fn salvage(&mut self) -> bool {
        self.journal = None;
        let saved = self.reopen(true);
        if let Err(error) = &saved {
            tracing::error!(%error, "the damaged journal cannot be salvaged");
            self.failed = Some(Instant::now());
        }
        saved.is_ok()
    }

    fn reopen(&mut self, damaged: bool) -> Result<(), JournalError> {
        let open = if damaged { Journal::open_damaged } else { Journal::open };
        let (mut journal, finding) = open(&self.folder, self.limits, clock::now())?;
        if let Some(finding) = finding {
            tracing::error!("{finding}");
        }
        journal.note_roster(&self.roster)?;
        let (opened, reported) = journal.open_round()?;
        self.rounds = Rounds::new(&self.roster, self.deadline);
        self.rounds.restore(opened, &reported);
        let closed_through = journal.closed_through()?;
        self.progress.send_modify(|progress| {
            progress.generation = progress.generation.wrapping_add(1);
            progress.last_seq = journal.last_seq();
            progress.held_through = journal.held_through();
            progress.closed_through = closed_through;
        });
        if self.failed.take().is_some() {
            tracing::info!("the journal can be written again");
        }
        tracing::info!(
            journal = %journal.path().display(),
            last = journal.last_seq(),
            held_by_cloud = journal.held_through(),
            "journal open"
        );
        self.journal = Some(journal);
        Ok(())
    }

    fn prune(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        if self.pruned.is_some_and(|pruned| pruned.elapsed() < PRUNE_EVERY) {
            return;
        }
        match journal.prune(clock::now(), false) {
            // There may be more: on with the next group, so that datagrams do not wait.
            Ok(gone) if gone > 0 => self.pruned = None,
            Ok(_) => self.pruned = Some(Instant::now()),
            Err(error) => self.fail(&Unwritten::Journal(error)),
        }
    }
}

/// Why a group was not written.
#[derive(Debug)]
enum Unwritten {
    /// The journal is closed after a failure that was told already.
    Closed,
    Journal(JournalError),
}

impl From<JournalError> for Unwritten {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Refuses what is new if there is no room for it, even without what the cloud holds.
fn make_room(journal: &mut Journal, sorted: &mut Sorted, now: UtcInstant) -> Result<(), JournalError> {
    let weight = sorted.weight();
    if weight == 0 {
        return Ok(());
    }
    loop {
        match journal.room(weight)? {
            Ok(()) => return Ok(()),
            Err(Full::Journal) if journal.prune(now, true)? > 0 => {}
            Err(full) => {
                sorted.refuse_new(full);
                return Ok(());
            }
        }
    }
}

fn publish(progress: &watch::Sender<Progress>, journal: &Journal, rounds: &[Change]) {
    let closed = rounds.iter().filter_map(|change| match change {
        Change::Closed(round) => Some(round),
        _ => None,
    });
    let last = closed.clone().next_back();
    if let Some(round) = last {
        announce(round);
    }
    progress.send_if_modified(|progress| {
        let before = *progress;
        progress.last_seq = journal.last_seq();
        progress.held_through = journal.held_through();
        progress.closed_through = last.map_or(before.closed_through, |round| round.last_seq);
        progress.rounds_closed = before.rounds_closed.saturating_add(closed.count() as u64);
        *progress != before
    });
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
