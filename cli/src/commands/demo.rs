//! `fieldpost demo`.

use crate::{address::Address, failure::Failure, listen, logs::LogArgs, stop};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `fieldpost demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the data in this folder (default: a temporary one, removed at the end)
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Serve the API here
    #[arg(long, env = "FIELDPOST_HTTP", value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = Address::parse_http)]
    http: Address,
    #[command(flatten)]
    log: LogArgs,
}

impl DemoArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        // What the demo shows is its output; its parts speak up only if something is wrong.
        self.log.start("warn");
        let socket = listen::tcp(&self.http, "--http", false)?;
        stop::until_asked(|shutdown| async move { Ok(crate::demo::run(self.data, socket, shutdown).await?) })
    }
}
