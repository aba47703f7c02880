//! `fieldpost verify` in the lab: it finds nothing wrong, and when a row is removed by hand, it names it.

use super::{
    network, tools,
    world::{CLOUD_URL, World},
};
use crate::rng::Rng;
use anyhow::{Context, Result, ensure};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use serde_json::Value;
use std::{path::Path, process::Output, time::Duration};

/// So many of the newest surveys are said to wait when one of them vanishes.
const NEWEST: i64 = 8;

/// How long the cloud may take until it answers: it may have been killed a moment ago.
const PATIENCE: Duration = Duration::from_secs(10);
/// How `verify` says that it does not.
const NO_ANSWER: &str = "cannot ask the cloud";

/// Which row was removed: what an operator has to be told.
#[derive(Debug)]
pub(super) struct Removed {
    /// The device's id.
    pub(super) device: String,
    /// When it was measured, as RFC 3339.
    pub(super) time: String,
}

/// Lets `verify` look while meters send, the gateway takes and passes on, and datagrams are lost. Returns its verdict.
pub(super) fn meanwhile(world: &mut World) -> Result<String> {
    let mut said = String::new();
    world.until("verify is answered", PATIENCE, |world| {
        let output = run(world, &[])?;
        said = text(&output);
        if said.contains(NO_ANSWER) {
            return Ok(false);
        }
        ensure!(output.status.code() == Some(0), "verify finds fault with what goes on:\n{said}");
        Ok(true)
    })?;
    let verdict = said.lines().find(|line| line.contains("acknowledged readings"));
    verdict
        .map(str::to_owned)
        .with_context(|| format!("verify says nothing of what was acknowledged:\n{said}"))
}

/// Lets `verify` look at what is there, in both forms, and at what is there without one row. Returns what it is worth.
pub(super) fn verify(world: &World, rng: &mut Rng) -> Result<String> {
    let clean = run(world, &[])?;
    ensure!(clean.status.code() == Some(0), "verify finds fault with what is in order:\n{}", text(&clean));
    let json = run(world, &["--json"])?;
    let told: Value = serde_json::from_slice(&json.stdout)
        .with_context(|| format!("verify --json prints no JSON:\n{}", text(&json)))?;
    ensure!(
        told.get("ok") == Some(&Value::Bool(true)) && told.pointer("/total/missing") == Some(&Value::from(0)),
        "verify --json finds fault with what is in order:\n{}",
        text(&json)
    );
    vanish(world, rng)?;
    let mut store = Connection::open(world.store())?;
    let removed = remove(&mut store, rng, kept_since(world)?)?;
    let found = run(world, &[])?;
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
    remove(&mut Connection::open(store)?, rng, i64::MIN)
}

/// The receipt of the oldest survey in the journal. On a disk that was full the gateway has let go of what the cloud held, and nothing
/// there tells of these any more.
fn kept_since(world: &World) -> Result<i64> {
    let journal = Connection::open(world.journal().join("journal.db"))?;
    Ok(journal.query_row("SELECT received FROM surveys ORDER BY seq LIMIT 1", [], |row| row.get(0))?)
}

/// Removes a reading of a survey that the gateway received at `since` or later, and keeps it in a table of this connection.
fn remove(store: &mut Connection, rng: &mut Rng, since: i64) -> Result<Removed> {
    // The cloud writes, too: what was read must still be so when it is removed.
    let removal = store.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let since = [since];
    removal.execute(
        "CREATE TEMP TABLE removable AS SELECT * FROM readings AS r WHERE EXISTS (
             SELECT 1 FROM surveys WHERE device = r.device AND starts <= r.time AND ends >= r.time AND coalesce(received_at_gateway, received) >= ?)",
        since,
    )?;
    let count: i64 = removal.query_row("SELECT count(*) FROM removable", [], |row| row.get(0))?;
    let at = rng.below(count.unsigned_abs()).cast_signed();
    let keep = "CREATE TEMP TABLE removed AS SELECT * FROM removable LIMIT 1 OFFSET ?";
    removal.execute(keep, [at])?;
    removal
        .execute_batch("DELETE FROM readings WHERE (device, time) IN (SELECT device, time FROM removed)")?;
    let which = "SELECT name, time FROM removed JOIN devices ON id = device";
    let which: Option<(String, i64)> =
        removal.query_row(which, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (device, time) = which.context("the store is empty")?;
    removal.execute_batch("DROP TABLE removable")?;
    removal.commit()?;
    Ok(Removed { device, time: UtcInstant::from_millis(time).to_string() })
}

/// A survey that waits vanishes from the journal, and `verify` must name it. For a moment the journal's cursor says that the newest
/// surveys wait; the gateway, which waits for nothing, does not look at it.
fn vanish(world: &World, rng: &mut Rng) -> Result<()> {
    let journal = Connection::open(world.journal().join("journal.db"))?;
    journal.busy_timeout(PATIENCE)?;
    let held: i64 =
        journal.query_row("SELECT value FROM facts WHERE name = 'held_through'", [], |row| row.get(0))?;
    let set = |held: i64| journal.execute("UPDATE facts SET value = ? WHERE name = 'held_through'", [held]);
    let newest = "SELECT count(*) FROM surveys WHERE seq > ? AND seq <= ?";
    let kept: i64 = journal.query_row(newest, [held - NEWEST, held], |row| row.get(0))?;
    ensure!(kept == NEWEST, "of the newest {NEWEST} surveys the journal keeps {kept}");
    let gone = held - rng.below(NEWEST.unsigned_abs() - 1).cast_signed();
    set(held - NEWEST)?;
    journal.execute("CREATE TEMP TABLE gone AS SELECT * FROM surveys WHERE seq = ?", [gone])?;
    journal.execute("DELETE FROM surveys WHERE seq = ?", [gone])?;
    let found = run(world, &[]);
    journal.execute_batch("INSERT INTO surveys SELECT * FROM gone; DROP TABLE gone")?;
    set(held)?;
    let said = text(&found?);
    let named =
        said.contains("1 survey in a journal DAMAGED") && said.contains(&format!("survey {gone} of "));
    ensure!(named, "survey {gone} was removed while it waited, and verify does not name it:\n{said}");
    Ok(())
}

fn run(world: &World, more: &[&str]) -> Result<Output> {
    let (command, journal) = (world.command.display().to_string(), world.journal().display().to_string());
    let verify = [&command, "verify", "--data", &journal, "--cloud", CLOUD_URL];
    tools::within(network::GATEWAY, &[&verify, more].concat())
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).join("")
}
