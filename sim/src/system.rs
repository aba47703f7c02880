//! A gateway, a cloud and the line between them: real processes on loopback, with their data in one temporary folder.

use crate::{
    ledger::{Audit, Ledger},
    ports,
    process::{self, Program},
};
use anyhow::{Context, Result};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// The two programs, not started yet, and where they are to be found.
#[derive(Debug)]
pub struct System {
    /// The gateway.
    pub gateway: Program,
    /// The cloud.
    pub cloud: Program,
    /// Where devices send to.
    pub intake: SocketAddr,
    /// Where the cloud serves HTTP.
    pub http: SocketAddr,
    /// Where the gateway thinks that the cloud is: a proxy's place, or the cloud's own.
    pub uplink: SocketAddr,
    /// Removed last, when the programs above are dead.
    folder: TempDir,
}

impl System {
    /// A gateway whose uplink is the cloud itself.
    ///
    /// # Errors
    /// The program is not built, or there is no room for it.
    pub fn new() -> Result<Self> {
        let http = ports::free()?;
        Self::with_uplink(http, http)
    }

    /// A gateway that finds the cloud only behind a proxy's address.
    ///
    /// # Errors
    /// The program is not built, or there is no room for it.
    pub fn behind_proxy() -> Result<Self> {
        Self::with_uplink(ports::free()?, ports::free()?)
    }

    fn with_uplink(http: SocketAddr, uplink: SocketAddr) -> Result<Self> {
        let command = process::fieldpost()?;
        let folder = TempDir::new().context("no temporary folder")?;
        let intake = ports::free()?;
        let data = |of: &str| folder.path().join(of).display().to_string();
        let gateway = [
            "gateway".to_owned(),
            format!("--listen=udp://{intake}"),
            format!("--cloud=http://{uplink}"),
            format!("--data={}", data("gateway")),
            "--time-zone=UTC".to_owned(),
        ];
        let cloud = [
            "cloud".to_owned(),
            format!("--http={http}"),
            format!("--data={}", data("cloud")),
            "--time-zone=UTC".to_owned(),
        ];
        Ok(Self {
            gateway: Program::new("gateway", &command, folder.path(), gateway),
            cloud: Program::new("cloud", &command, folder.path(), cloud),
            intake,
            http,
            uplink,
            folder,
        })
    }

    /// The cloud's store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("cloud/store.db")
    }

    /// The gateway's data folder.
    #[must_use]
    pub fn gateway_data(&self) -> PathBuf {
        self.folder.path().join("gateway")
    }

    /// Waits until the store holds everything that was acknowledged, then kills both programs and looks at what is
    /// on disk.
    ///
    /// # Errors
    /// Something acknowledged is not held within `patience`, or cannot be read.
    pub fn drain(&mut self, ledger: &Ledger, patience: Duration) -> Result<Audit> {
        let store = self.store();
        let drained =
            ports::wait_until(patience, || Ok(ledger.audit(&store).is_ok_and(|audit| audit.complete())));
        drained.with_context(|| self.report(ledger))?;
        self.gateway.kill()?;
        self.cloud.kill()?;
        check_integrity(&store)?;
        ledger.audit(&store)
    }

    /// All that helps to understand why it does not go on.
    #[must_use]
    pub fn report(&self, ledger: &Ledger) -> String {
        let audit = ledger.audit(&self.store());
        let audit = audit.map_or_else(|error| format!("{error:#}"), |audit| audit.to_string());
        let (gateway, cloud) = (self.gateway.log(), self.cloud.log());
        format!("{audit}\n--- gateway's log, the end\n{gateway}\n--- cloud's log, the end\n{cloud}")
    }
}

/// SQLite's own opinion of a file that a killed program left behind.
pub(crate) fn check_integrity(path: &Path) -> Result<()> {
    let store = rusqlite::Connection::open(path)?;
    let verdict: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    anyhow::ensure!(verdict == "ok", "{} is damaged: {verdict}", path.display());
    Ok(())
}
