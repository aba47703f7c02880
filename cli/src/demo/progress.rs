//! How far the year is, on stderr: stdout is for what happened.

use std::{
    convert::Infallible,
    io::{self, IsTerminal, Write, stderr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

/// On a terminal the line is written over.
const ON_TERMINAL: Duration = Duration::from_millis(100);
/// In a log it is a new line each time.
const IN_LOG: Duration = Duration::from_secs(2);

/// Counts the days that devices say were acknowledged: they print a line for each. Clones count together.
#[derive(Clone, Default)]
pub(super) struct Days(Arc<AtomicU64>);

impl Write for Days {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        self.0.fetch_add(lines as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shows the number of days for as long as it is polled. A progress that cannot be shown is no reason to stop.
pub(super) async fn show(days: &Days) -> Infallible {
    let terminal = stderr().is_terminal();
    let _erased = Eraser(terminal);
    loop {
        sleep(if terminal { ON_TERMINAL } else { IN_LOG }).await;
        let count = days.0.load(Ordering::Relaxed);
        let text = format!("{count} station days acknowledged");
        let _ = if terminal { write!(stderr(), "\r{text}") } else { writeln!(stderr(), "{text}") };
    }
}

/// Clears the line when the progress ends.
struct Eraser(bool);

impl Drop for Eraser {
    fn drop(&mut self) {
        if self.0 {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
