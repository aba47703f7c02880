//! `fieldpost import`.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
    logs::LogArgs,
    stop,
    token::TokenArgs,
    transfer::{self, Import, Kind},
};
use clap::Args;
use fieldpost_core::{DeviceId, station::Depth};
use std::path::PathBuf;

/// Arguments of `fieldpost import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  What another cloud exported:
    fieldpost import soil.csv --cloud http://127.0.0.1:8080
  A year of a NOAA station's probe at 10 cm:
    fieldpost import CRNH0203-2019-NY_Ithaca_13_E.txt --device ithaca-10 --depth 10 --cloud http://127.0.0.1:8080

It may be run again, and after being stopped: what the cloud holds already is counted as duplicate.
A bad line is named; nothing of its day is sent, the rest is, and the exit code is 1. (What is in order neither of
time nor of devices may be sent in parts as it is read: then nothing more of that day is sent.)")]
pub(crate) struct ImportArgs {
    /// CSV as exported, or station files of NOAA's USCRN hourly02
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The cloud that they go to: http://HOST:PORT
    #[arg(long, env = "FIELDPOST_CLOUD", value_name = "URL", value_parser = cloud)]
    cloud: Address,
    /// Whose readings they are, whatever the files say
    #[arg(long, env = "FIELDPOST_DEVICE", value_name = "ID")]
    device: Option<DeviceId>,
    /// What the files are (default: as each one's first line shows)
    #[arg(long, env = "FIELDPOST_FORMAT", value_name = "FORMAT")]
    format: Option<Kind>,
    /// Which probe of a USCRN station to read, in cm: 5, 10, 20, 50 or 100
    #[arg(long, env = "FIELDPOST_DEPTH", value_name = "CM", default_value = "5")]
    depth: Depth,
    /// Read settings from this file
    #[arg(long, env = "FIELDPOST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl ImportArgs {
    #[expect(clippy::print_stdout, reason = "the command's result")]
    pub(super) fn run(self) -> Result<(), Failure> {
        self.log.start("warn");
        let (files, cloud, device) = (self.files, self.cloud, self.device);
        let token = self.token.read(&cloud, |line| tracing::warn!("{line}"))?;
        let import = Import { files, cloud, token, device, kind: self.format, depth: self.depth };
        stop::until_asked(|shutdown| async move {
            println!("{}", transfer::import(import, shutdown).await?);
            Ok(())
        })
    }
}

fn cloud(text: &str) -> Result<Address, String> {
    Address::parse(text, &[Scheme::Http])
}
