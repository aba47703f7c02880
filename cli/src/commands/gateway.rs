//! `fieldpost gateway`.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
    listen,
    logs::LogArgs,
    stop,
    token::TokenArgs,
    units,
};
use clap::{Args, Subcommand, ValueEnum};
use fieldpost_core::DeviceId;
use fieldpost_gateway::{Settings, UplinkTarget, UplinkWhen};
use jiff::tz::TimeZone;
use std::{path::PathBuf, time::Duration};

/// Arguments of `fieldpost gateway`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  On one machine:
    fieldpost gateway --data gateway-data --cloud http://127.0.0.1:8080
  As the reference system's, for its four meters and its cloud:
    fieldpost gateway --data gateway-data --listen udp://192.168.1.1 --cloud tcp://10.10.10.2 \\
      --expect 192.168.1.2,192.168.1.3,192.168.1.4,192.168.1.5 --allow-insecure --once
  To a cloud that asks who sends, with a token that an administrator made there:
    fieldpost gateway --data gateway-data --cloud http://10.10.10.2:8080 --token-file gateway.token
  What it holds:
    fieldpost gateway status --data gateway-data")]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    command: Option<GatewayCommand>,
    #[command(flatten)]
    serve: Option<ServeArgs>,
    // Not in `ServeArgs`: the parser never sees that an optional group is there if it has groups in it.
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum GatewayCommand {
    /// Say what the journal holds, since when, how many days fit, and who is silent
    Status(super::status::StatusArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Take datagrams here: udp://HOST:PORT (10005 if no port is given); may be given several times
    #[arg(long, env = "FIELDPOST_LISTEN", value_name = "URL", value_parser = udp, value_delimiter = ',', default_value = "udp://127.0.0.1:10005")]
    listen: Vec<Address>,
    /// Pass surveys on to this cloud: http://HOST:PORT, or tcp://HOST:PORT (8001) as the reference system does it
    #[arg(long, env = "FIELDPOST_CLOUD", value_name = "URL", value_parser = cloud, required = true)]
    cloud: Address,
    /// The data folder, with the journal; made if missing
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR", required = true)]
    data: PathBuf,
    /// The roster: a round waits for these devices, and names those that stay silent
    #[arg(long, env = "FIELDPOST_EXPECT", value_name = "ID,ID,...", value_delimiter = ',')]
    expect: Vec<DeviceId>,
    /// How long a round waits for the roster after its first survey
    #[arg(long, env = "FIELDPOST_ROUND_DEADLINE", value_name = "DURATION", default_value = "1h", value_parser = units::duration)]
    round_deadline: Duration,
    /// When to pass surveys on: when a round closes (default with --expect) or always (default without)
    #[arg(long, env = "FIELDPOST_UPLINK_WHEN", value_name = "WHEN")]
    uplink_when: Option<When>,
    /// The site's time zone: a time of day without a date is read in it (default: this machine's)
    #[arg(long, env = "FIELDPOST_TIME_ZONE", value_name = "ZONE", value_parser = super::time_zone)]
    time_zone: Option<TimeZone>,
    /// The name under which the cloud knows this gateway
    #[arg(long, env = "FIELDPOST_NAME", default_value = "gateway", value_parser = name)]
    name: String,
    /// How long to keep what the cloud has acknowledged; it makes room earlier where the journal or its disk is full
    #[arg(long, env = "FIELDPOST_KEEP", value_name = "DURATION", default_value = "30d", value_parser = units::duration)]
    keep: Duration,
    /// The most that the journal may take on disk, at least 1MiB; when it is full, new surveys are refused and stay on the meters
    #[arg(long, env = "FIELDPOST_JOURNAL_MAX", value_name = "SIZE", default_value = "1GiB", value_parser = journal_max)]
    journal_max: u64,
    /// Leave this much of the disk alone; below it, new surveys are refused and stay on the meters
    #[arg(long, env = "FIELDPOST_MIN_FREE_DISK", value_name = "SIZE", default_value = "64MiB", value_parser = units::bytes)]
    min_free_disk: u64,
    /// Print each datagram's size and text
    #[arg(long, env = "FIELDPOST_PRINT")]
    print: bool,
    /// Take datagrams from anyone also off loopback
    #[arg(long, env = "FIELDPOST_ALLOW_INSECURE")]
    allow_insecure: bool,
    /// One round and its upload, then exit: 0 if the cloud acknowledged it, else 1
    #[arg(long, env = "FIELDPOST_ONCE")]
    once: bool,
    /// Read settings from this file
    #[arg(long, env = "FIELDPOST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Round,
    Always,
}

impl GatewayArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        match (self.command, self.serve) {
            (Some(GatewayCommand::Status(args)), _) => args.run(),
            (None, Some(serve)) => serve.run(&self.token, self.log),
            (None, None) => {
                Err(Failure::usage("add --data DIR and --cloud URL; see fieldpost gateway --help"))
            }
        }
    }
}

impl ServeArgs {
    fn run(self, token: &TokenArgs, log: LogArgs) -> Result<(), Failure> {
        log.start("info");
        let sockets = self
            .listen
            .iter()
            .map(|address| listen::udp(address, "--listen", self.allow_insecure))
            .collect::<Result<_, _>>()?;
        let uplink_when = match self.uplink_when {
            Some(When::Round) => UplinkWhen::Round,
            Some(When::Always) => UplinkWhen::Always,
            None if self.expect.is_empty() => UplinkWhen::Always,
            None => UplinkWhen::Round,
        };
        let token = token.read(&self.cloud, |warning| tracing::warn!("{warning}"))?;
        let Address { scheme, host, port } = self.cloud;
        let uplink = match scheme {
            Scheme::Http => UplinkTarget::Http { host, port },
            Scheme::Tcp | Scheme::Udp => UplinkTarget::Tcp { host, port },
        };
        let settings = Settings {
            data: self.data,
            uplink,
            token,
            expect: self.expect,
            round_deadline: self.round_deadline,
            time_zone: self.time_zone.unwrap_or_else(TimeZone::system),
            name: self.name,
            keep: self.keep,
            journal_max: self.journal_max,
            min_free_disk: self.min_free_disk,
            uplink_when,
            once: self.once,
            print: self.print,
        };
        stop::until_asked(|shutdown| async move {
            let ran = fieldpost_gateway::run(sockets, settings, Box::new(std::io::stdout()), shutdown).await;
            ran.map_err(|error| Failure::failed(error.to_string()))
        })
    }
}

fn udp(text: &str) -> Result<Address, String> {
    Address::parse(text, &[Scheme::Udp])
}

fn cloud(text: &str) -> Result<Address, String> {
    Address::parse(text, &[Scheme::Http, Scheme::Tcp])
}

/// A smaller journal would soon be full of what it knows copies by.
fn journal_max(text: &str) -> Result<u64, String> {
    let least = Settings::LEAST_JOURNAL_MAX;
    match units::bytes(text)? {
        bytes if bytes < least => Err(format!(
            "`{text}` is too small: a journal needs {least} bytes (1MiB) to remember a day's datagrams beside what waits for the cloud"
        )),
        bytes => Ok(bytes),
    }
}

/// A gateway's name follows the rules of device ids.
fn name(text: &str) -> Result<String, String> {
    DeviceId::new(text)
        .map(|name| name.to_string())
        .map_err(|error| format!("`{text}`: {error} (so is a gateway's name)"))
}
