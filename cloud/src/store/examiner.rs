//! The thread that examines: it reads by a connection of its own and hands what it found to the writer, so that uploads wait
//! only for the flags' rows to be written, many devices' in one transaction.
//!
//! While uploads come it rests after each turn, many times as long as that took: of a machine that is busy it takes a
//! twentieth of a core. When nothing comes it goes on until all is examined, and then sleeps.

use super::{examine::Slice, open, writer::Job};
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc as queue, oneshot};

/// Hours whose flags one slice finds: half a year, some 2 ms of work.
const SLICE_HOURS: i64 = 4_096;
/// Readings that one turn looks at before it writes: some milliseconds of work.
const TURN_READINGS: usize = 30_000;
/// Devices of one turn.
const TURN_DEVICES: usize = 256;
/// How many times longer than a turn the rest behind it is, while uploads come.
const REST: u32 = 19;
const LONGEST_REST: Duration = Duration::from_secs(1);
/// After a failure, for lack of room say.
const BREATH: Duration = Duration::from_secs(5);

/// Tells the examiner that there may be work.
pub(super) type Bell = SyncSender<()>;

/// The examiner's thread, until it is stopped.
#[derive(Clone)]
pub(super) struct Examiner {
    bell: Bell,
    stop: Arc<AtomicBool>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Examiner {
    /// Starts it on the store at `path`, whose writer takes jobs from `writer`.
    pub(super) fn start(path: &Path, writer: queue::WeakSender<Job>) -> Result<Self, crate::Error> {
        let connection = open::reader(path).map_err(|error| open::opening(path, &error))?;
        let (bell, heard) = mpsc::sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work { connection, writer, heard, stop: Arc::clone(&stop), after: 0 };
        let thread = std::thread::Builder::new().name("store-examiner".into()).spawn(|| work.run());
        let thread = Arc::new(Mutex::new(Some(thread.map_err(crate::Error::Thread)?)));
        Ok(Self { bell, stop, thread })
    }

    /// What tells it of work.
    pub(super) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Stops it; what is not examined yet is noted in the store.
    pub(super) async fn stop(&self) {
        self.stop.store(true, Relaxed);
        // If it is full the examiner wakes up anyway.
        let _ = self.bell.try_send(());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

struct Work {
    connection: Connection,
    writer: queue::WeakSender<Job>,
    heard: Receiver<()>,
    stop: Arc<AtomicBool>,
    /// The device whose turn was last: all have theirs before it comes again.
    after: i64,
}

/// The store is closed.
struct Closed;

impl Work {
    fn run(mut self) {
        while let Ok(rest) = self.turn() {
            if self.rest(rest).is_err() {
                return;
            }
        }
    }

    /// Rests, or until the next bell if there is nothing to do.
    fn rest(&self, rest: Option<Duration>) -> Result<(), Closed> {
        if let Some(rest) = rest {
            let end = Instant::now() + rest;
            loop {
                match self.heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => break,
                    Ok(()) if !self.stop.load(Relaxed) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return Err(Closed),
                }
            }
        } else if self.heard.recv().is_err() {
            return Err(Closed);
        }
        if self.stop.load(Relaxed) { Err(Closed) } else { Ok(()) }
    }

    /// Examines some devices; says how long to rest, None if nothing is left to do.
    fn turn(&mut self) -> Result<Option<Duration>, Closed> {
        let began = Instant::now();
        match self.look() {
            Ok(slices) if slices.is_empty() && self.after == 0 => return Ok(None),
            Ok(slices) if slices.is_empty() => self.after = 0,
            Ok(slices) => {
                self.after = slices.last().map_or(0, Slice::device);
                if !self.write(slices)? {
                    return Ok(Some(BREATH));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "readings cannot be examined at the moment; tried again");
                return Ok(Some(BREATH));
            }
        }
        let busy = self.heard.try_recv().is_ok();
        let rest = if busy { began.elapsed().saturating_mul(REST).min(LONGEST_REST) } else { Duration::ZERO };
        Ok(Some(rest))
    }

    /// What the rules say of the next devices, all of one moment.
    fn look(&self) -> rusqlite::Result<Vec<Slice>> {
        let transaction = self.connection.unchecked_transaction()?;
        let (mut slices, mut looked_at, mut after) = (Vec::new(), 0, self.after);
        while looked_at < TURN_READINGS && slices.len() < TURN_DEVICES {
            let Some(slice) = Slice::next(&transaction, after, SLICE_HOURS)? else { break };
            looked_at += slice.looked_at;
            after = slice.device();
            slices.push(slice);
        }
        Ok(slices)
    }

    /// Has the writer write it; returns whether it could.
    fn write(&self, slices: Vec<Slice>) -> Result<bool, Closed> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Write(Box::new(move |vault| {
            let done = vault
                .change(|transaction| slices.iter().try_for_each(|slice| slice.apply(transaction).map(drop)));
            let _ = answer.send(done);
        }));
        self.writer.upgrade().ok_or(Closed)?.blocking_send(job).map_err(|_| Closed)?;
        match answered.blocking_recv().map_err(|_| Closed)? {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::warn!(%error, "flags of readings cannot be written at the moment; tried again");
                Ok(false)
            }
        }
    }
}
