//! What a gateway holds and waits for: `fieldpost gateway status`.

use std::{collections::BTreeMap, fmt, path::Path};

use fieldpost_core::{DeviceId, UtcInstant};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    disk::OsDisk,
    folder,
    journal::{self, RoundNow, Summary, Tally},
    round::ClosedRound,
};

/// The state of a gateway's data folder, whether or not a gateway runs on it. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Whether a gateway runs on the folder now.
    pub running: bool,
    /// Surveys in the journal.
    pub surveys: u64,
    /// Readings in them.
    pub readings: u64,
    /// When the oldest survey in the journal came.
    pub since: Option<String>,
    /// Surveys that the cloud has not acknowledged.
    pub waiting_surveys: u64,
    /// Readings in them.
    pub waiting_readings: u64,
    /// When the oldest of them came.
    pub waiting_since: Option<String>,
    /// Bytes that the journal uses.
    pub used_bytes: u64,
    /// Bytes that it may use: its limit, or less where its disk has less to give.
    pub max_bytes: Option<u64>,
    /// For how many more days it can take surveys as they came so far, even if none leaves.
    pub days_left: Option<f64>,
    /// Surveys that the cloud refused.
    pub refused_by_cloud: u64,
    /// Refused inputs in the quarantine.
    pub quarantined: u64,
    /// How often input was refused, by reason.
    pub refusals: BTreeMap<String, u64>,
    /// How often other things happened: copies, empty datagrams, datagrams dropped under load.
    pub counters: BTreeMap<String, u64>,
    /// The last round that closed.
    pub last_round: Option<ClosedRound>,
    /// The round that is open.
    pub round: Option<OpenRound>,
    /// How the uplink does.
    pub uplink: Option<UplinkState>,
}

/// The round that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenRound {
    /// When its first survey came.
    pub opened: String,
    /// How many devices on the roster have reported.
    pub reported: usize,
    /// The devices on the roster that have not reported.
    pub silent: Vec<String>,
}

/// How the uplink does, since it last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkState {
    /// Where it goes.
    pub target: String,
    /// Since when it is as it is.
    pub since: String,
    /// Why it does not get through; None when it does.
    pub error: Option<String>,
}

/// Looks into the data folder of a gateway, which may be running.
///
/// # Errors
/// When there is no journal, or it cannot be read.
pub fn status(data: &Path, now: UtcInstant) -> Result<Status, Error> {
    if !data.join(journal::FILE).is_file() {
        return Err(Error::NoJournal { path: data.to_path_buf() });
    }
    let summary = journal::summary(data, &OsDisk)?;
    Ok(Status::new(summary, folder::in_use(data), now))
}

impl Status {
    fn new(summary: Summary, running: bool, now: UtcInstant) -> Self {
        let text = |instant: Option<UtcInstant>| instant.map(|instant| instant.to_string());
        Self {
            running,
            surveys: summary.held.surveys,
            readings: summary.held.readings,
            since: text(summary.held.since),
            waiting_surveys: summary.waiting.surveys,
            waiting_readings: summary.waiting.readings,
            waiting_since: text(summary.waiting.since),
            used_bytes: summary.room.used,
            max_bytes: summary.room.limit,
            days_left: days_left(&summary, now),
            refused_by_cloud: summary.refused_by_cloud,
            quarantined: summary.quarantined,
            refusals: summary.refusals,
            counters: summary.counters,
            last_round: summary.last_round,
            round: summary.round.map(OpenRound::from),
            uplink: summary.uplink.and_then(|json| serde_json::from_str(&json).ok()),
        }
    }
}

impl From<RoundNow> for OpenRound {
    fn from(round: RoundNow) -> Self {
        Self {
            opened: round.opened.to_string(),
            reported: round.reported.len(),
            silent: round.missing.iter().map(DeviceId::to_string).collect(),
        }
    }
}

/// At the rate of what is held: over at least a day, because surveys come once a day.
fn days_left(summary: &Summary, now: UtcInstant) -> Option<f64> {
    const DAY: f64 = 86_400.0;
    /// Bytes that a row takes beside its records.
    const ROW: u64 = 64;
    let weigh = |tally: &Tally| tally.bytes.saturating_add(tally.surveys.saturating_mul(ROW));
    let (bytes, waiting) = (weigh(&summary.held), weigh(&summary.waiting));
    // What the cloud holds goes when room is short.
    let needed = summary.room.needed(waiting, bytes.saturating_sub(waiting));
    let left = summary.room.limit?.saturating_sub(needed);
    let days = now.duration_since(summary.held.since?).as_secs_f64() / DAY;
    let per_day = bytes as f64 / days.max(1.0);
    Some((left as f64 / per_day * 10.0).floor() / 10.0)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gateway     {}", if self.running { "running" } else { "not running" })?;
        write!(f, "journal     {} surveys, {} readings", self.surveys, self.readings)?;
        writeln!(f, "{}", since(self.since.as_deref()))?;
        write!(f, "waiting     {} surveys, {} readings", self.waiting_surveys, self.waiting_readings)?;
        writeln!(f, "{}", since(self.waiting_since.as_deref()))?;
        self.fmt_room(f)?;
        self.fmt_uplink(f)?;
        self.fmt_rounds(f)?;
        if self.refused_by_cloud > 0 {
            writeln!(f, "refused     {} surveys by the cloud", self.refused_by_cloud)?;
        }
        for (reason, count) in &self.refusals {
            writeln!(f, "refused     {count} inputs: {reason}")?;
        }
        for (name, count) in &self.counters {
            writeln!(f, "counted     {count} {name}")?;
        }
        writeln!(f, "quarantine  {} inputs", self.quarantined)
    }
}

impl Status {
    fn fmt_room(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: f64 = 1_048_576.0;
        write!(f, "room        {:.1} MiB used", self.used_bytes as f64 / MIB)?;
        if let Some(max) = self.max_bytes {
            write!(f, " of {:.1} MiB", max as f64 / MIB)?;
        }
        if let Some(days) = self.days_left {
            // A journal that is nearly empty would fit more years than anybody asks for.
            match days {
                0.0..1000.0 => write!(f, ", {days:.1} more days fit")?,
                _ => write!(f, ", more than 1000 days fit")?,
            }
        }
        writeln!(f)
    }

    fn fmt_uplink(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(UplinkState { target, since, error }) = &self.uplink else {
            return writeln!(f, "uplink      not tried yet");
        };
        match error {
            None => writeln!(f, "uplink      {target}, in order since {since}"),
            Some(error) => writeln!(f, "uplink      {target}, failing since {since}: {error}"),
        }
    }

    fn fmt_rounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.last_round {
            None => writeln!(f, "round       none has closed yet")?,
            Some(round) => {
                write!(f, "round       last closed {}", round.closed)?;
                if round.expected > 0 {
                    write!(f, ", {} of {} reported", round.reported, round.expected)?;
                }
                writeln!(f)?;
                silent(f, &round.silent)?;
            }
        }
        let Some(OpenRound { opened, reported, silent: missing }) = &self.round else { return Ok(()) };
        writeln!(f, "round       open since {opened}, {reported} reported")?;
        silent(f, missing)
    }
}

fn since(instant: Option<&str>) -> String {
    instant.map(|instant| format!(", since {instant}")).unwrap_or_default()
}

fn silent(f: &mut fmt::Formatter<'_>, devices: &[String]) -> fmt::Result {
    if devices.is_empty() { Ok(()) } else { writeln!(f, "silent    {}", devices.join(", ")) }
}
