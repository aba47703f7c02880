//! `fieldpost backup`, `fieldpost restore` and `fieldpost check`: care of the cloud's store.

use crate::failure::Failure;
use clap::Args;
use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
};

/// Arguments of `fieldpost backup`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  fieldpost backup --data cloud-data backups/store-$(date +%F).db

The cloud may run meanwhile. The copy holds what was committed when it began, is read through, and gets its name only when it is
whole and on the disk.")]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The file to make; nothing is overwritten
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

/// Arguments of `fieldpost restore`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  fieldpost restore --data cloud-data backups/store-2026-07-01.db --replace

The cloud must not run. With --replace what is there is set aside as store.db.before-restore-1, not deleted. Gateways notice that the
store is an older one, and send again by themselves what it lacks, as far back as they keep it (30 days). Passwords and tokens are those
of the backup: what was revoked since is to be revoked again. Everybody has to sign in again, and messages that waited are not sent.")]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The backup
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Set the present store aside
    #[arg(long)]
    replace: bool,
}

/// Arguments of `fieldpost check`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  fieldpost check --data cloud-data

Reads the whole store, beside a running cloud or without one. Exit code 1 if something is wrong with it.")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
struct StoreArgs {
    /// The cloud's data folder
    #[arg(long, env = "FIELDPOST_DATA", value_name = "DIR", required_unless_present = "store")]
    data: Option<PathBuf>,
    /// The store, if it is not store.db in the data folder: sqlite:PATH
    #[arg(long, env = "FIELDPOST_STORE", value_name = "URL", value_parser = super::cloud::store)]
    store: Option<PathBuf>,
}

impl StoreArgs {
    fn path(&self) -> PathBuf {
        let default = || self.data.clone().unwrap_or_default().join("store.db");
        self.store.clone().unwrap_or_else(default)
    }
}

impl BackupArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut progress = Progress::new();
        let copied = fieldpost_cloud::back_up(&self.store.path(), &self.to, &mut |done, of| {
            progress.show(done, of);
        });
        progress.end();
        let copied = copied.map_err(|error| Failure::failed(error.to_string()))?;
        say(&format!("{}: {} readings, {} bytes, whole", self.to.display(), copied.readings, copied.bytes))
    }
}

impl RestoreArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let store = self.store.path();
        let restored = fieldpost_cloud::restore(&self.from, &store, self.replace);
        let (copied, aside) = restored.map_err(|error| Failure::failed(error.to_string()))?;
        if let Some(aside) = aside {
            say(&format!("the store that was there is now {}", aside.display()))?;
        }
        say(&format!("{}: {} readings; start the cloud again", store.display(), copied.readings))
    }
}

impl CheckArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let path = self.store.path();
        let faults = fieldpost_cloud::check(&path).map_err(|error| Failure::failed(error.to_string()))?;
        if faults.is_empty() {
            return say(&format!("{}: whole", path.display()));
        }
        faults.iter().try_for_each(|fault| say(fault))?;
        let hint = "put a backup in its place with `fieldpost restore`";
        Err(Failure::failed(format!("{} is not whole; {hint}", path.display())))
    }
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| Failure::failed(error.to_string()))
}

/// How far a copy is, on a terminal.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: false }
    }

    fn show(&mut self, done: u64, of: u64) {
        if std::io::stderr().is_terminal() {
            self.shown = true;
            let percent = done.saturating_mul(100).checked_div(of).unwrap_or(0).min(100);
            // A terminal that is gone does not matter to the copy.
            let _ = write!(std::io::stderr(), "\r{percent:3} % of {} MB", of / 1_000_000);
        }
    }

    fn end(&self) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
    }
}
