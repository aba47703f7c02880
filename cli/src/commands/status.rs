//! `fieldpost gateway status`.

use crate::failure::Failure;
use clap::Args;
use fieldpost_core::UtcInstant;
use std::{io::Write, path::PathBuf};

/// Arguments of `fieldpost gateway status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The gateway's data folder
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl StatusArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
        let now = UtcInstant::from(jiff::Timestamp::now());
        let status = fieldpost_gateway::status(&self.data, now).map_err(|error| failed(&error))?;
        let text = if self.json {
            serde_json::to_string_pretty(&status).map_err(|error| failed(&error))?
        } else {
            status.to_string()
        };
        writeln!(std::io::stdout(), "{}", text.trim_end()).map_err(|error| failed(&error))
    }
}
