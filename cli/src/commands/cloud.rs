//! `fieldpost cloud`.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
    listen,
    logs::LogArgs,
    stop,
};
use clap::{Args, Subcommand};
use fieldpost_cloud::{Access, Announce, Broker, Network, Settings, Sockets, Topics};
use jiff::tz::TimeZone;
use std::path::PathBuf;

const DEFAULT_UPLOAD: &str = "tcp://127.0.0.1:8001";
pub(super) const DEFAULT_HTTP: &str = "127.0.0.1:8080";

/// Arguments of `fieldpost cloud`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  On one machine, with the usual ports (tcp://127.0.0.1:8001 and http://127.0.0.1:8080):
    fieldpost cloud --data cloud-data
  For other machines; it prints a link for the first account, and gateways need a token:
    fieldpost cloud --data /var/lib/fieldpost --http 10.10.10.2:8080
  As the reference system's, in a network where everyone may send and read:
    fieldpost cloud --data /var/lib/fieldpost --listen tcp://10.10.10.2 --http 10.10.10.2:8080 --allow-insecure
  The password is lost:
    fieldpost cloud setup-link --data cloud-data

Then: curl -H 'Accept: text/csv' http://127.0.0.1:8080/api/v1/devices/192.168.1.2/readings

Who may send and see over HTTP: on loopback (with --allow-insecure everywhere) everybody, until the
first account is made. From then on, and off loopback from the start, only people who are signed in,
and programs with a token. Uploads by tcp:// cannot say who sends them.")]
pub(crate) struct CloudArgs {
    #[command(subcommand)]
    command: Option<CloudCommand>,
    #[command(flatten)]
    serve: Option<ServeArgs>,
    // Not in `ServeArgs`: the parser never sees that an optional group is there if it has groups in it.
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum CloudCommand {
    /// Make a one-time link, with which one becomes an administrator of a cloud that may be running
    SetupLink(super::setup_link::SetupLinkArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Take reference uploads here: tcp://HOST:PORT (with neither this nor --http: tcp://127.0.0.1:8001)
    #[arg(long, env = "FIELDPOST_LISTEN", value_name = "URL", value_parser = tcp)]
    listen: Option<Address>,
    /// Serve page and API here (with neither this nor --listen: 127.0.0.1:8080)
    #[arg(long, env = "FIELDPOST_HTTP", value_name = "HOST:PORT", value_parser = Address::parse_http)]
    http: Option<Address>,
    /// Where readings are stored: sqlite:PATH (default: store.db in the data folder)
    #[arg(long, env = "FIELDPOST_STORE", value_name = "URL", value_parser = store)]
    store: Option<PathBuf>,
    /// The data folder; made if missing
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR", required = true)]
    data: PathBuf,
    /// The time zone of senders that do not name theirs: dates uploads, and the lines on the console (default: this machine's)
    #[arg(long, env = "FIELDPOST_TIME_ZONE", value_name = "ZONE", value_parser = super::time_zone)]
    time_zone: Option<TimeZone>,
    /// Also off loopback: take uploads by tcp:// from anyone, and while nobody has an account, take and show everything
    #[arg(long, env = "FIELDPOST_ALLOW_INSECURE")]
    allow_insecure: bool,
    /// A proxy with TLS on another machine, or a network of them: believed when it says for whom it asks (X-Forwarded-For, X-Forwarded-Proto). Give it again for another. Proxies on this machine are believed anyway
    #[arg(long, env = "FIELDPOST_TRUSTED_PROXY", value_name = "ADDRESS[/PREFIX]", value_parser = network, value_delimiter = ',')]
    trusted_proxy: Vec<Network>,
    /// Tell this MQTT broker the newest values, as Home Assistant finds them by itself: mqtt://HOST:1883, mqtts://HOST:8883 (encrypted), or mqtts://NAME@HOST:8883; the password comes from FIELDPOST_MQTT_PASSWORD
    #[arg(long, env = "FIELDPOST_MQTT", value_name = "URL", value_parser = super::mqtt::broker)]
    mqtt: Option<Broker>,
    /// Before all topics of ours at the broker
    #[arg(long, env = "FIELDPOST_MQTT_PREFIX", value_name = "TOPIC", default_value = "fieldpost", value_parser = super::mqtt::topic)]
    mqtt_prefix: String,
    /// Home Assistant's discovery prefix
    #[arg(long, env = "FIELDPOST_MQTT_DISCOVERY", value_name = "TOPIC", default_value = "homeassistant", value_parser = super::mqtt::topic)]
    mqtt_discovery: String,
    /// Take one upload, then exit: 0 if it was stored, else 1
    #[arg(long, env = "FIELDPOST_ONCE")]
    once: bool,
    /// Read settings from this file
    #[arg(long, env = "FIELDPOST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl CloudArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        match (self.command, self.serve) {
            (Some(CloudCommand::SetupLink(args)), _) => args.run(),
            (None, Some(serve)) => serve.run(self.log),
            (None, None) => Err(Failure::usage("add --data DIR; see fieldpost cloud --help")),
        }
    }
}

impl ServeArgs {
    fn run(self, log: LogArgs) -> Result<(), Failure> {
        log.start("info");
        let (upload, http) = match (self.listen, self.http) {
            (None, None) => (Some(tcp(DEFAULT_UPLOAD)), Some(Address::parse_http(DEFAULT_HTTP))),
            (upload, http) => (upload.map(Ok), http.map(Ok)),
        };
        let upload = upload.transpose().map_err(Failure::usage)?;
        let http = http.transpose().map_err(Failure::usage)?;
        let upload = upload.map(|address| listen::tcp(&address, "--listen", self.allow_insecure));
        let http = http.map(|address| listen::guarded(&address, "--http"));
        let sockets = Sockets { upload: upload.transpose()?, http: http.transpose()? };
        let topics = Topics { prefix: self.mqtt_prefix, discovery: self.mqtt_discovery };
        let settings = Settings {
            data: self.data,
            store: self.store,
            time_zone: self.time_zone.unwrap_or_else(TimeZone::system),
            once: self.once,
            mqtt: self
                .mqtt
                .map(|broker| super::mqtt::with_password(Broker { topics, ..broker }))
                .transpose()?,
            access: if self.allow_insecure { Access::Insecure } else { Access::Guarded },
            trusted_proxies: self.trusted_proxy,
            announce: (!self.once).then(|| Announce::new(announce)),
        };
        stop::until_asked(|shutdown| async move {
            let ran = fieldpost_cloud::run(sockets, settings, Box::new(std::io::stdout()), shutdown).await;
            ran.map_err(|error| Failure::failed(error.to_string()))
        })
    }
}

/// Not through the log: that may be read by others, or kept.
#[expect(clippy::print_stderr, reason = "for whoever started it")]
fn announce(link: &str) {
    eprintln!(
        "\nNobody has an account here yet. Whoever opens this link within a day becomes the administrator \
         (from another machine, write this one's address into it):\n\n  {link}\n"
    );
}

fn tcp(text: &str) -> Result<Address, String> {
    Address::parse(text, &[Scheme::Tcp])
}

fn network(text: &str) -> Result<Network, String> {
    text.parse()
}

pub(super) fn store(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("sqlite:").filter(|path| !path.is_empty());
    path.map(PathBuf::from).ok_or_else(|| format!("`{text}` is no store; write sqlite:PATH"))
}
