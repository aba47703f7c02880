//! All of the one binary: arguments, configuration, and a command for each role. A library only so that tests and the
//! fuzzer reach the parsing; nobody else should depend on it.

mod address;
mod commands;
pub mod config;
mod demo;
mod failure;
mod listen;
mod logs;
mod object;
mod shown;
mod stop;
mod token;
mod transfer;
mod units;
mod verify;

/// What `fieldpost import` makes of a file: the surveys that it sends, the faults that it names.
pub use transfer::understand as understand_import;
/// What `fieldpost import` makes of a cloud's answer to a pack.
pub use transfer::understand_report;
/// What `fieldpost verify` makes of a cloud's answers.
pub use verify::{Heard, understand as understand_cloud};

use clap::{CommandFactory, FromArgMatches, Parser};
use commands::Command;
use failure::Failure;
use std::process::ExitCode;

/// Soil readings from battery-powered meters, through a gateway, to the cloud: each exactly once, dated right.
#[derive(Debug, Parser)]
#[command(name = "fieldpost", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Examples:
  fieldpost demo                        everything on this machine, on real soil data
  fieldpost cloud   --data cloud-data
  fieldpost gateway --data gateway-data --cloud http://127.0.0.1:8080
  fieldpost device  --id 192.168.1.2 --gateway udp://127.0.0.1 --survey surveys/Surveys1.txt --once
  fieldpost verify  --data gateway-data --cloud http://127.0.0.1:8080

Every flag can also be set in the environment (--time-zone is FIELDPOST_TIME_ZONE), or in
fieldpost.toml (--config, else in the data folder, else in /etc/fieldpost), in a section
named after the command. Flags win, then the environment.
Exit codes: 0 done, 1 it failed, 2 usage or configuration.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The program: reads the command line and does what it says.
pub fn main() -> ExitCode {
    let command = command();
    let line = match config::with_file(&command, std::env::args_os().collect()) {
        Ok(line) => line,
        Err(failure) => return report(&failure),
    };
    let cli = command.try_get_matches_from(line).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match cli {
        Ok(cli) => cli,
        // Help and version are no errors: clap knows which stream and which exit code.
        Err(error) => error.exit(),
    };
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn command() -> clap::Command {
    Cli::command()
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn report(failure: &Failure) -> ExitCode {
    eprintln!("fieldpost: {failure}");
    failure.exit_code()
}
