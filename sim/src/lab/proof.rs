//! `fieldpost verify` in the lab: it finds nothing wrong, and when a row is removed by hand, it names it.

use super::{
    network, tools,
    world::{CLOUD_URL, World},
};
use crate::rng::Rng;
use anyhow::{Context, Result, ensure};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension};
use std::{path::Path, process::Output};

/// Which row was removed: what an operator has to be told.
#[derive(Debug)]
pub(super) struct Removed {
    /// The device's id.
    pub(super) device: String,
    /// When it was measured, as RFC 3339.
    pub(super) time: String,
}

/// Lets `verify` look at what is there, and at what is there without one row. Returns what it is worth.
pub(super) fn verify(world: &World, rng: &mut Rng) -> Result<String> {
    let clean = run(world)?;
    ensure!(clean.status.code() == Some(0), "verify finds fault with what is in order:\n{}", text(&clean));
    let mut store = Connection::open(world.store())?;
    let removed = remove(&mut store, rng)?;
    let found = run(world)?;
    let said = text(&found);
    let named = said.lines().any(|line| line.contains(&removed.device) && line.contains(&removed.time));
    ensure!(
        found.status.code() == Some(1) && named,
        "a row was removed by hand, {} at {}, and verify ({}) does not name it:\n{said}",
        removed.device,
        removed.time,
        found.status
    );
    store.execute_batch("INSERT INTO readings SELECT * FROM removed; DROP TABLE removed")?;
    Ok(format!("all is well with it; without {} at {} it names that", removed.device, removed.time))
}

/// Removes a reading from the cloud's store for good.
pub(super) fn spoil(store: &Path, rng: &mut Rng) -> Result<Removed> {
    remove(&mut Connection::open(store)?, rng)
}

/// Removes a reading, and keeps it in a table of this connection.
fn remove(store: &mut Connection, rng: &mut Rng) -> Result<Removed> {
    let removal = store.transaction()?;
    let count: i64 = removal.query_row("SELECT count(*) FROM readings", [], |row| row.get(0))?;
    let at = rng.below(count.unsigned_abs()).cast_signed();
    let keep = "CREATE TEMP TABLE removed AS SELECT * FROM readings LIMIT 1 OFFSET ?";
    removal.execute(keep, [at])?;
    removal
        .execute_batch("DELETE FROM readings WHERE (device, time) IN (SELECT device, time FROM removed)")?;
    let which = "SELECT name, time FROM removed JOIN devices ON id = device";
    let which: Option<(String, i64)> =
        removal.query_row(which, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (device, time) = which.context("the store is empty")?;
    removal.commit()?;
    Ok(Removed { device, time: UtcInstant::from_millis(time).to_string() })
}

fn run(world: &World) -> Result<Output> {
    let (command, journal) = (world.command.display().to_string(), world.journal().display().to_string());
    tools::within(network::GATEWAY, &[&command, "verify", "--data", &journal, "--cloud", CLOUD_URL])
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).join("")
}
