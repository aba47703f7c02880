//! `fieldpost export`.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
    logs::LogArgs,
    stop,
    token::TokenArgs,
    transfer::{self, Export, Format, Output, Source},
};
use clap::Args;
use fieldpost_core::{DeviceId, UtcInstant};
use std::{
    io::{IsTerminal, stdout},
    path::PathBuf,
};

/// Arguments of `fieldpost export`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("where").args(["cloud", "data"]).required(true))]
#[command(after_help = "Examples:
  Everything, as CSV:
    fieldpost export --cloud http://127.0.0.1:8080 --output soil.csv
  July of two meters, for pandas, R or DuckDB:
    fieldpost export --cloud http://127.0.0.1:8080 --format parquet --devices m1,m2 \\
      --from 2026-07-01 --to 2026-08-01 --output july.parquet
  From a cloud's folder, which is only read, whether the cloud runs or not:
    fieldpost export --data cloud-data --format ismn --output stations.zip

The file is there when it is whole, and before that as FILE.part.")]
pub(crate) struct ExportArgs {
    /// Ask this cloud: http://HOST:PORT
    #[arg(long, env = "FIELDPOST_CLOUD", value_name = "URL", value_parser = cloud)]
    cloud: Option<Address>,
    /// Read this data folder of a cloud
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// What to make of the readings
    #[arg(long, env = "FIELDPOST_FORMAT", value_name = "FORMAT", default_value = "csv")]
    format: Format,
    /// Only these devices
    #[arg(long, env = "FIELDPOST_DEVICES", value_name = "ID,ID,...", value_delimiter = ',')]
    devices: Vec<DeviceId>,
    /// Only readings from then on: 2026-07-01 (UTC), or 2026-07-01T08:00:00Z
    #[arg(long, env = "FIELDPOST_FROM", value_name = "TIME", value_parser = instant)]
    from: Option<UtcInstant>,
    /// Only readings before then
    #[arg(long, env = "FIELDPOST_TO", value_name = "TIME", value_parser = instant)]
    to: Option<UtcInstant>,
    /// Where to write it; - is stdout
    #[arg(long, short, env = "FIELDPOST_OUTPUT", value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Read settings from this file
    #[arg(long, env = "FIELDPOST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl ExportArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.log.start("warn");
        let output = match self.output.as_os_str() == "-" {
            true => Output::Stdout,
            false => Output::File(self.output),
        };
        if output == Output::Stdout && !self.format.is_text() && stdout().is_terminal() {
            return Err(Failure::usage("this format is not for a terminal; add --output FILE"));
        }
        let source = match (self.cloud, self.data) {
            (Some(address), None) => {
                let token = self.token.read(&address, |line| tracing::warn!("{line}"))?;
                Source::Cloud(address, token)
            }
            (None, Some(folder)) => Source::Data(folder),
            _ => return Err(Failure::usage("which cloud? add --cloud URL or --data DIR")),
        };
        let (format, devices, from, to) = (self.format, self.devices, self.from, self.to);
        let export = Export { source, format, devices, from, to, output };
        stop::until_asked(|shutdown| transfer::export(export, shutdown))
    }
}

fn cloud(text: &str) -> Result<Address, String> {
    Address::parse(text, &[Scheme::Http])
}

fn instant(text: &str) -> Result<UtcInstant, String> {
    let midnight = || format!("{text}T00:00:00Z").parse();
    text.parse()
        .or_else(|_| midnight())
        .map_err(|_| format!("`{text}` is no time; write 2026-07-01 or 2026-07-01T08:00:00Z"))
}
