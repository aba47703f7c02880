//! The commands: each turns its arguments into settings, opens its sockets, and runs its crate.

mod backup;
mod cloud;
mod demo;
mod device;
mod export;
mod gateway;
mod import;
mod mqtt;
mod setup_link;
mod status;
mod verify;

use crate::failure::Failure;
use clap::Subcommand;
use jiff::tz::TimeZone;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: four meters, gateway and cloud, on real soil data
    Demo(demo::DemoArgs),
    /// Be a meter: send a survey file, or replay a station's real measurements
    Device(device::DeviceArgs),
    /// Take surveys from meters, keep them safe, and pass them on to the cloud
    Gateway(gateway::GatewayArgs),
    /// Take surveys from gateways, store them, print them, and serve them over HTTP
    Cloud(cloud::CloudArgs),
    /// Check that the cloud holds what it acknowledged to gateways, and say what each device owes
    Verify(verify::VerifyArgs),
    /// Copy the cloud's store, also while it runs
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the cloud's store
    Restore(backup::RestoreArgs),
    /// Read the cloud's store through, and say whether it is whole
    Check(backup::CheckArgs),
    /// Write the cloud's readings into a file: CSV, Parquet, ISMN station files, SenML
    Export(export::ExportArgs),
    /// Send readings in files to the cloud: CSV as exported, or USCRN station files
    Import(import::ImportArgs),
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Demo(args) => args.run(),
            Self::Device(args) => args.run(),
            Self::Gateway(args) => args.run(),
            Self::Cloud(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Backup(args) => args.run(),
            Self::Restore(args) => args.run(),
            Self::Check(args) => args.run(),
            Self::Export(args) => args.run(),
            Self::Import(args) => args.run(),
        }
    }
}

/// Reads an IANA time zone, such as `Europe/Rome`.
fn time_zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| format!("`{text}` is no IANA time zone; write Europe/Rome or UTC"))
}
