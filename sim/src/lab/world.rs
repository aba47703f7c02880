//! All that runs in the lab, and what is counted while it does.

use super::{field::Field, loss, network, room::Room, tally::Tally, tools};
use crate::{ledger::Ledger, process::Program};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

/// The gateway's disk; small enough to be filled in no time, large enough for four years of readings.
const DISK: &str = "6m";
/// The most that the gateway's journal may take of it. Its write-ahead log is limited to an eighth.
const JOURNAL_MAX: &str = "5MiB";
/// Where the cloud is.
pub(super) const CLOUD_URL: &str = "http://10.10.10.2:8080";

/// SQLite's words for a full disk, and the kernel's.
const NO_SPACE: [&str; 2] = ["disk is full", "No space left"];

/// How often the meters are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The field, the gateway, the cloud.
#[derive(Debug)]
pub(super) struct World {
    /// The product's program.
    pub(super) command: PathBuf,
    /// Logs and data.
    pub(super) folder: PathBuf,
    pub(super) room: Room,
    pub(super) gateway: Program,
    pub(super) cloud: Program,
    pub(super) field: Field,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    began: Instant,
}

impl World {
    /// The network, and the programs, not started yet.
    pub(super) fn new(command: PathBuf, folder: PathBuf, span: Option<Duration>) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        network::build()?;
        loss::install()?;
        let room = Room::mount(folder.join("gateway"), DISK)?;
        let gateway = gateway(&command, &folder, &room);
        let cloud = cloud(&command, &folder);
        let field = Field::new(&command, &folder, span)?;
        let (ledger, tally, began) = (Ledger::default(), Tally::default(), Instant::now());
        Ok(Self { command, folder, room, gateway, cloud, field, ledger, tally, began })
    }

    /// Starts all of it.
    pub(super) fn start(&mut self) -> Result<()> {
        self.cloud.start()?;
        self.gateway.start()?;
        self.field.start(&self.ledger)
    }

    /// Lets it live for a while. Real time on purpose: the processes live in it, and where they are is the experiment.
    pub(super) fn live(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            sleep(LOOK_AGAIN.min(time));
            self.field.tend(&self.ledger)?;
        }
        Ok(())
    }

    /// Lets it live until `done` says so.
    pub(super) fn until(
        &mut self,
        what: &str,
        patience: Duration,
        mut done: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let began = Instant::now();
        while !done(self)? {
            if began.elapsed() > patience {
                bail!(
                    "{what}: not within {patience:?}\n{}\n--- gateway\n{}\n--- cloud\n{}",
                    self.field.report(),
                    self.gateway.log(),
                    self.cloud.log()
                );
            }
            self.live(LOOK_AGAIN)?;
        }
        Ok(())
    }

    /// Starts the gateway again if it has ended by itself, as a service manager would.
    pub(super) fn revive_gateway(&mut self) -> Result<()> {
        let log = self.gateway.log();
        if self.gateway.revive()? {
            self.tally.ended += 1;
            log.lines().last().unwrap_or_default().clone_into(&mut self.tally.last_words);
        }
        Ok(())
    }

    /// Writes of the gateway that failed because the disk was full, as far as its logs tell of them.
    pub(super) fn failed_writes(&self) -> u64 {
        let lives = self.gateway.logs();
        let lines = lives.iter().flat_map(|log| log.lines());
        lines.filter(|line| NO_SPACE.iter().any(|mark| line.contains(mark))).count() as u64
    }

    /// How long since the beginning.
    pub(super) fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// The cloud's store.
    pub(super) fn store(&self) -> PathBuf {
        self.folder.join("cloud/store.db")
    }

    /// The gateway's data folder.
    pub(super) fn journal(&self) -> PathBuf {
        self.room.path.join("data")
    }

    /// What `fieldpost gateway status --json` says.
    pub(super) fn status(&self) -> Result<Value> {
        let (command, data) = (self.command.display().to_string(), self.journal().display().to_string());
        let said = tools::run(&command, &["gateway", "status", "--json", "--data", &data])?;
        serde_json::from_str(&said).context("`gateway status --json` printed no JSON")
    }

    /// How many surveys still wait for the cloud.
    pub(super) fn waiting(&self) -> Result<u64> {
        self.status()?
            .get("waiting_surveys")
            .and_then(Value::as_u64)
            .context("status has no `waiting_surveys`")
    }
}

fn gateway(command: &Path, folder: &Path, room: &Room) -> Program {
    let data = room.path.join("data").display().to_string();
    let arguments = [
        "gateway",
        "--listen=udp://192.168.1.1:10005",
        "--cloud",
        CLOUD_URL,
        "--allow-insecure",
        "--time-zone=UTC",
        "--min-free-disk=0",
        "--journal-max",
        JOURNAL_MAX,
        "--data",
        &data,
    ];
    program(network::GATEWAY, command, folder, &arguments)
}

fn cloud(command: &Path, folder: &Path) -> Program {
    let data = folder.join("cloud").display().to_string();
    let arguments =
        ["cloud", "--http=10.10.10.2:8080", "--allow-insecure", "--time-zone=UTC", "--data", &data];
    program(network::CLOUD, command, folder, &arguments)
}

/// A program in the namespace of its name.
fn program(name: &str, command: &Path, folder: &Path, arguments: &[&str]) -> Program {
    let command = command.display().to_string();
    let inside = ["netns", "exec", name, &command].into_iter().chain(arguments.iter().copied());
    Program::new(name, Path::new("ip"), folder, inside)
}
