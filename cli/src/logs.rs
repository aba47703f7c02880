//! Logs, on stderr: for operators, never mixed with data.

use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How logs look and how much is logged.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// How much to log: error, warn, info, debug, trace, or a filter such as fieldpost_gateway=debug
    #[arg(long, env = "FIELDPOST_LOG", value_name = "FILTER", help_heading = "Logs")]
    log: Option<EnvFilter>,
    /// How logs look
    #[arg(
        long,
        env = "FIELDPOST_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Logs"
    )]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl LogArgs {
    /// Logs from here on; as much as `usual` unless told otherwise.
    pub(crate) fn start(self, usual: &str) {
        let builder = tracing_subscriber::fmt()
            .with_env_filter(self.log.unwrap_or_else(|| EnvFilter::new(usual)))
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        match self.log_format {
            LogFormat::Text => builder.with_target(false).init(),
            LogFormat::Json => builder.json().init(),
        }
    }
}
