//! How far it is, on a terminal and only if it takes long.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(200);

/// A line that is written over.
pub(super) struct Progress<W> {
    out: Option<W>,
    next: Instant,
    shown: bool,
}

impl<W: Write + IsTerminal> Progress<W> {
    /// A line on `out`, if that is a terminal.
    pub(super) fn new(out: W) -> Self {
        let out = out.is_terminal().then_some(out);
        Self { out, next: Instant::now() + PATIENCE, shown: false }
    }

    /// Shows it, unless it has just been shown. What cannot be shown is no reason to stop.
    pub(super) fn show(&mut self, devices: u64) {
        let now = Instant::now();
        let Some(out) = self.out.as_mut().filter(|_| now >= self.next) else { return };
        self.next = now + EVERY;
        self.shown = write!(out, "\r{devices} devices").and_then(|()| out.flush()).is_ok();
    }

    /// Takes it away before something else is printed.
    pub(super) fn clear(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.shown) {
            let _ = write!(out, "\r\x1b[K");
        }
        self.shown = false;
    }
}
