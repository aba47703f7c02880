//! A meter: the real `fieldpost device` in its host's namespace, replaying days of a station, killed and started again.
//!
//! It prints a line for each day once that is acknowledged, in order, which is how the lab knows. Killed between
//! the acknowledgement and the line, it sends that day again in its next life, as a real one would.

use super::{
    network, said,
    station::{self, Day},
};
use crate::{
    ledger::{Ledger, Told},
    process::Program,
};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a meter sends to.
pub(super) const GATEWAY_URL: &str = "udp://192.168.1.1:10005";

/// One process on one host.
#[derive(Debug)]
pub(super) struct Meter {
    /// Its host's last byte.
    pub(super) host: u8,
    id: Arc<str>,
    source: PathBuf,
    days: Vec<Day>,
    /// How many days are acknowledged, from the first on.
    done: usize,
    /// The day at which its present life began, which it may have sent before.
    began: usize,
    /// How many lines of its present life have been read.
    read: usize,
    program: Program,
    ended: bool,
    /// Datagrams beyond the first of each survey, as far as it could tell of them.
    pub(super) copies: u64,
}

impl Meter {
    /// A meter that replays `days`, so fast that they take `speed` times less than they did; as fast as they are
    /// acknowledged without it.
    pub(super) fn new(
        host: u8,
        number: usize,
        days: Vec<Day>,
        speed: Option<f64>,
        command: &Path,
        folder: &Path,
    ) -> Self {
        let name = format!("{}-{number}", network::meter(host));
        let source = folder.join(format!("{name}.csv"));
        let mut arguments = arguments(host, "--replay", &source);
        arguments.extend(speed.map(|speed| format!("--speed={speed}")));
        Self::with(host, &name, source, days, command, folder, arguments)
    }

    /// A meter as the reference system's: one survey, four lines without a date, sent once.
    pub(super) fn reference(
        host: u8,
        text: &str,
        readings: Vec<Told>,
        command: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let name = format!("{}-reference", network::meter(host));
        let source = folder.join(format!("{name}.txt"));
        fs::write(&source, text)?;
        let mut arguments = arguments(host, "--survey", &source);
        arguments.push("--once".to_owned());
        let days = vec![Day::undated(readings)];
        Ok(Self::with(host, &name, source, days, command, folder, arguments))
    }

    fn with(
        host: u8,
        name: &str,
        source: PathBuf,
        days: Vec<Day>,
        command: &Path,
        folder: &Path,
        arguments: Vec<String>,
    ) -> Self {
        let inside =
            ["netns".to_owned(), "exec".to_owned(), network::meter(host), command.display().to_string()];
        let program = Program::new(name, Path::new("ip"), folder, inside.into_iter().chain(arguments));
        let id = Arc::from(network::address(host));
        Self { host, id, source, days, done: 0, began: 0, read: 0, program, ended: false, copies: 0 }
    }

    /// Starts it at the day that is due, or `again` days before.
    pub(super) fn start(&mut self, again: usize, ledger: &Ledger) -> Result<()> {
        self.began = self.done.saturating_sub(again);
        self.read = 0;
        if self.done == 0 {
            self.days.iter().for_each(|day| ledger.sent(&self.id, &day.readings));
        }
        if !self.is_reference() {
            fs::write(&self.source, station::file(self.days.iter().skip(self.began)))?;
        }
        self.program.start()
    }

    /// Reads what it says, and whether it has done its work.
    pub(super) fn tend(&mut self, ledger: &Ledger) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        // Asked first: what it prints last must not be missed.
        let status = self.program.ended()?;
        self.listen(ledger)?;
        let Some(status) = status else { return Ok(()) };
        if !status.success() || self.done < self.days.len() {
            bail!(
                "{} gave up ({status}) at day {} of {}:\n{}",
                self.id,
                self.done,
                self.days.len(),
                self.program.log()
            );
        }
        self.ended = true;
        Ok(())
    }

    /// Kills it and starts it again, unless it is at its end; says whether.
    pub(super) fn restart(&mut self, again: usize, ledger: &Ledger) -> Result<bool> {
        self.tend(ledger)?;
        if self.ended {
            return Ok(false);
        }
        // It may have come to its end just now.
        if self.program.kill().is_err() {
            self.tend(ledger)?;
            return Ok(false);
        }
        self.listen(ledger)?;
        if self.done == self.days.len() {
            self.ended = true;
            return Ok(true);
        }
        self.start(again, ledger)?;
        Ok(true)
    }

    /// From its next life on it sends as fast as it is acknowledged.
    pub(super) fn hurry(&mut self) {
        self.program.leave_out("--speed");
    }

    /// Whether all its days are acknowledged.
    pub(super) fn finished(&self) -> bool {
        self.ended
    }

    /// Its last day, which it has not come to yet unless it is nearly done.
    pub(super) fn last_day(&self) -> Option<&Day> {
        self.days.last()
    }

    /// How far it is, and the end of its log.
    pub(super) fn report(&self) -> String {
        format!("{} has sent {} of {} days\n{}", self.id, self.done, self.days.len(), self.program.log())
    }

    fn is_reference(&self) -> bool {
        self.source.extension().is_some_and(|ending| ending == "txt")
    }

    /// Notes the acknowledgements that it has printed since the last look.
    fn listen(&mut self, ledger: &Ledger) -> Result<()> {
        let output = self.program.output();
        for line in said::acknowledged(&output).skip(self.read) {
            let at = self.began + self.read;
            let day = self.days.get(at).with_context(|| format!("{} has no such day: {line}", self.id))?;
            if !self.is_reference() && !line.starts_with(&day.date) {
                bail!("{} was expected to be at {}, and printed: {line}", self.id, day.date);
            }
            ledger.acknowledged(&self.id, &day.readings);
            self.copies += said::attempts(line).saturating_sub(1) + u64::from(at < self.done);
            self.read += 1;
            self.done = self.done.max(at + 1);
        }
        Ok(())
    }
}

fn arguments(host: u8, flag: &str, source: &Path) -> Vec<String> {
    let (id, source) = (network::address(host), source.display().to_string());
    let fixed = ["device", "--id", &id, "--gateway", GATEWAY_URL, flag, &source];
    fixed.map(str::to_owned).into()
}
