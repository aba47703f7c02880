//! `fieldpost verify`.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
    stop,
    token::TokenArgs,
    units,
    verify::{self, Api, Form, Journals, Question, Source, StoreFile, When},
};
use clap::Args;
use fieldpost_core::{DeviceId, UtcInstant};
use jiff::tz::TimeZone;
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
Columns:
  due         slots from the first reading to what the device owes by now: up to its last survey, or the
              one that is late since, as the cloud counts completeness
  held        readings that the cloud holds
  duplicate   copies of readings: with --store, those that came to the cloud again; with --cloud, which
              does not tell them, those that stand several times in the journals
  conflict    other values that are recorded against held ones
  refused     readings in surveys that the cloud refused
  at gateway  readings that the cloud has not acknowledged yet
  missing     readings that it has acknowledged, does not hold, and has not let go of by age
Below the table: what was let go of by age, who on a gateway's roster was never heard, and, since the
journals were made, inputs that gateways refused and copies of datagrams that they recognised.
Exit codes: 0 nothing is missing, also where nothing was acknowledged yet or no journal was given;
1 something acknowledged is missing at the cloud, or was damaged in or is gone from a journal before
the cloud had it, or the check could not be finished; 2 usage.")]
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
    /// How often devices are due to measure (default: for each, as the cloud's details say, else the most common time between its readings)
    #[arg(long, env = "FIELDPOST_INTERVAL", value_name = "DURATION", value_parser = interval)]
    interval: Option<Duration>,
    /// Whose days are counted (default: for each device, those of the gateway that brought it; UTC if that says no zone)
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
        let question = self.question()?;
        let stop = stop::asked()?;
        let out = BufWriter::new(stdout().lock());
        let sum = verify::run(&question, &journals, &mut source, out, &stop)?;
        match (sum.missing, sum.damaged) {
            (0, 0) => Ok(()),
            (0, damaged) => {
                Err(Failure::failed(format!("{} in a journal damaged", verify::surveys(damaged))))
            }
            _ => Err(Failure::failed(verify::verdict(&sum))),
        }
    }

    fn question(self) -> Result<Question, Failure> {
        let instant = |when: When| when.instant(self.time_zone.as_ref().unwrap_or(&TimeZone::UTC));
        if let (Some(from), Some(to)) = (self.from.map(instant), self.to.map(instant))
            && from >= to
        {
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
        let now = UtcInstant::from(jiff::Timestamp::now());
        let (from, to, zone) = (self.from, self.to, self.time_zone);
        Ok(Question { from, to, devices, interval, zone, now, form })
    }
}

#[expect(clippy::print_stderr, reason = "this command has no log")]
fn warn(warning: &str) {
    eprintln!("fieldpost: {warning}");
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
