//! What the uplink does next, decided without clock, socket, file and chance.
//!
//! Whoever drives it asks [`Uplink::poll`], does what it says, and hands back what came of it with the matching `handle_…`
//! before it asks again. Surveys are read from the journal a page at a time and offered in order ([`Plan`]); only when what
//! became of them is written in the journal do the next ones go.

use std::{collections::VecDeque, time::Duration};

use fieldpost_core::bug::{self, Bug};

use super::{
    backoff::Backoff,
    mark::MarkWatch,
    offer::{self, Answer, Offer, Wire},
    plan::Plan,
    state::Told,
    verdict::Verdict,
};
use crate::{
    Error, UplinkWhen,
    journal::{Custody, JournalError, Noted, Page, Progress, Seq, StoredSurvey},
    moment::Moment,
};

/// Between two offers: a backlog leaves room for what is new, on the line and on the disk.
const PACE: Duration = Duration::from_millis(2);
/// After the journal could not be read or written.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// A survey that the cloud took for one from the future is offered again after this, so many times.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
const AGAIN_TIMES: u32 = 24;
/// How often such ones are looked for.
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

/// Surveys that are being passed on.
#[derive(Debug)]
struct Batch {
    surveys: Vec<StoredSurvey>,
    plan: Plan,
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
        if let Some(step) = self.poll_tasks(now) {
            return step;
        }
        if let Some(step) = self.poll_offer(now) {
            return step;
        }
        let through = self.through();
        if through > self.cursor {
            return Step::Read { after: self.cursor, through };
        }
        if self.once && progress.rounds_closed > 0 {
            let refusal = self.refusal.take();
            return Step::Done(refusal.map_or(Ok(()), |why| Err(Error::NotAcknowledged { why })));
        }
        self.idle(now)
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

    /// Nothing is to be passed on.
    fn idle(&mut self, now: Moment) -> Step {
        if now.up >= self.look {
            return Step::ReadAgain;
        }
        let greet = *self.greet.get_or_insert(now.up + GREET_EVERY);
        let greets = matches!(self.wire, Wire::Http) && !self.once;
        if greets && now.up >= greet {
            self.offer(Offered::Greeting, &[], now);
            return self.poll_offer(now).unwrap_or(Step::Wait { until: now.up, unless_progress: false });
        }
        let until = if greets { self.look.min(greet) } else { self.look };
        Step::Wait { until, unless_progress: true }
    }

    /// Goes on with the journal that is open now, where that one stands.
    fn renew(&mut self) {
        self.generation = self.progress.generation;
        self.cursor = self.progress.held_through;
        self.tasks.clear();
        self.messages.clear();
        (self.batch, self.offered) = (None, None);
    }

    /// Up to where surveys may go. Once is one round, also where they would go at once.
    fn through(&self) -> Seq {
        match self.when {
            UplinkWhen::Always if !self.once => self.progress.last_seq,
            UplinkWhen::Round | UplinkWhen::Always => self.progress.closed_through,
        }
    }

    /// The next message of what is being offered, or of the next part of the batch.
    fn poll_offer(&mut self, now: Moment) -> Option<Step> {
        if self.offered.is_none() {
            self.offer_part(now);
        }
        if let Some(message) = self.messages.pop_front() {
            return Some(Step::Offer(message));
        }
        // A part that cannot even be written down was refused on the spot.
        if !self.tasks.is_empty() {
            return self.poll_tasks(now);
        }
        self.offered.map(|_| Step::Wait { until: Duration::MAX, unless_progress: false })
    }

    fn offer_part(&mut self, now: Moment) {
        let Some(batch) = &mut self.batch else { return };
        while let Some(part) = batch.plan.next() {
            let offered = batch.surveys.get(part).unwrap_or_default();
            let portion = self.wire.portion(offered, now.utc);
            if portion < offered.len() {
                batch.plan.split(portion);
                continue;
            }
            let (last, offered) = (offered.last().map_or(self.cursor, |survey| survey.seq), offered.to_vec());
            return self.offer(Offered::Part(last), &offered, now);
        }
        self.batch = None;
    }

    /// Prepares the messages by which `surveys` are offered.
    fn offer(&mut self, what: Offered, surveys: &[StoredSurvey], now: Moment) {
        let Progress { journal, confirmed, .. } = self.progress;
        let through = match what {
            Offered::Part(last) => last.max(confirmed),
            Offered::Again(..) | Offered::Greeting => confirmed,
        };
        self.offered = Some(what);
        match offer::messages(&self.wire, surveys, (journal, confirmed, through), now.utc) {
            // An empty day is nothing to write in text, and nothing to wait for.
            Ok(messages) if messages.is_empty() => self.judge(what, Verdict::Accepted, None, now, 0),
            Ok(messages) => self.messages = messages,
            Err(refusal) => {
                let verdict = Verdict::Refused { reason: refusal.to_string(), future: false };
                self.judge(what, verdict, None, now, 0);
            }
        }
    }

    /// A page was read.
    pub fn handle_page(&mut self, page: Result<Page, JournalError>, now: Moment) {
        match page {
            Ok(Page::Surveys(surveys)) => {
                self.batch = Some(Batch { plan: Plan::new(surveys.len()), surveys });
            }
            Ok(Page::Damaged(seq)) => {
                tracing::error!(seq, "a survey in the journal is damaged; it is in the quarantine");
                self.tasks.push_back(Task::Note(Custody::Damaged { seq, at: now.utc }, Some(seq)));
            }
            // Rows that a salvage could not save.
            Ok(Page::Empty) => {
                let through = self.through();
                self.tasks.push_back(Task::Note(Custody::Passed { through }, Some(through)));
            }
            Err(error) => self.mend(&error, now),
        }
    }

    /// It was looked for a survey that is to be offered once more; the number says how often it was tried.
    pub fn handle_again(&mut self, found: Result<Option<(StoredSurvey, u32)>, JournalError>, now: Moment) {
        match found {
            Ok(None) => self.look = now.up + LOOK_FOR_AGAIN,
            Ok(Some((survey, tries))) => self.offer(Offered::Again(survey.seq, tries), &[survey], now),
            Err(error) => self.mend(&error, now),
        }
    }

    /// The journal could not be read: it is salvaged if it is damaged, and read again.
    fn mend(&mut self, error: &JournalError, now: Moment) {
        tracing::error!(%error, "the uplink cannot read the journal");
        if error.is_corrupt() {
            self.tasks.push_back(Task::Salvage);
        }
        self.tasks.push_back(Task::Rest(now.up + JOURNAL_PAUSE));
    }

    /// The cloud, or what stands in its place, has answered the last message. `random` is any number.
    pub fn handle_answer(&mut self, answer: Answer, now: Moment, random: u64) {
        let Some(what) = self.offered else { return };
        let mark = answer.mark();
        let verdict = answer.verdict();
        if verdict == Verdict::Accepted && !self.messages.is_empty() {
            return;
        }
        self.judge(what, verdict, mark, now, random);
    }

    fn judge(&mut self, what: Offered, verdict: Verdict, mark: Option<Seq>, now: Moment, random: u64) {
        self.offered = None;
        self.messages.clear();
        match (what, verdict) {
            (_, Verdict::Accepted) => self.accepted(what, mark, now),
            (Offered::Part(_), Verdict::Refused { .. }) if self.halve() => {}
            (Offered::Part(seq), Verdict::Refused { reason, future }) => {
                self.settle_part();
                self.refused(seq, reason, future, 0, now);
                self.tasks.push_back(Task::Rest(now.up + PACE));
            }
            (Offered::Again(seq, tries), Verdict::Refused { reason, future }) => {
                self.refused(seq, reason, future, tries, now);
                self.tasks.push_back(Task::Rest(now.up + PACE));
            }
            (Offered::Greeting, Verdict::Refused { .. }) => self.greet = Some(now.up + GREET_EVERY),
            (Offered::Again(..), Verdict::Later(_)) => self.look = now.up + LOOK_FOR_AGAIN,
            (Offered::Part(_), Verdict::Later(_)) if bug::on(Bug::DropOnSend) => {
                self.accepted(what, None, now)
            }
            (Offered::Part(_) | Offered::Greeting, Verdict::Later(why)) => self.later(&why, now, random),
        }
    }

    fn accepted(&mut self, what: Offered, mark: Option<Seq>, now: Moment) {
        self.backoff.reset();
        self.greet = Some(now.up + GREET_EVERY);
        if let Offered::Again(seq, _) = what {
            self.tasks.push_back(Task::Note(Custody::Taken { seq }, None));
        }
        if let Some(to) = self.gone_back(mark, now) {
            self.batch = None;
            self.tasks.push_back(Task::Note(Custody::Back { to }, Some(to)));
        } else if let Offered::Part(last) = what {
            self.settle_part();
            let through = if bug::on(Bug::CursorOneTooFar) { last.saturating_add(1) } else { last };
            self.tasks.push_back(Task::Note(Custody::Held { through }, Some(through)));
        }
        self.tell(None, now);
        self.tasks.push_back(Task::Rest(now.up + PACE));
    }

    /// Where to begin again, if the cloud has lost what it had acknowledged.
    fn gone_back(&mut self, mark: Option<Seq>, now: Moment) -> Option<Seq> {
        let confirmed = self.progress.confirmed;
        if bug::on(Bug::NeverGoBack) {
            return None;
        }
        let to = self.watch.gone_back(mark?, confirmed, now.up)?;
        tracing::warn!(
            acknowledged = confirmed,
            holds = to,
            "the cloud has gone back: it no longer holds what it acknowledged; all of it that is kept is offered again"
        );
        Some(to)
    }

    fn refused(&mut self, seq: Seq, reason: String, future: bool, tries: u32, now: Moment) {
        self.backoff.reset();
        tracing::warn!(
            seq,
            reason,
            "the cloud refuses a survey for good; it stays in the journal, the others go on"
        );
        if self.once {
            self.refusal.get_or_insert_with(|| format!("the cloud refused a survey: {reason}"));
        }
        let at = now.utc;
        let again = (future && tries < AGAIN_TIMES).then(|| at.saturating_add(AGAIN_AFTER));
        let cursor = (seq > self.cursor).then_some(seq);
        self.tasks.push_back(Task::Note(Custody::Refused { seq, at, reason, again }, cursor));
        self.tell(None, now);
    }

    fn later(&mut self, why: &str, now: Moment, random: u64) {
        self.tell(Some(why), now);
        let task = if self.once {
            Task::End(why.to_owned())
        } else {
            Task::Rest(now.up.saturating_add(self.backoff.pause(random)))
        };
        self.tasks.push_back(task);
    }

    /// Notes how it goes, if that is news.
    fn tell(&mut self, error: Option<&str>, now: Moment) {
        if let Some(json) = self.told.news(error, now.utc) {
            self.tasks.push_back(Task::Tell(Custody::Uplink(json)));
        }
    }

    fn halve(&mut self) -> bool {
        !bug::on(Bug::RefuseWholeBatch) && self.batch.as_mut().is_some_and(|batch| batch.plan.halve())
    }

    fn settle_part(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.plan.settled();
        }
    }

    /// The keeper has dealt with the note.
    pub fn handle_noted(&mut self, noted: Noted, now: Moment) {
        match (self.tasks.front(), noted) {
            (Some(Task::Note(_, cursor)), Noted::Written) => {
                self.cursor = cursor.unwrap_or(self.cursor);
                self.tasks.pop_front();
            }
            (Some(Task::Note(..)), Noted::Failed) => {
                self.tasks.push_front(Task::Rest(now.up + JOURNAL_PAUSE));
            }
            // Not of the journal that is open: the next poll begins anew with that one.
            (Some(Task::Note(..)), Noted::Outdated) => {}
            // If it cannot be written, the log has it.
            (Some(Task::Tell(_)), _) => _ = self.tasks.pop_front(),
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
