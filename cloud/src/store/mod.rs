//! The store: every reading once, durable before it is acknowledged.
//!
//! One SQLite file in WAL mode with `synchronous=FULL`; the schema, with units, is in `sql/`. [`vault`] says what a
//! transaction does; one thread ([`writer`]) holds it, group commit: all that waits goes into one transaction. A few connections read, never waiting for the
//! writer. After a crash SQLite recovers the log by itself; what was not committed was not acknowledged.

pub(crate) mod accounts;
mod alerts;
mod announced;
mod backup;
mod batch;
mod calendar;
mod check;
mod conflicts;
mod custody;
mod days;
mod details;
mod examine;
mod examiner;
mod export;
mod file;
mod fleet;
mod gateways;
mod heard;
mod memo;
mod migrations;
mod names;
mod open;
mod outcome;
mod plan;
mod quarantine;
mod query;
mod readers;
mod readings;
mod receipts;
mod refused;
mod restore;
pub(crate) mod retention;
mod series;
mod slots;
mod surveys;
mod vault;
mod writer;

pub use backup::{Copied, back_up};
pub use check::check;
pub use outcome::{Outcome, Stored};
pub use quarantine::Refused;
pub use restore::restore;
pub use vault::Vault;

pub(crate) use alerts::{
    Attempted, ChannelError, ChannelRow, JudgeError, Letter, NewChannel, RuleError, Secret, Surroundings,
};
pub(crate) use announced::Announced;
pub(crate) use calendar::{Calendar, CalendarRow, DayRow, SurveyRow, Which};
pub(crate) use details::Details;
pub(crate) use export::{ExportDevice, FlaggedReading, Quantity, Shelf};
pub(crate) use fleet::{Bringer, One, Shown};
pub(crate) use gateways::{GatewayRow, Report, RoundReport};
pub(crate) use plan::Plan;
pub(crate) use query::{ConflictRow, DeviceRow, Range};
pub(crate) use readers::ReadError;
pub(crate) use readings::Fate;
pub(crate) use refused::RefusedRow;
pub(crate) use series::{MAX_READINGS, NoSeries, Series};

use crate::{
    Error, Origin,
    console::Console,
    live::Live,
    submission::{Format, Submission, Upload},
};
use bytes::Bytes;
use examiner::Examiner;
use fieldpost_core::{Refusal, UtcInstant};
use jiff::tz::TimeZone;
use memo::Memo;
use readers::Readers;
use rusqlite::Transaction;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use writer::{Job, State, Writer};

/// A handle to the store; clones are handles to the same one.
#[derive(Clone)]
pub struct Store {
    queue: mpsc::Sender<Job>,
    readers: Readers,
    memo: Arc<Memo>,
    examiner: Examiner,
    state: Arc<State>,
    /// The writer, until it is waited for.
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    commit_deadline: Duration,
    path: PathBuf,
    /// Who watches is shown here what was committed.
    pub(crate) live: Live,
}

/// Why an upload was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It is not acceptable.
    #[error("{0}")]
    Refused(Refusal),
    /// The store is busy; the upload may or may not be stored, and may be sent again.
    #[error("the store is busy")]
    Busy,
    /// The store cannot be written at the moment, for lack of room say; nothing was stored.
    #[error("the store cannot be written: {0}")]
    Store(String),
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

impl Store {
    /// Opens the store at `path`, or makes it where there is none.
    ///
    /// # Errors
    /// If another process has it, or it cannot be opened, or is damaged: it is never emptied.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, None, TimeZone::UTC, crate::Limits::default().commit_deadline)
    }

    /// Opens the store; new readings are shown on `console`, in `zone` if their sender says no other.
    pub(crate) fn open_with(
        path: &Path,
        console: Option<Console>,
        zone: TimeZone,
        commit_deadline: Duration,
    ) -> Result<Self, Error> {
        let lock = file::lock(path)?;
        let vault = file::open(path)?;
        let state = Arc::new(State::default());
        state.readings.store(vault.readings(), Relaxed);
        let readers = Readers::open(path).map_err(|error| open::opening(path, &error))?;
        let (sender, queue) = mpsc::channel(writer::MAX_WAITING);
        let live = Live::new();
        let examiner = Examiner::start(path, sender.downgrade())?;
        let (bell, watched) = (examiner.bell(), live.clone());
        let theirs = Arc::clone(&state);
        let writer = Writer { vault, queue, state: theirs, console, live: watched, zone, bell, lock };
        let thread = std::thread::Builder::new().name("store-writer".into()).spawn(|| writer.run());
        let thread = Arc::new(Mutex::new(Some(thread.map_err(Error::Thread)?)));
        let path = path.to_owned();
        let memo = Arc::new(Memo::new());
        Ok(Self { queue: sender, readers, memo, examiner, state, thread, commit_deadline, path, live })
    }

    /// Stores surveys; when this returns well they are on disk.
    pub(crate) async fn submit(&self, submission: Submission) -> Result<Stored, SubmitError> {
        let work = async {
            let (answer, answered) = oneshot::channel();
            self.queue.send(Job::Store(submission, answer)).await.map_err(|_| SubmitError::Closed)?;
            answered.await.map_err(|_| SubmitError::Closed)?
        };
        tokio::time::timeout(self.commit_deadline, work).await.unwrap_or(Err(SubmitError::Busy))
    }

    /// Stores a SenML CBOR pack that came at `now`; when this returns well it is on disk.
    ///
    /// # Errors
    /// If the pack is refused or cannot be stored.
    pub async fn ingest_cbor(
        &self,
        body: Bytes,
        now: UtcInstant,
        origin: Origin,
    ) -> Result<Outcome, SubmitError> {
        let upload = Upload::new(Format::Cbor, body, origin, now);
        let stored = self.submit(upload.read().map_err(SubmitError::Refused)?).await?;
        Ok(stored.outcome)
    }

    /// Counts and keeps a refused upload. The sender is told why in any case, so a failure is only logged.
    pub(crate) async fn quarantine(&self, refused: Refused) {
        let work = async {
            let (answer, answered) = oneshot::channel();
            self.queue.send(Job::Quarantine(refused, answer)).await.ok()?;
            answered.await.ok()
        };
        if tokio::time::timeout(self.commit_deadline, work).await.ok().flatten().is_none() {
            tracing::error!("refused input could not be kept for inspection: the store is busy or closed");
        }
    }

    /// Changes something in a transaction of its own; when this returns well it is on disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SubmitError> {
        self.write_then(work, |done| done).await
    }

    /// Does `work` on the writer's thread, in its turn.
    async fn with_vault<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vault) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SubmitError> {
        let wait = async {
            let (answer, answered) = oneshot::channel();
            let job = Job::Write(Box::new(move |vault| {
                // Whoever asked may have gone.
                let _ = answer.send(work(vault));
            }));
            self.queue.send(job).await.map_err(|_| SubmitError::Closed)?;
            let done = answered.await.map_err(|_| SubmitError::Closed)?;
            done.map_err(|error| SubmitError::Store(error.to_string()))
        };
        tokio::time::timeout(self.commit_deadline, wait).await.unwrap_or(Err(SubmitError::Busy))
    }

    /// As [`Store::write`]; `then` is run once it is on disk, on the writer's thread and thus in the order of the changes,
    /// whether or not anybody still waits for the answer.
    pub(crate) async fn write_then<T: 'static, U: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<U, SubmitError> {
        self.with_vault(move |vault| vault.change(work).map(then)).await
    }

    /// Waits until surveys were stored, or somebody who changed a rule says so; returns at once if that was since the last call.
    pub(crate) async fn stirred(&self) {
        self.state.stored.notified().await;
    }

    /// Lets whoever waits in [`Store::stirred`] look.
    pub(crate) fn stir(&self) {
        self.state.stored.notify_one();
    }

    /// Readings held.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.state.readings.load(Relaxed)
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the writer answers within `patience`, and the last transaction went well.
    pub(crate) async fn healthy(&self, patience: Duration) -> Result<(), SubmitError> {
        let (answer, answered) = oneshot::channel();
        let ping = async {
            self.queue.send(Job::Ping(answer)).await.map_err(|_| SubmitError::Closed)?;
            answered.await.map_err(|_| SubmitError::Closed)
        };
        tokio::time::timeout(patience, ping).await.unwrap_or(Err(SubmitError::Busy))?;
        match self.state.failing.load(Relaxed) {
            true => Err(SubmitError::Store("the last write failed".into())),
            false => Ok(()),
        }
    }

    /// Waits until the writer has stopped, which it does not by itself.
    pub(crate) async fn stopped(&self) {
        self.queue.closed().await;
    }

    /// Commits what waits, shows it, and closes the file. Other handles are of no use afterwards.
    pub async fn close(self) {
        // The last connection to close must be the writer's: readers cannot tidy up.
        self.readers.close().await;
        self.examiner.stop().await;
        // It fails only if the writer has stopped already.
        let _ = self.queue.send(Job::Stop).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}
#[cfg(test)]
mod tests;
