//! The one thread that writes: it takes all that waits, commits it at once, and only then answers (promise P1).

use super::{
    SubmitError,
    batch::{Batch, Judged, Outcome, Written},
    migrations,
    names::Names,
    open::Lock,
    quarantine::{self, Refused},
    receipts,
};
use crate::{
    console::{Console, Printout},
    submission::Submission,
};
use fieldpost_core::UtcInstant;
use jiff::tz::TimeZone;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait; whoever comes then waits in line.
pub(super) const MAX_WAITING: usize = 1_024;
/// The cost of one transaction, in readings, beyond which no further job is taken into it: some 100 ms of work.
const MAX_COST: usize = 100_000;
/// How often receipts are pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Work for the writer.
pub(super) enum Job {
    /// Store surveys.
    Store(Submission, oneshot::Sender<Result<Outcome, SubmitError>>),
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
}

/// A submission and who waits for it.
type Waiting = (Submission, oneshot::Sender<Result<Outcome, SubmitError>>);

/// The writer's own state; [`Writer::run`] is its thread.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) state: Arc<State>,
    pub(super) console: Option<Console>,
    /// The zone of console lines whose sender says no other.
    pub(super) zone: TimeZone,
    pub(super) devices: Names,
    pub(super) gateways: Names,
    pub(super) pruned: UtcInstant,
    /// Held as long as the store is written.
    pub(super) lock: Lock,
}

impl Writer {
    /// Works until it is stopped or nobody is left who could submit.
    pub(super) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let (mut stores, mut refused, mut pings, mut stop) = (Vec::new(), Vec::new(), Vec::new(), false);
            let (mut next, mut cost) = (Some(first), 0_usize);
            while let Some(job) = next.take() {
                match job {
                    Job::Store(submission, answer) => {
                        cost = cost.saturating_add(submission.cost());
                        stores.push((submission, answer));
                    }
                    Job::Quarantine(one, answer) => refused.push((one, answer)),
                    Job::Ping(answer) => pings.push(answer),
                    Job::Stop => stop = true,
                }
                let room = cost < MAX_COST && stores.len() + refused.len() < MAX_WAITING && !stop;
                next = if room { self.queue.try_recv().ok() } else { None };
            }
            self.store(stores);
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

    /// Stores submissions together; if that fails, each by itself, so that none spoils the others (promise P7).
    pub(super) fn store(&mut self, mut waiting: Vec<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        match self.transact(&mut waiting) {
            Ok(written) => self.answer(waiting, written),
            Err(error) if waiting.len() == 1 => self.fail(waiting, &error),
            Err(_) => {
                for one in waiting {
                    let mut alone = vec![one];
                    match self.transact(&mut alone) {
                        Ok(written) => self.answer(alone, written),
                        Err(error) => self.fail(alone, &error),
                    }
                }
            }
        }
    }

    fn transact(&mut self, waiting: &mut [Waiting]) -> rusqlite::Result<Written> {
        // By the senders' receipts, not by a clock of our own: the two must not disagree about a receipt's age.
        let now = waiting.iter().map(|(submission, _)| submission.received).max().unwrap_or(self.pruned);
        // Either way: while our clock was ahead, the last time may have come to lie in the future.
        let since = now.duration_since(self.pruned).max(self.pruned.duration_since(now));
        let prune = since >= PRUNE_EVERY;
        let result = Self::write(&mut self.connection, |transaction| {
            let mut batch = Batch::new(transaction, &mut self.devices, &mut self.gateways);
            for (submission, _) in waiting {
                batch.add(submission)?;
            }
            let written = batch.write()?;
            if prune {
                receipts::prune(transaction, now)?;
            }
            Ok(written)
        });
        match &result {
            Ok(written) => {
                self.state.readings.fetch_add(written.added, Relaxed);
                self.pruned = if prune { now } else { self.pruned };
            }
            Err(_) => {
                self.devices.forget();
                self.gateways.forget();
            }
        }
        self.state.failing.store(result.is_err(), Relaxed);
        result
    }

    /// Runs `work` in a transaction. What comes back without an error is on disk.
    fn write<T>(
        connection: &mut Connection,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Answers first, then shows: nobody waits for a terminal.
    fn answer(&mut self, waiting: Vec<Waiting>, written: Written) {
        let mut printouts = Vec::new();
        for ((submission, answer), judged) in waiting.into_iter().zip(written.judged) {
            let _ = answer.send(outcome(&judged));
            if let (Some(_), Ok(fates)) = (&self.console, judged) {
                let zone = submission.origin.time_zone.unwrap_or_else(|| self.zone.clone());
                printouts.extend(Printout::new(submission.surveys, &fates, zone));
            }
        }
        if let Some(console) = &self.console {
            printouts.into_iter().for_each(|printout| console.show(printout));
        }
    }

    /// Tells the senders that nothing was stored. They keep what they have, and come again.
    fn fail(&self, waiting: Vec<Waiting>, error: &rusqlite::Error) {
        tracing::error!(%error, "the store cannot be written; nothing was acknowledged, senders try again");
        for (_, answer) in waiting {
            let _ = answer.send(Err(SubmitError::Store(error.to_string())));
        }
    }

    /// After a failure, when somebody asks: tries whether the store can be written again. Whoever sends nobody here
    /// while we are ill would otherwise never see us well.
    fn probe(&mut self, asked: bool) {
        if asked && self.state.failing.load(Relaxed) {
            let version = migrations::version(&self.connection);
            let written =
                version.and_then(|version| self.connection.pragma_update(None, "user_version", version));
            self.state.failing.store(written.is_err(), Relaxed);
        }
    }

    fn quarantine(&mut self, refused: Vec<(Refused, oneshot::Sender<()>)>) {
        if refused.is_empty() {
            return;
        }
        let result = Self::write(&mut self.connection, |transaction| {
            refused.iter().try_for_each(|(one, _)| quarantine::record(transaction, one))
        });
        if let Err(error) = result {
            tracing::error!(%error, count = refused.len(), "refused input could not be kept for inspection");
        }
        for (_, answer) in refused {
            let _ = answer.send(());
        }
    }

    /// Leaves the file whole, with nothing in its log, and the console said.
    fn finish(self) {
        if let Some(console) = self.console {
            console.close();
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "the store was not closed cleanly; the next start repairs it");
        }
        drop(self.lock);
    }
}

fn outcome(judged: &Judged) -> Result<Outcome, SubmitError> {
    match judged {
        Ok(fates) => Ok(Outcome::of(fates)),
        Err(refusal) => Err(SubmitError::Refused(refusal.clone())),
    }
}
