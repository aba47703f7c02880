//! The gateway's disk runs full: somebody else's file takes its last byte. The gateway says so to the meters, survives
//! a kill -9, or comes back when a service manager starts it again, and goes on when there is room.

use super::{meter::GATEWAY_URL, network, tools, world::World};
use crate::rng::Rng;
use anyhow::{Context, Result, bail, ensure};
use rusqlite::Connection;
use std::{fs, time::Duration};

/// How long it may take until a meter hears that there is no room, and until one is served again. There is loss meanwhile,
/// and a gateway that starts.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a meter is told, whether the gateway looked before it wrote or found out by writing.
const NO_ROOM: &str = "disk full";
/// SQLite's shared memory, and two pages.
const TO_START: u64 = 40 << 10;
/// How long a probe waits for its reply.
const PROBE: &str = "--give-up=300ms";

/// What a meter hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Arrived,
    Full,
    Nothing,
}

/// Fills the disk, kills the gateway while it is full, lets it start on a full disk, and gives the room back.
pub(super) fn strike(world: &mut World, rng: &mut Rng) -> Result<()> {
    let host = any_host(rng);
    refused(world, host, "the gateway that runs refuses a survey for want of room")?;
    world.gateway.restart()?;
    world.tally.gateway += 1;
    refused(world, host, "the gateway that was killed on the full disk refuses a survey")?;
    started_without_room(world, host)?;
    world.room.free()?;
    world.until("the gateway takes surveys again when there is room", PATIENCE, |world| {
        world.revive_gateway()?;
        Ok(probe(world, host)? == Heard::Arrived)
    })
}

/// Stops the gateway cleanly, which leaves no write-ahead log behind, and starts it where there is no room for a new one: this
/// is where a write really fails. It says so to the meters, or ends by itself.
fn started_without_room(world: &mut World, host: u8) -> Result<()> {
    world.room.free()?;
    world.gateway.stop(PATIENCE)?;
    // Whether its last connection could delete the log is a matter of which one that was.
    let journal = Connection::open(world.journal().join("journal.db"))?;
    journal.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(journal);
    world.room.fill()?;
    world.gateway.start()?;
    let before = world.tally.ended;
    world.until("the gateway that has no room to start says so", PATIENCE, |world| {
        world.revive_gateway()?;
        Ok(world.tally.ended > before || probe(world, host)? == Heard::Full)
    })?;
    // Room to start, and none to write.
    world.room.spare(TO_START)?;
    world.until("the gateway that has room to start, and no more, refuses a survey", PATIENCE, |world| {
        world.revive_gateway()?;
        Ok(probe(world, host)? == Heard::Full)
    })?;
    let failed = world.failed_writes();
    ensure!(
        failed + world.tally.ended > 0,
        "the disk was full, and no write failed:\n{}",
        world.gateway.log()
    );
    Ok(())
}

/// Waits until the gateway refuses a survey for want of room. It may find some as fast as it is taken.
fn refused(world: &mut World, host: u8, what: &str) -> Result<()> {
    world.until(what, PATIENCE, |world| {
        world.room.fill()?;
        world.revive_gateway()?;
        Ok(probe(world, host)? == Heard::Full)
    })
}

fn any_host(rng: &mut Rng) -> u8 {
    let at = usize::try_from(rng.below(network::HOSTS.len() as u64)).unwrap_or(0);
    network::HOSTS.get(at).copied().unwrap_or(2)
}

/// Sends a day from a host with the real device, once.
fn probe(world: &mut World, host: u8) -> Result<Heard> {
    let (file, readings) = world.field.probe(host)?;
    let path = world.folder.join("probe.csv");
    fs::write(&path, file)?;
    let (command, source) = (world.command.display().to_string(), path.display().to_string());
    let id = network::address(host);
    let device =
        [&command, "device", "--id", &id, "--gateway", GATEWAY_URL, "--replay", &source, "--once", PROBE];
    let output = tools::within(&network::meter(host), &device)?;
    if output.status.success() {
        world.ledger.acknowledged(&id.into(), &readings);
        return Ok(Heard::Arrived);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().context("a device that fails says why")?;
    if last.contains("refused") {
        bail!("a good survey was refused for good: {last}");
    }
    let full = last.ends_with(NO_ROOM);
    world.tally.refused += u64::from(full);
    Ok(if full { Heard::Full } else { Heard::Nothing })
}
