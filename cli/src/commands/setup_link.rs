//! `fieldpost cloud setup-link`.

use super::cloud::{DEFAULT_HTTP, store};
use crate::{address::Address, failure::Failure};
use clap::Args;
use fieldpost_cloud::Settings;
use std::{io::Write, path::PathBuf};

/// Arguments of `fieldpost cloud setup-link`.
#[derive(Debug, Args)]
#[command(after_help = "The link is good once, for a day; links that were made before are no good any more.
Whoever opens it chooses a name and a password, and is an administrator then. If the name is
somebody's, that one gets the new password, and is signed out everywhere.")]
pub(crate) struct SetupLinkArgs {
    /// The cloud's data folder
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR")]
    data: PathBuf,
    /// The cloud's store, if it is not in the data folder: sqlite:PATH
    #[arg(long, env = "FIELDPOST_STORE", value_name = "URL", value_parser = store)]
    store: Option<PathBuf>,
    /// Where the cloud serves its page
    #[arg(long, env = "FIELDPOST_HTTP", value_name = "HOST:PORT", default_value = DEFAULT_HTTP, value_parser = Address::parse_http)]
    http: Address,
}

impl SetupLinkArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
        let path = Settings { store: self.store, ..Settings::new(self.data) }.store_path();
        let http = self.http.to_string();
        let host = http.strip_prefix("http://").unwrap_or(&http);
        let link = fieldpost_cloud::setup_link(&path, host).map_err(|error| failed(&error))?;
        writeln!(std::io::stdout(), "{link}").map_err(|error| failed(&error))
    }
}
