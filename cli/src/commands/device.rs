//! `fieldpost device`.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
    logs::LogArgs,
    stop, units,
};
use clap::Args;
use fieldpost_core::{DeviceId, station::Depth};
use fieldpost_device::{Error, Gateway, Settings, Source};
use std::{path::PathBuf, time::Duration};

/// Arguments of `fieldpost device`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  One day, as the reference system's meter sends it:
    fieldpost device --id 192.168.1.2 --gateway udp://127.0.0.1 --survey surveys/Surveys1.txt --once
  A year of a real station, as fast as the gateway acknowledges:
    fieldpost device --id ithaca --gateway udp://127.0.0.1 --replay CRNH0203-2019-NY_Ithaca_13_E.txt --depth 10")]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub(crate) struct DeviceArgs {
    /// The device's id: letters, digits, `:`, `.`, `_`, `-`
    #[arg(long, env = "FIELDPOST_ID")]
    id: DeviceId,
    /// Where the gateway listens: udp://HOST:PORT (10005 if no port is given)
    #[arg(long, env = "FIELDPOST_GATEWAY", value_name = "URL", value_parser = udp)]
    gateway: Address,
    /// Send this file's day: a measurement a line, `HH:MM - T - H%`
    #[arg(long, env = "FIELDPOST_SURVEY", value_name = "FILE", group = "source")]
    survey: Option<PathBuf>,
    /// Send this station file day after day: NOAA USCRN hourly02, or CSV with device,time,temperature_c,moisture_pct
    #[arg(long, env = "FIELDPOST_REPLAY", value_name = "FILE", group = "source")]
    replay: Option<PathBuf>,
    /// Which probe of a USCRN station to read, in cm: 5, 10, 20, 50 or 100
    #[arg(long, env = "FIELDPOST_DEPTH", value_name = "CM", default_value = "5")]
    depth: Depth,
    /// Replay this many times faster than real time (default: as fast as acknowledged)
    #[arg(long, env = "FIELDPOST_SPEED", value_name = "TIMES", value_parser = speed)]
    speed: Option<f64>,
    /// How long to send a datagram again and again until it is acknowledged
    #[arg(long, env = "FIELDPOST_GIVE_UP", value_name = "DURATION", default_value = "60s", value_parser = units::duration)]
    give_up: Duration,
    /// How often to read the survey file and send it again
    #[arg(long, env = "FIELDPOST_EVERY", value_name = "DURATION", default_value = "1d", value_parser = units::duration)]
    every: Duration,
    /// Send one survey (of a replay: its first day), then exit: 0 if it was acknowledged, else 1
    #[arg(long, env = "FIELDPOST_ONCE")]
    once: bool,
    /// Read settings from this file
    #[arg(long, env = "FIELDPOST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

impl DeviceArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.log.start("info");
        let source = match (self.survey, self.replay) {
            (Some(file), _) => Source::Survey(file),
            (None, Some(file)) => Source::Replay { file, depth: self.depth, speed: self.speed },
            (None, None) => {
                return Err(Failure::usage("nothing to send; add --survey FILE or --replay FILE"));
            }
        };
        let settings = Settings {
            id: self.id,
            gateway: Gateway { host: self.gateway.host, port: self.gateway.port },
            source,
            give_up: self.give_up,
            once: self.once,
            every: self.every,
        };
        stop::until_asked(|shutdown| async move {
            let sent = fieldpost_device::run(settings, &mut std::io::stdout(), shutdown).await;
            sent.map(drop).map_err(|error: Error| Failure::failed(error.to_string()))
        })
    }
}

fn udp(text: &str) -> Result<Address, String> {
    Address::parse(text, &[Scheme::Udp])
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
    speed.ok_or_else(|| {
        format!("`{text}` is not a speed; write how many times faster than real time, such as 1000")
    })
}
