//! A file on its way to the cloud: its lines in, surveys and faults out. Sends nothing and says nothing by itself.

use super::{
    days::{Days, FromFile},
    lines::{Line, Lines},
    reader::Reader,
};
use std::io::{self, BufRead};

/// A file, as far as it has been read.
pub(super) struct Stream<R> {
    lines: Lines<R>,
    reader: Reader,
    days: Days,
    ended: bool,
}

/// What one line brought, or the end of the file.
pub(super) struct Step {
    /// Its bytes.
    pub(super) length: u64,
    /// What is wrong with it, and what is not sent for that.
    pub(super) fault: Option<String>,
    /// To be sent now.
    pub(super) surveys: Vec<FromFile>,
}

impl<R: BufRead> Stream<R> {
    /// The file in `lines`, of which at most `held` readings are held back.
    pub(super) fn new(lines: R, reader: Reader, held: usize) -> Self {
        Self { lines: Lines::new(lines), reader, days: Days::new(held), ended: false }
    }

    /// Takes the next line; None when the file has ended, or is given up.
    pub(super) fn step(&mut self) -> io::Result<Option<Step>> {
        if self.ended {
            return Ok(None);
        }
        let Some(line) = self.lines.next()? else {
            self.ended = true;
            return Ok(Some(Step { length: 0, fault: None, surveys: self.days.end() }));
        };
        let fault = self.take(&line).map(|why| format!("line {}: {why}", line.number));
        let surveys = if self.days.is_full() && !self.ended { self.days.drain() } else { Vec::new() };
        Ok(Some(Step { length: line.length, fault, surveys }))
    }

    /// Says what is wrong with the line.
    fn take(&mut self, line: &Line) -> Option<String> {
        let why = match self.reader.read(line) {
            Ok(None) => return None,
            Ok(Some((device, slot))) => {
                self.days.take(line.number, device, slot);
                return None;
            }
            Err(why) => why,
        };
        if !self.reader.has_begun() {
            self.ended = true;
            return Some(why);
        }
        let more = if self.days.sends_in_parts() { "nothing more" } else { "nothing" };
        if self.days.spoil(line.number, self.reader.place(line)) {
            return Some(format!("{why}; {more} of its day is sent"));
        }
        self.ended = true;
        Some(format!(
            "{why}; so many days have bad lines that the file is given up: nothing more of it is sent"
        ))
    }
}
