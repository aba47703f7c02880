//! The device itself: what is sent when, and what is told of it.

use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use fieldpost_core::exchange::Outcome;
use fieldpost_core::message;
use fieldpost_core::station::Depth;
use tokio::time::Instant;

use crate::delivery::{BUFFER, Delivery, deliver};
use crate::{Error, Settings, Source, replay, survey};

/// What a device did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Surveys that were acknowledged whole; of a replay: its days.
    pub surveys: u64,
    /// Surveys that were not, by a device that then went on to its next.
    pub failed: u64,
    /// Readings in the acknowledged surveys.
    pub readings: u64,
    /// Slots of the acknowledged days at which nothing had been measured.
    pub missing: u64,
    /// Acknowledged datagrams, each counted once.
    pub datagrams: u64,
    /// Copies sent beyond the first of each.
    pub retries: u64,
    /// Bytes of the acknowledged datagrams.
    pub bytes: u64,
}

/// Runs a device until its source is at an end, or, for a survey file that is not sent only once, until `shutdown`.
///
/// Tells on `out` what it sends and what comes back.
///
/// # Errors
/// When the file cannot be read or has a line that is not right (nothing is sent then), and when a survey is refused or not
/// acknowledged in time; only a device that sends its file again and again goes on after either. With
/// [`Settings::once`] also when `shutdown` comes before the acknowledgement.
pub async fn run(
    settings: Settings,
    out: &mut (dyn Write + Send),
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, Error> {
    let once = settings.once;
    let mut device = Device { settings, out, done: Summary::default() };
    let ended = tokio::select! {
        biased;
        ended = device.work() => ended,
        () = shutdown => if once { Err(Error::Stopped) } else { Ok(()) },
    };
    ended.map(|()| device.done)
}

struct Device<'a> {
    settings: Settings,
    out: &'a mut (dyn Write + Send),
    done: Summary,
}

impl Device<'_> {
    async fn work(&mut self) -> Result<(), Error> {
        match self.settings.source.clone() {
            Source::Survey(file) if self.settings.once => self.survey(&file).await,
            Source::Survey(file) => self.surveys(&file).await,
            Source::Replay { file, depth, speed } => self.replay(&file, depth, speed).await,
        }
    }

    /// Sends the survey file again and again. A meter that stopped for good because its gateway was away for a
    /// day would have to be visited.
    async fn surveys(&mut self, file: &Path) -> Result<(), Error> {
        // A file that is wrong from the start is a mistake to be told at once; later it may be in the middle of being written.
        survey::load(file, &self.settings.id)?;
        loop {
            let began = Instant::now();
            match self.survey(file).await {
                Ok(()) => {}
                Err(fatal @ Error::Output(_)) => return Err(fatal),
                Err(error) => {
                    self.done.failed += 1;
                    tracing::error!("{error}; the next survey is due in {:?}", self.settings.every);
                }
            }
            tokio::time::sleep(self.settings.every.saturating_sub(began.elapsed())).await;
        }
    }

    async fn survey(&mut self, file: &Path) -> Result<(), Error> {
        let loaded = survey::load(file, &self.settings.id)?;
        let what = format!("the survey of {}", self.settings.id);
        for datagram in datagrams(&loaded.text) {
            let (bytes, readings) = (datagram.len(), count_lines(datagram));
            let (id, gateway) = (&self.settings.id, &self.settings.gateway);
            writeln!(self.out, "{id}: {bytes} bytes, {readings} measurements, to {gateway}")?;
            let delivery = self.hand_over(&what, datagram).await?;
            let (took, attempts) = (milliseconds(delivery.took), delivery.attempts);
            let reply = &delivery.reply;
            writeln!(self.out, "reply: {reply} (after {took}, {attempts} sent, buffer {BUFFER} bytes)")?;
        }
        self.done.surveys += 1;
        self.done.readings += loaded.readings;
        Ok(())
    }

    /// Sends a station's days in order, each when the one before was acknowledged, and not before it is due.
    async fn replay(&mut self, file: &Path, depth: Depth, speed: Option<f64>) -> Result<(), Error> {
        if let Some(speed) = speed.filter(|speed| !(speed.is_finite() && *speed > 0.0)) {
            return Err(Error::BadSpeed(speed));
        }
        let days = replay::load(file, depth)?;
        let count = if self.settings.once { 1 } else { days.len() };
        let began = Instant::now();
        for day in days.iter().take(count) {
            if let (Some(first), Some(speed)) = (days.first(), speed) {
                tokio::time::sleep(day.due_after(first, speed).saturating_sub(began.elapsed())).await;
            }
            self.day(day).await?;
        }
        Ok(())
    }

    async fn day(&mut self, day: &replay::Day) -> Result<(), Error> {
        let (began, what) = (Instant::now(), format!("{} of {}", day.date(), self.settings.id));
        let text = day.message(&self.settings.id);
        let (mut attempts, mut reply) = (0, String::new());
        for datagram in datagrams(&text) {
            let delivery = self.hand_over(&what, datagram).await?;
            attempts += delivery.attempts;
            reply = delivery.reply;
        }
        let (readings, missing) = (day.readings.len() as u64, day.missing);
        self.done.surveys += 1;
        self.done.readings += readings;
        self.done.missing += missing;
        let (bytes, took) = (text.len(), milliseconds(began.elapsed()));
        writeln!(
            self.out,
            "{what}: {readings} readings, {missing} missing, {bytes} bytes, {attempts} sent: {reply} after {took}"
        )?;
        Ok(())
    }

    /// Delivers one datagram, or says why it could not be.
    async fn hand_over(&mut self, what: &str, datagram: &str) -> Result<Delivery, Error> {
        let gateway = &self.settings.gateway;
        let delivery = deliver(gateway, datagram.as_bytes(), self.settings.give_up).await;
        self.done.retries += u64::from(delivery.attempts.saturating_sub(1));
        match &delivery.outcome {
            Outcome::Acknowledged => {
                self.done.datagrams += 1;
                self.done.bytes += datagram.len() as u64;
                Ok(delivery)
            }
            Outcome::Refused(reason) => {
                let (what, gateway, reason) = (what.to_owned(), gateway.clone(), reason.clone());
                Err(Error::Refused { what, gateway, reason })
            }
            Outcome::GaveUp(put_off) => {
                let silence = || "no reply; is the gateway running, and is this its address?".to_owned();
                let trouble = put_off.clone().or(delivery.trouble).unwrap_or_else(silence);
                let (what, gateway) = (what.to_owned(), gateway.clone());
                let (after, attempts) = (delivery.took, delivery.attempts);
                Err(Error::NotAcknowledged { what, gateway, after, attempts, trouble })
            }
        }
    }
}

/// The message in datagrams of whole lines. An empty message is one datagram too: an empty day.
fn datagrams(message: &str) -> Vec<&str> {
    if message.is_empty() {
        return vec![""];
    }
    message::split(message, message::MAX_DATAGRAM)
}

fn count_lines(datagram: &str) -> usize {
    datagram.lines().filter(|line| !line.is_empty()).count()
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
