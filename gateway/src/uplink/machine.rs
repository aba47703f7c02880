//! What the uplink does next, decided without clock, socket, file and chance.
//!
//! Whoever drives it asks [`Uplink::poll`], does what it says, and hands back what came of it with the matching `handle_…`
//! before it asks again. Surveys are read from the journal a page at a time and offered in order (`plan.rs`); only when what
//! became of them is written in the journal do the next ones go.

mod batch;
mod judge;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use batch::Batch;

use fieldpost_core::bug::{self, Bug};

use super::{
    backoff::Backoff,
    mark::MarkWatch,
    offer::{self, Offer, Wire},
    state::Told,
};
use crate::{
    Error, UplinkWhen,
    journal::{Custody, JournalError, Noted, Page, Progress, Seq, StoredSurvey},
    moment::Moment,
};

/// After the journal could not be read or written.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked for surveys that are to be offered once more.
const LOOK_FOR_AGAIN: Duration = Duration::from_secs(5 * 60);
/// So long after the cloud last took something it is asked how far it is: it may have gone back.
const GREET_EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Nothing until then, in [`Moment::up`].
    Wait {
        /// Until when.
        until: Duration,
        /// Only if the [`Progress`] stays as it is.
        unless_progress: bool,
    },
    /// Read [`crate::parts::Reader::page`] with [`super::MAX_BATCH`] and [`super::MAX_BATCH_BYTES`], from the journal as it
    /// is now: another generation needs another reader. Then [`Uplink::handle_page`].
    Read {
        /// Behind this survey.
        after: Seq,
        /// Up to this one.
        through: Seq,
    },
    /// Read [`crate::parts::Reader::again`], and how often that one was tried. Then [`Uplink::handle_again`].
    ReadAgain,
    /// Offer this to the cloud. Then [`Uplink::handle_answer`].
    Offer(Offer),
    /// Have this written by the keeper. Then [`Uplink::handle_noted`].
    Note {
        /// Of the journal that it is about.
        generation: u64,
        /// What became of surveys.
        custody: Custody,
    },
    /// Have the keeper salvage the journal. Then [`Uplink::handle_salvaged`].
    Salvage,
    /// That was all.
    Done(Result<(), Error>),
}

/// Something to be done before anything else.
#[derive(Debug)]
enum Task {
    /// To be written; then everything up to the seq, if there is one, is settled.
    Note(Custody, Option<Seq>),
    /// To be written if possible.
    Tell(Custody),
    Salvage,
    /// Not before then.
    Rest(Duration),
    End(String),
}

/// What was offered.
#[derive(Debug, Clone, Copy)]
enum Offered {
    /// The next part of the batch, up to this survey.
    Part(Seq),
    /// A survey that was refused before, so many times.
    Again(Seq, u32),
    /// Nothing: how far the cloud is.
    Greeting,
}

/// The uplink.
#[derive(Debug)]
pub struct Uplink {
    wire: Wire,
    told: Told,
    when: UplinkWhen,
    /// The first failure ends it.
    once: bool,
    backoff: Backoff,
    watch: MarkWatch,
    /// As it was last given.
    progress: Progress,
    /// Of the journal that `cursor` belongs to.
    generation: u64,
    /// Up to here everything is settled.
    cursor: Seq,
    tasks: VecDeque<Task>,
    batch: Option<Batch>,
    /// What is being offered, and the messages of it that are left to send.
    offered: Option<Offered>,
    messages: VecDeque<Offer>,
    /// When to look for what is offered again, and when to greet.
    look: Duration,
    greet: Option<Duration>,
    /// With `once`: why the cloud would not have a survey.
    refusal: Option<String>,
}

impl Uplink {
    /// An uplink to `target`, as people call it, of a journal that is as far as `progress`.
    #[must_use]
    pub fn new(target: String, wire: Wire, when: UplinkWhen, once: bool, progress: Progress) -> Self {
        Self {
            wire,
            told: Told::new(target),
            when,
            once,
            backoff: Backoff::default(),
            watch: MarkWatch::default(),
            progress,
            generation: progress.generation,
            cursor: progress.held_through,
            tasks: VecDeque::new(),
            batch: None,
            offered: None,
            messages: VecDeque::new(),
            look: Duration::ZERO,
            greet: None,
            refusal: None,
        }
    }

    /// What to do next.
    pub fn poll(&mut self, now: Moment, progress: Progress) -> Step {
        self.progress = progress;
        if progress.generation != self.generation {
            self.renew();
        }
        loop {
            if let Some(step) = self.poll_tasks(now).or_else(|| self.poll_messages()) {
                return step;
            }
            if self.batch.is_some() {
                self.offer_part(now);
            } else if let Some(step) = self.poll_journal(now) {
                return step;
            }
        }
    }

    fn poll_tasks(&mut self, now: Moment) -> Option<Step> {
        loop {
            return Some(match self.tasks.front()? {
                Task::Note(custody, _) | Task::Tell(custody) => {
                    Step::Note { generation: self.generation, custody: custody.clone() }
                }
                Task::Salvage => Step::Salvage,
                Task::Rest(until) if now.up < *until => Step::Wait { until: *until, unless_progress: false },
                Task::Rest(_) => {
                    self.tasks.pop_front();
                    continue;
                }
                Task::End(why) => Step::Done(Err(Error::NotAcknowledged { why: why.clone() })),
            });
        }
    }

    /// The next message of what is being offered.
    fn poll_messages(&mut self) -> Option<Step> {
        let awaiting = self.offered.map(|_| Step::Wait { until: Duration::MAX, unless_progress: false });
        self.messages.pop_front().map(Step::Offer).or(awaiting)
    }

    /// What to look for in the journal. None if it is time to greet the cloud instead.
    fn poll_journal(&mut self, now: Moment) -> Option<Step> {
        let through = self.through();
        if through > self.cursor {
            return Some(Step::Read { after: self.cursor, through });
        }
        if self.once && self.progress.rounds_closed > 0 {
            let refusal = self.refusal.take();
            return Some(Step::Done(refusal.map_or(Ok(()), |why| Err(Error::NotAcknowledged { why }))));
        }
        if now.up >= self.look {
            return Some(Step::ReadAgain);
        }
        let greet = *self.greet.get_or_insert(now.up.saturating_add(GREET_EVERY));
        let greets = matches!(self.wire, Wire::Http) && !self.once;
        if greets && now.up >= greet {
            self.offer(Offered::Greeting, &[], now);
            return None;
        }
        let until = if greets { self.look.min(greet) } else { self.look };
        Some(Step::Wait { until, unless_progress: true })
    }

    /// Goes on with the journal that is open now, where that one stands.
    fn renew(&mut self) {
        self.generation = self.progress.generation;
        self.cursor = self.progress.held_through;
        // What is to be waited for is no matter of the journal; without it a salvage that does not help would be repeated at once.
        self.tasks.retain(|task| matches!(task, Task::Rest(_) | Task::End(_)));
        self.messages.clear();
        (self.batch, self.offered) = (None, None);
        self.told.lost();
    }

    /// Up to where surveys may go. Once is one round, also where they would go at once.
    fn through(&self) -> Seq {
        match self.when {
            UplinkWhen::Always if !self.once => self.progress.last_seq,
            UplinkWhen::Round | UplinkWhen::Always => self.progress.closed_through,
        }
    }

    fn offer_part(&mut self, now: Moment) {
        let Some(part) = self.batch.as_mut().and_then(|batch| batch.next(&self.wire, now.utc)) else {
            self.batch = None;
            return;
        };
        let last = part.last().map_or(self.cursor, |survey| survey.seq);
        self.offer(Offered::Part(last), &part, now);
    }

    /// Prepares the messages by which `surveys` are offered; settles them on the spot if there are none.
    fn offer(&mut self, what: Offered, surveys: &[StoredSurvey], now: Moment) {
        let Progress { journal, confirmed, .. } = self.progress;
        let through = match what {
            Offered::Part(last) => last.max(confirmed),
            Offered::Again(..) | Offered::Greeting => confirmed,
        };
        match offer::messages(&self.wire, surveys, (journal, confirmed, through), now.utc) {
            Ok(messages) if messages.is_empty() => self.unspoken(what, now),
            Ok(messages) => (self.offered, self.messages) = (Some(what), messages),
            Err(refusal) => self.refused(what, refusal.to_string(), false, now),
        }
    }

    /// A page was read.
    pub fn handle_page(&mut self, page: Result<Page, JournalError>, now: Moment) {
        match page {
            Ok(Page::Surveys(surveys)) => {
                self.batch = Some(Batch::new(surveys));
            }
            Ok(Page::Damaged(seq)) => {
                tracing::error!(seq, "a survey in the journal is damaged; it is in the quarantine");
                self.tasks.push_back(Task::Note(Custody::Damaged { seq, at: now.utc }, Some(seq)));
            }
            Err(error) if !bug::on(Bug::UnreadIsPassed) => self.mend(&error, now),
            // Rows that a salvage could not save.
            Ok(Page::Empty) | Err(_) => {
                let through = self.through();
                self.tasks.push_back(Task::Note(Custody::Passed { through }, Some(through)));
            }
        }
    }

    /// It was looked for a survey that is to be offered once more; the number says how often it was tried.
    pub fn handle_again(&mut self, found: Result<Option<(StoredSurvey, u32)>, JournalError>, now: Moment) {
        match found {
            // One behind the cursor has its turn with its neighbours.
            Ok(Some((survey, tries))) if survey.seq <= self.cursor => {
                self.offer(Offered::Again(survey.seq, tries), &[survey], now);
            }
            Ok(_) => self.look = now.up.saturating_add(LOOK_FOR_AGAIN),
            Err(error) => self.mend(&error, now),
        }
    }

    /// The journal could not be read: it is salvaged if it is damaged, and read again.
    fn mend(&mut self, error: &JournalError, now: Moment) {
        tracing::error!(%error, "the uplink cannot read the journal");
        if error.is_corrupt() {
            self.tasks.push_back(Task::Salvage);
        }
        self.tasks.push_back(Task::Rest(now.up.saturating_add(JOURNAL_PAUSE)));
    }

    /// The keeper has dealt with the note.
    pub fn handle_noted(&mut self, noted: Noted, now: Moment) {
        match (self.tasks.front(), noted) {
            (Some(Task::Note(custody, cursor)), Noted::Written) => {
                if let Custody::Back { .. } = custody {
                    self.watch.went_back(now.up);
                }
                self.cursor = cursor.unwrap_or(self.cursor);
                self.tasks.pop_front();
            }
            (Some(Task::Note(..)), Noted::Failed) => {
                self.tasks.push_front(Task::Rest(now.up.saturating_add(JOURNAL_PAUSE)));
            }
            // Not of the journal that is open: the next poll begins anew with that one.
            (Some(Task::Note(..)), Noted::Outdated) => {}
            // If it cannot be written, the log has it, and the next answer is told again.
            (Some(Task::Tell(_)), noted) => {
                if noted == Noted::Written {
                    self.told.written();
                }
                self.tasks.pop_front();
            }
            _ => {}
        }
    }

    /// The keeper has salvaged the journal, or could not.
    pub fn handle_salvaged(&mut self, _saved: bool, _now: Moment) {
        if let Some(Task::Salvage) = self.tasks.front() {
            self.tasks.pop_front();
        }
    }
}
