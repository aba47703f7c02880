//! The one thread that writes: it takes all that waits, commits it at once, and only then answers (promise P1).

use super::{
    SubmitError,
    examiner::Bell,
    file::Lock,
    outcome::{Kept, Stored},
    quarantine::Refused,
    readings::Fate,
    vault::Vault,
};
use crate::{
    console::{Console, Printout},
    live::Live,
    submission::Submission,
};
use jiff::tz::TimeZone;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};
use tokio::sync::{Notify, mpsc, oneshot};

/// Jobs that may wait; whoever comes then waits in line.
pub(super) const MAX_WAITING: usize = 1_024;
/// The cost of one transaction, in readings, beyond which no further job is taken into it: some 100 ms of work.
const MAX_COST: usize = 100_000;

/// Something to be done to the vault; it answers by itself.
pub(super) type Work = Box<dyn FnOnce(&mut Vault) + Send>;

/// Work for the writer.
pub(super) enum Job {
    /// Store surveys.
    Store(Submission, oneshot::Sender<Result<Stored, SubmitError>>),
    /// Change something else, in a transaction of its own; it answers by itself.
    Write(Work),
    /// Keep refused input.
    Quarantine(Refused, oneshot::Sender<()>),
    /// Say that it is alive.
    Ping(oneshot::Sender<()>),
    /// Finish, and end.
    Stop,
}

/// What the writer tells the readers.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Readings held.
    pub(super) readings: AtomicU64,
    /// The last transaction failed.
    pub(super) failing: AtomicBool,
    /// Told after every commit of surveys: alerts look at what is new.
    pub(super) stored: Notify,
}

/// A submission and who waits for it.
type Waiting = (Submission, oneshot::Sender<Result<Stored, SubmitError>>);

/// The writer's own state; [`Writer::run`] is its thread.
pub(super) struct Writer {
    pub(super) vault: Vault,
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) state: Arc<State>,
    pub(super) console: Option<Console>,
    pub(super) live: Live,
    /// The zone of console lines whose sender says no other.
    pub(super) zone: TimeZone,
    /// Tells the examiner of new readings.
    pub(super) bell: Bell,
    /// Held as long as the store is written.
    pub(super) lock: Lock,
}

impl Writer {
    /// Works until it is stopped or nobody is left who could submit.
    pub(super) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let (mut stores, mut writes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
            let (mut pings, mut stop) = (Vec::new(), false);
            let (mut next, mut cost) = (Some(first), 0_usize);
            while let Some(job) = next.take() {
                match job {
                    Job::Store(submission, answer) => {
                        cost = cost.saturating_add(submission.cost());
                        stores.push((submission, answer));
                    }
                    Job::Write(work) => writes.push(work),
                    Job::Quarantine(one, answer) => refused.push((one, answer)),
                    Job::Ping(answer) => pings.push(answer),
                    Job::Stop => stop = true,
                }
                let room =
                    cost < MAX_COST && stores.len() + writes.len() + refused.len() < MAX_WAITING && !stop;
                next = if room { self.queue.try_recv().ok() } else { None };
            }
            self.store(stores);
            self.write(writes);
            self.quarantine(refused);
            self.probe(!pings.is_empty());
            for ping in pings {
                let _ = ping.send(());
            }
            if stop {
                break;
            }
        }
        self.finish();
    }

    /// Stores what waits, answers, and then shows: nobody waits for a terminal.
    fn store(&mut self, waiting: Vec<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        let (mut submissions, answers): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let results = self.vault.keep(&mut submissions);
        self.tell();
        // A bell that rings already need not be rung.
        let _ = self.bell.try_send(());
        self.state.stored.notify_one();
        let mut shown = Vec::new();
        for ((result, submission), answer) in results.into_iter().zip(submissions).zip(answers) {
            let fates = match result {
                Ok(Kept { stored, fates }) => {
                    let _ = answer.send(Ok(stored));
                    fates
                }
                Err(error) => {
                    let _ = answer.send(Err(error));
                    continue;
                }
            };
            if self.live.is_watched() {
                self.tell_watchers(&submission, &fates);
            }
            if self.console.is_some() {
                let zone = submission.origin.time_zone.unwrap_or_else(|| self.zone.clone());
                shown.extend(Printout::new(submission.surveys, &fates, zone));
            }
        }
        if let Some(console) = &self.console {
            shown.into_iter().for_each(|printout| console.show(printout));
        }
    }

    /// Leaves notes of what was new.
    fn tell_watchers(&self, submission: &Submission, fates: &[Fate]) {
        let mut fates = fates.iter();
        for one in &submission.surveys {
            let fates = fates.by_ref().take(one.survey.readings.len());
            let readings = one.survey.readings.iter().zip(fates);
            let mut new = readings.filter(|(_, fate)| matches!(fate, Fate::New | Fate::Filled)).peekable();
            if new.peek().is_some() {
                self.live.readings(&one.survey.device, new.map(|(reading, _)| *reading));
            }
        }
        // Last: whoever is told of the contact has been told of what it brought.
        self.live.contact(&submission.origin.gateway, submission.received);
    }

    /// Does what others want to be written.
    fn write(&mut self, writes: Vec<Work>) {
        if !writes.is_empty() {
            writes.into_iter().for_each(|work| work(&mut self.vault));
            self.tell();
        }
    }

    /// Tells the readers how the store is.
    fn tell(&self) {
        self.state.readings.store(self.vault.readings(), Relaxed);
        self.state.failing.store(self.vault.is_failing(), Relaxed);
    }

    /// When somebody asks: tries whether the store can be written again. Whoever sends nobody here while we are ill would
    /// otherwise never see us well.
    fn probe(&mut self, asked: bool) {
        if asked {
            self.vault.probe();
            self.tell();
        }
    }

    fn quarantine(&mut self, refused: Vec<(Refused, oneshot::Sender<()>)>) {
        let (refused, answers): (Vec<_>, Vec<_>) = refused.into_iter().unzip();
        if let Err(error) = self.vault.quarantine(&refused) {
            tracing::error!(%error, count = refused.len(), "refused input could not be kept for inspection");
        }
        for answer in answers {
            let _ = answer.send(());
        }
    }

    /// Leaves the file whole, with nothing in its log, and the console said.
    fn finish(self) {
        if let Some(console) = self.console {
            console.close();
        }
        if let Err(error) = self.vault.close() {
            tracing::warn!(%error, "the store was not closed cleanly; the next start repairs it");
        }
        drop(self.lock);
    }
}
