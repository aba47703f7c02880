//! The end of a run: the ledger by device, the faults, the verdict.

use super::{
    field, loss,
    network::{self, HOSTS},
    world::World,
};
use crate::ledger::Audit;
use anyhow::Result;
use serde_json::Value;
use std::io::Write;

/// Prints the ledger, a line for each device.
pub(super) fn ledger(world: &World, audit: &Audit, out: &mut dyn Write) -> Result<()> {
    let header = ["device", "station", "sent", "acknowledged", "held", "copies", "missing"];
    let [device, station, columns @ ..] = header;
    write!(out, "\n{device:<13}{station:<10}")?;
    columns.iter().try_for_each(|column| write!(out, "{column:>14}"))?;
    writeln!(out)?;
    for host in HOSTS {
        let share = audit.devices.get(&field::id(host)).copied().unwrap_or_default();
        let name = field::station(host).map_or("", |station| station.name);
        write!(out, "{:<13}{name:<10}", network::address(host))?;
        let copies = usize::try_from(world.field.copies(host))?;
        let columns = [share.sent, share.acknowledged, share.held, copies, share.missing];
        columns.iter().try_for_each(|column| write!(out, "{column:>14}"))?;
        writeln!(out)?;
    }
    let copies = world.status()?.pointer("/counters/copies").and_then(Value::as_u64).unwrap_or(0);
    writeln!(out, "copies: datagrams that meters sent again; the gateway has recognised {copies}\n")?;
    Ok(())
}

/// Prints what went wrong on purpose.
pub(super) fn faults(world: &World, out: &mut dyn Write) -> Result<()> {
    let (to, from) = loss::counts()?;
    for (way, counts) in [("to the gateway", to), ("from the gateway", from)] {
        writeln!(out, "datagrams {way}: {} dropped, {} passed", counts.dropped, counts.passed)?;
    }
    let tally = &world.tally;
    writeln!(
        out,
        "killed: the gateway {} times, the cloud {}, meters {}; links cut {} times",
        tally.gateway, tally.cloud, tally.meters, tally.cuts
    )?;
    writeln!(
        out,
        "no room: {} probes refused for it, {} writes failed for it, the gateway ended by itself {} times",
        tally.refused,
        world.failed_writes(),
        tally.ended
    )?;
    if tally.ended > 0 {
        writeln!(out, "  its last words: {}", tally.last_words)?;
    }
    Ok(())
}
