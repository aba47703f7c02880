//! `fieldpost verify`.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
    token::TokenArgs,
    units,
    verify::{self, Api, Form, Journals, Question, Range, Source, StoreFile},
};
use clap::Args;
use fieldpost_core::{DeviceId, UtcInstant};
use jiff::{civil::Date, tz::TimeZone};
use std::{
    io::{BufWriter, stdout},
    path::PathBuf,
    time::Duration,
};

/// Arguments of `fieldpost verify`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("where").args(["cloud", "store"]).required(true))]
#[command(after_help = "Examples:
  Is everything that the cloud acknowledged to this gateway still there?
    fieldpost verify --data gateway-data --cloud http://127.0.0.1:8080
  Of two gateways, July only, by the day in Rome, against the store's file:
    fieldpost verify --data north --data south --store cloud-data/store.db \\
      --from 2026-07-01 --to 2026-08-01 --time-zone Europe/Rome
  What the cloud holds of a device that measures every hour, as JSON:
    fieldpost verify --cloud http://127.0.0.1:8080 --device ithaca --interval 1h --json

Gateway and cloud may run meanwhile; nothing is written to either. Only what the journal still
keeps can be checked (gateway --keep).
Columns: slots due from the first to the last reading; readings held; copies; other values that
are recorded against held ones; readings in surveys that the cloud refused; readings not
acknowledged yet; readings acknowledged and not held.
Exit codes: 0 all is held; 1 something acknowledged is missing at the cloud, or was damaged in a
journal before the cloud had it, or nothing could be checked; 2 usage.")]
pub(crate) struct VerifyArgs {
    /// A gateway's data folder; may be given several times (with none, only what the cloud holds is counted)
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Ask this cloud by its API: http://HOST:PORT
    #[arg(long, env = "FIELDPOST_CLOUD", value_name = "URL", value_parser = cloud)]
    cloud: Option<Address>,
    #[command(flatten)]
    token: TokenArgs,
    /// Read the cloud's store from its file
    #[arg(long, env = "FIELDPOST_STORE", value_name = "PATH", value_parser = store)]
    store: Option<PathBuf>,
    /// Only readings from then on: 2026-07-01, or 2026-07-01T08:00:00Z
    #[arg(long, env = "FIELDPOST_FROM", value_name = "TIME", value_parser = When::parse)]
    from: Option<When>,
    /// Only readings before then
    #[arg(long, env = "FIELDPOST_TO", value_name = "TIME", value_parser = When::parse)]
    to: Option<When>,
    /// Only this device; may be given several times
    #[arg(long, env = "FIELDPOST_DEVICE", value_name = "ID", value_delimiter = ',')]
    device: Vec<DeviceId>,
    /// How often devices are due to measure (default: for each, the most common time between its readings)
    #[arg(long, env = "FIELDPOST_INTERVAL", value_name = "DURATION", value_parser = interval)]
    interval: Option<Duration>,
    /// Whose days are counted (default: the gateways' zone, if the cloud knows of just one, else UTC)
    #[arg(long, env = "FIELDPOST_TIME_ZONE", value_name = "ZONE", value_parser = super::time_zone)]
    time_zone: Option<TimeZone>,
    /// Print every day, not only those that are not complete
    #[arg(long, env = "FIELDPOST_ALL")]
    all: bool,
    /// Print JSON
    #[arg(long, env = "FIELDPOST_JSON", conflicts_with = "all")]
    json: bool,
    /// Read settings from this file
    #[arg(long, env = "FIELDPOST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A bound of the range.
#[derive(Debug, Clone, Copy)]
enum When {
    Instant(UtcInstant),
    /// Its first instant, in a zone that is known later.
    Day(Date),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time; write 2026-07-01 or 2026-07-01T08:00:00Z");
        match text.parse::<UtcInstant>() {
            Ok(instant) => Ok(Self::Instant(instant)),
            Err(_) if text.len() > "2026-07-01".len() => Err(wrong()),
            Err(_) => text.parse().map(Self::Day).map_err(|_| wrong()),
        }
    }

    fn instant(self, zone: &TimeZone) -> UtcInstant {
        match self {
            Self::Instant(instant) => instant,
            Self::Day(day) => {
                zone.to_timestamp(day.at(0, 0, 0, 0)).map_or(UtcInstant::LATEST, UtcInstant::from)
            }
        }
    }
}

impl VerifyArgs {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        // First the journals, then the cloud: what these say is acknowledged must be there by then.
        let journals = Journals::open(&self.data)?;
        let mut source = match (self.cloud.take(), self.store.take()) {
            (Some(address), None) => {
                let token = self.token.read(&address, warn)?;
                Source::Api(Box::new(Api::new(address, token)?))
            }
            (None, Some(path)) => Source::Store(StoreFile::open(&path)?),
            _ => return Err(Failure::usage("which cloud? add --cloud URL or --store PATH")),
        };
        let question = self.question(&mut source)?;
        let sum = verify::run(&question, &journals, &mut source, BufWriter::new(stdout().lock()))?;
        match (sum.missing, sum.damaged) {
            (0, 0) => Ok(()),
            (0, damaged) => {
                Err(Failure::failed(format!("{} in a journal damaged", verify::surveys(damaged))))
            }
            _ => Err(Failure::failed(verify::verdict(&sum))),
        }
    }

    fn question(self, source: &mut Source) -> Result<Question, Failure> {
        let zone = match self.time_zone {
            Some(zone) => zone,
            None => gateways_zone(source)?,
        };
        let bound = |when: Option<When>, or| when.map_or(or, |when| when.instant(&zone));
        let range =
            Range { from: bound(self.from, UtcInstant::EARLIEST), to: bound(self.to, UtcInstant::LATEST) };
        if range.from >= range.to {
            return Err(Failure::usage("nothing is between --from and --to; --from is the earlier one"));
        }
        let mut devices = self.device;
        devices.sort();
        devices.dedup();
        let form = match (self.json, self.all) {
            (true, _) => Form::Json,
            (false, true) => Form::AllDays,
            (false, false) => Form::Table,
        };
        let interval = self.interval.and_then(|interval| i64::try_from(interval.as_millis()).ok());
        Ok(Question { range, devices, interval, zone, form })
    }
}

#[expect(clippy::print_stderr, reason = "this command has no log")]
fn warn(warning: &str) {
    eprintln!("fieldpost: {warning}");
}

/// The zone of the gateways if there is just one, else UTC.
fn gateways_zone(source: &mut Source) -> Result<TimeZone, Failure> {
    let zones = source.zones()?;
    let only = zones.first().filter(|_| zones.len() == 1);
    Ok(only.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC))
}

fn cloud(text: &str) -> Result<Address, String> {
    Address::parse(text, &[Scheme::Http])
}

/// A path, or the URL that `fieldpost cloud --store` takes.
fn store(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("sqlite:").unwrap_or(text);
    match path.is_empty() || path.contains("://") {
        true => Err(format!("`{text}` is no store's file; write the path of a store.db")),
        false => Ok(PathBuf::from(path)),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = units::duration(text)?;
    if interval.is_zero() { Err("an interval is more than nothing".into()) } else { Ok(interval) }
}
