//! The console: every new reading as a line, after its commit.
//!
//! A thread of its own writes, fed by a bounded queue. Whoever reads the console may be slow or have stopped (a paused
//! terminal, a full pipe): that may delay the store's writer a little, never stop it. Then lines are left out, and
//! a note says how many.

mod print;

use crate::store::Fate;
use fieldpost_core::senml::PackSurvey;
use jiff::tz::TimeZone;
use print::Printer;
use std::{
    collections::VecDeque,
    io::Write,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Readings that may wait to be shown: some 10 MB.
const MAX_WAITING: usize = 200_000;
/// How long the writer waits for room, in all, until the console has caught up again.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a console that takes no byte is waited for at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// An accepted upload's surveys, and which of their readings are new.
pub(crate) struct Printout {
    pub(crate) surveys: Vec<PackSurvey>,
    /// What became of each reading, in their order.
    pub(crate) fates: Vec<Fate>,
    /// The zone of the site.
    pub(crate) zone: TimeZone,
}

impl Printout {
    fn new_readings(&self) -> usize {
        self.fates.iter().filter(|fate| matches!(fate, Fate::New | Fate::Filled)).count()
    }
}

/// What waits to be printed.
enum Item {
    Printout(Printout),
    /// So many readings were left out here.
    LeftOut(usize),
}

/// The near end of the queue.
pub(crate) struct Console(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Something was put in.
    filled: Condvar,
    /// Something was taken out or written.
    drained: Condvar,
}

struct Queue {
    items: VecDeque<Item>,
    /// Readings in `items`.
    waiting: usize,
    /// Readings left out since the last item.
    left_out: usize,
    /// What is left of [`PATIENCE`].
    patience: Duration,
    /// Nothing more will come.
    closing: bool,
    /// The console is gone, or everything is said.
    ended: bool,
    /// Grows with everything that is written.
    progress: u64,
}

impl Console {
    /// Starts the thread that writes to `out`.
    pub(crate) fn start(out: Box<dyn Write + Send>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                items: VecDeque::new(),
                waiting: 0,
                left_out: 0,
                patience: PATIENCE,
                closing: false,
                ended: false,
                progress: 0,
            }),
            filled: Condvar::new(),
            drained: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("console".into()).spawn(move || theirs.write_to(out))?;
        Ok(Self(shared))
    }

    /// Shows a printout when its turn comes.
    pub(crate) fn show(&self, printout: Printout) {
        let readings = printout.new_readings();
        let mut queue = self.0.wait_for_room(readings);
        if queue.ended {
            return;
        }
        if !queue.has_room(readings) {
            if queue.left_out == 0 {
                tracing::warn!("nobody reads the console; new readings are stored and not shown");
            }
            queue.left_out = queue.left_out.saturating_add(readings);
            return;
        }
        queue.note_left_out();
        queue.waiting = queue.waiting.saturating_add(readings);
        queue.items.push_back(Item::Printout(printout));
        self.0.filled.notify_one();
    }

    /// Waits until everything is said, or nobody listens.
    pub(crate) fn close(self) {
        let mut queue = self.0.lock();
        queue.closing = true;
        queue.note_left_out();
        self.0.filled.notify_one();
        while !queue.ended {
            let before = queue.progress;
            let (next, wait) =
                self.0.drained.wait_timeout(queue, FAREWELL).unwrap_or_else(PoisonError::into_inner);
            queue = next;
            if wait.timed_out() && queue.progress == before && !queue.ended {
                tracing::warn!(readings = queue.waiting, "nobody reads the console; its last lines are lost");
                return;
            }
        }
    }
}

impl Queue {
    /// A printout larger than the queue has room in an empty one.
    fn has_room(&self, readings: usize) -> bool {
        self.items.is_empty() || self.waiting.saturating_add(readings) <= MAX_WAITING
    }

    fn note_left_out(&mut self) {
        if self.left_out > 0 {
            self.items.push_back(Item::LeftOut(self.left_out));
            self.left_out = 0;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room as long as there is patience.
    fn wait_for_room(&self, readings: usize) -> MutexGuard<'_, Queue> {
        let mut queue = self.lock();
        while !queue.has_room(readings) && !queue.ended && queue.patience > Duration::ZERO {
            let started = Instant::now();
            let patience = queue.patience;
            (queue, _) = self.drained.wait_timeout(queue, patience).unwrap_or_else(PoisonError::into_inner);
            queue.patience = queue.patience.saturating_sub(started.elapsed());
        }
        queue
    }

    /// The thread: prints what comes until there is nothing more or nobody to print it for.
    fn write_to(&self, out: Box<dyn Write + Send>) {
        let mut printer = Printer::new(out, |_| self.advance());
        while let Some(item) = self.next() {
            let readings = match &item {
                Item::Printout(printout) => printout.new_readings(),
                Item::LeftOut(_) => 0,
            };
            let printed = match item {
                Item::Printout(printout) => printer.print(&printout),
                Item::LeftOut(readings) => printer.note_left_out(readings),
            };
            let flushed =
                if self.lock().items.is_empty() { printed.and_then(|()| printer.flush()) } else { printed };
            if let Err(error) = flushed {
                tracing::warn!(%error, "the console is gone; new readings are stored and no longer shown");
                break;
            }
            let mut queue = self.lock();
            queue.waiting = queue.waiting.saturating_sub(readings);
            self.drained.notify_all();
        }
        self.lock().ended = true;
        self.drained.notify_all();
    }

    fn next(&self) -> Option<Item> {
        let mut queue = self.lock();
        loop {
            if let Some(item) = queue.items.pop_front() {
                return Some(item);
            }
            // It has caught up: it may be waited for again.
            queue.patience = PATIENCE;
            queue.note_left_out();
            if queue.items.is_empty() {
                if queue.closing {
                    return None;
                }
                queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn advance(&self) {
        let mut queue = self.lock();
        queue.progress = queue.progress.wrapping_add(1);
        self.drained.notify_all();
    }
}
