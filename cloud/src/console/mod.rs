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

/// Readings that may wait to be shown: some 10 MB, or 30 if each is a survey of its own.
const MAX_WAITING: usize = 200_000;
/// How long the writer waits for room, in all, until the console has caught up again.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a console that takes no byte is waited for at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// The new readings of an accepted upload.
pub(crate) struct Printout {
    surveys: Vec<PackSurvey>,
    readings: usize,
    /// The zone of the site.
    zone: TimeZone,
}

impl Printout {
    /// Of these surveys, of whose readings this became in their order; None if there is nothing new. What is not new
    /// is let go at once: it must not wait in memory behind a console that nobody reads.
    pub(crate) fn new(mut surveys: Vec<PackSurvey>, fates: &[Fate], zone: TimeZone) -> Option<Self> {
        let is_new = |fate: &Fate| matches!(fate, Fate::New | Fate::Filled);
        let readings = fates.iter().filter(|fate| is_new(fate)).count();
        if readings == 0 {
            return None;
        }
        if readings < fates.len() {
            let mut fates = fates.iter();
            for one in &mut surveys {
                one.survey.readings.retain(|_| fates.next().is_some_and(is_new));
                one.survey.readings.shrink_to_fit();
            }
        }
        surveys.retain(|one| !one.survey.readings.is_empty());
        surveys.shrink_to_fit();
        Some(Self { surveys, readings, zone })
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
        let readings = printout.readings;
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
                Item::Printout(printout) => printout.readings,
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

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::{Reading, Survey, Temperature, UtcInstant, Values};

    fn surveys(sizes: &[i64]) -> Vec<PackSurvey> {
        let reading = |n| Reading {
            time: UtcInstant::from_millis(n),
            values: Values::new(Temperature::from_hundredths(n), None).unwrap(),
        };
        let survey = |size: &i64| Survey {
            device: "m1".parse().unwrap(),
            readings: (0..*size).map(reading).collect(),
        };
        sizes.iter().map(|size| PackSurvey { survey: survey(size), received: None }).collect()
    }

    #[test]
    fn a_printout_holds_what_is_new_and_no_more() {
        let fates = [vec![Fate::Duplicate; 1_000], vec![Fate::New, Fate::Conflict, Fate::Filled]].concat();
        let printout = Printout::new(surveys(&[0, 600, 403]), &fates, TimeZone::UTC).unwrap();
        assert_eq!((printout.readings, printout.surveys.len(), printout.surveys.capacity()), (2, 1, 1));
        let readings = &printout.surveys[0].survey.readings;
        assert_eq!(readings.iter().map(|reading| reading.time.as_millis()).collect::<Vec<_>>(), [400, 402]);
        assert_eq!(readings.capacity(), 2);

        let whole = Printout::new(surveys(&[0, 3]), &[Fate::New; 3], TimeZone::UTC).unwrap();
        assert_eq!((whole.readings, whole.surveys.len()), (3, 1));
    }

    #[test]
    fn a_printout_without_anything_new_is_none() {
        let fates = [Fate::Duplicate, Fate::Conflict, Fate::Duplicate];
        assert!(Printout::new(surveys(&[3, 0]), &fates, TimeZone::UTC).is_none());
        assert!(Printout::new(surveys(&[0]), &[], TimeZone::UTC).is_none());
    }
}
