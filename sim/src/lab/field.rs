//! The four hosts' meters: on each one as the reference system's, and several that replay a station's year together.

use super::{
    meter::Meter,
    network::{self, HOSTS},
    station::{self, Day, STATIONS, Station},
};
use crate::{
    ledger::{Ledger, Told},
    rng::Rng,
};
use anyhow::{Context, Result};
use fieldpost_core::UtcInstant;
use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Meters of a host that replay. Under loss a datagram waits for seconds: it takes many to get much of it.
const PER_HOST: usize = 16;
/// Days that a meter which is started again may send once more.
const AGAIN: u64 = 3;

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// The reference day, without the times.
const REFERENCE: [&str; 4] = [
    include_str!("../../../surveys/Surveys1.txt"),
    include_str!("../../../surveys/Surveys2.txt"),
    include_str!("../../../surveys/Surveys3.txt"),
    include_str!("../../../surveys/Surveys4.txt"),
];

/// All meters.
#[derive(Debug)]
pub(super) struct Field(Vec<Meter>);

impl Field {
    /// The meters, not started yet. They take about `span` for their year; without it, as long as they must.
    pub(super) fn new(command: &Path, folder: &Path, span: Option<Duration>) -> Result<Self> {
        let mut meters = Vec::new();
        for ((host, station), survey) in HOSTS.into_iter().zip(STATIONS).zip(REFERENCE) {
            let (text, readings) = undated(survey)?;
            meters.push(Meter::reference(host, &text, readings, command, folder)?);
            let days = station.days()?;
            let year = Duration::from_secs(24 * 60 * 60 * days.len() as u64);
            let speed = span.map(|span| year.as_secs_f64() / span.as_secs_f64());
            for (number, days) in dealt(&days).into_iter().enumerate() {
                meters.push(Meter::new(host, number, days, speed, command, folder));
            }
        }
        Ok(Self(meters))
    }

    /// Starts them.
    pub(super) fn start(&mut self, ledger: &Ledger) -> Result<()> {
        self.0.iter_mut().try_for_each(|meter| meter.start(0, ledger))
    }

    /// Notes what was acknowledged since the last look.
    pub(super) fn tend(&mut self, ledger: &Ledger) -> Result<()> {
        self.0.iter_mut().try_for_each(|meter| meter.tend(ledger))
    }

    /// Kills the meters of a host, or of all, and starts them again; returns how many died.
    pub(super) fn restart(&mut self, host: Option<u8>, rng: &mut Rng, ledger: &Ledger) -> Result<u64> {
        let mut killed = 0;
        for meter in self.0.iter_mut().filter(|meter| host.is_none_or(|host| meter.host == host)) {
            let again = usize::try_from(rng.below(AGAIN))?;
            killed += u64::from(meter.restart(again, ledger)?);
        }
        Ok(killed)
    }

    /// From their next start on they send as fast as they are acknowledged.
    pub(super) fn hurry(&mut self) {
        self.0.iter_mut().for_each(Meter::hurry);
    }

    /// Whether all is acknowledged.
    pub(super) fn finished(&self) -> bool {
        self.0.iter().all(Meter::finished)
    }

    /// A station file of one day of that host, and the readings in it. A meter of the host sends it as well.
    pub(super) fn probe(&self, host: u8) -> Result<(String, Vec<Told>)> {
        let last = self.0.iter().rfind(|meter| meter.host == host).and_then(Meter::last_day);
        let day = last.context("the host has no meter")?;
        Ok((station::file([day]), day.readings.clone()))
    }

    /// The copies that the meters of a host have sent.
    pub(super) fn copies(&self, host: u8) -> u64 {
        self.0.iter().filter(|meter| meter.host == host).map(|meter| meter.copies).sum()
    }

    /// What is known of a meter that has not finished.
    pub(super) fn report(&self) -> String {
        let waiting = self.0.iter().find(|meter| !meter.finished());
        waiting.map(Meter::report).unwrap_or_default()
    }
}

/// The station of a host.
pub(super) fn station(host: u8) -> Option<Station> {
    HOSTS.iter().position(|&other| other == host).and_then(|at| STATIONS.get(at).copied())
}

/// The days dealt out to the meters of a host, so that each has some of every season.
fn dealt(days: &[Day]) -> Vec<Vec<Day>> {
    (0..PER_HOST).map(|first| days.iter().skip(first).step_by(PER_HOST).cloned().collect()).collect()
}

/// The values of a reference survey at times of day that mean one instant only, whenever in the next hours they come.
fn undated(survey: &str) -> Result<(String, Vec<Told>)> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let (mut text, mut readings) = (String::new(), Vec::new());
    for (line, hours) in survey.lines().zip([16, 12, 8, 4]) {
        let (_, values) = line.split_once(" - ").context("a survey has `HH:MM - T - H%` in each line")?;
        let time = now / MINUTE * MINUTE - hours * HOUR;
        let stamp = UtcInstant::from_millis(time).to_string();
        text += &format!("{} - {values}\n", stamp.get(11..16).unwrap_or_default());
        let (temperature, moisture) =
            values.trim_end_matches('%').split_once(" - ").context(values.to_owned())?;
        let (temperature, moisture) = (station::hundredths(temperature)?, station::hundredths(moisture)?);
        readings.push(Told { time, temperature, moisture });
    }
    Ok((text, readings))
}

/// A host's id, as its readings carry it.
pub(super) fn id(host: u8) -> std::sync::Arc<str> {
    network::address(host).into()
}
