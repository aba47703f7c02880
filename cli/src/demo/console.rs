//! The cloud's console, as the demo shows it: the reference day line by line, the year only as numbers.

use std::{
    io::{self, Write, stdout},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long lines may take from the store to the console before the demo goes on without them.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A writer for the cloud's lines that can be told to be quiet. Clones are the same console.
#[derive(Clone, Default)]
pub(super) struct Console {
    quiet: Arc<AtomicBool>,
    shown: Arc<AtomicU64>,
}

impl Console {
    /// Shows no more lines once it has shown `readings` of them: 30,000 lines say less than one number.
    pub(super) async fn quiet_after(&self, readings: u64) {
        let began = Instant::now();
        while self.shown.load(Ordering::Relaxed) < readings && began.elapsed() < PATIENCE {
            sleep(LOOK_EVERY).await;
        }
        self.quiet.store(true, Ordering::Relaxed);
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.quiet.load(Ordering::Relaxed) {
            return Ok(bytes.len());
        }
        let written = stdout().write(bytes)?;
        // A reading's line has one percent sign, the line of a date none.
        let readings = bytes.iter().take(written).filter(|byte| **byte == b'%').count();
        self.shown.fetch_add(readings as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        stdout().flush()
    }
}
