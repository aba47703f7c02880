//! Resident memory of gateway and cloud when a million readings have passed through them.

use super::procfs::{self, Memory};
use crate::{
    ledger::Ledger,
    meters::{Field, Plan},
    ports,
    system::System,
};
use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use std::{
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// A careful meter's message: a day, hour by hour.
const READINGS: u64 = 24;

/// Sends at least `readings` from `devices` meters through both programs and prints their memory.
///
/// # Errors
/// A program does not start, or not everything arrives.
pub fn run(devices: u64, readings: u64, out: &mut impl Write) -> Result<()> {
    let surveys = readings.div_ceil(devices * READINGS);
    let total = surveys * devices * READINGS;
    let mut system = System::new()?;
    system.cloud.start()?;
    system.gateway.start()?;
    ports::wait_for_listener(ports::Kind::Tcp, system.http, Duration::from_secs(10))?;
    ports::wait_for_listener(ports::Kind::Udp, system.intake, Duration::from_secs(10))?;
    print("at the start", &system, out)?;
    let ledger = Arc::new(Ledger::default());
    let plan = Plan {
        gateway: system.intake,
        dated: devices,
        undated: 0,
        readings: READINGS,
        surveys,
        rest: Duration::from_secs(5),
        careless: 0,
        patience: Duration::from_secs(60),
        seed: 1,
    };
    let began = Instant::now();
    Field::start(plan, ledger)?.finish().with_context(|| system.gateway.log())?;
    writeln!(out, "{total} readings of {devices} devices acknowledged in {:.1?}", began.elapsed())?;
    print("when all were acknowledged", &system, out)?;
    let store = system.store();
    ports::wait_until(Duration::from_secs(120), || Ok(held(&store)? == total)).with_context(|| {
        format!("not all arrived in the cloud\n{}\n{}", system.gateway.log(), system.cloud.log())
    })?;
    writeln!(out, "held by the cloud after {:.1?}", began.elapsed())?;
    print("when all were held", &system, out)
}

fn held(store: &Path) -> Result<u64> {
    let store = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sum: i64 = store.query_row("SELECT coalesce(sum(readings), 0) FROM devices", [], |row| row.get(0))?;
    Ok(sum.unsigned_abs())
}

fn print(when: &str, system: &System, out: &mut impl Write) -> Result<()> {
    for (name, program) in [("gateway", &system.gateway), ("cloud", &system.cloud)] {
        let Memory { resident, peak, anonymous } = procfs::memory(program.id().context("it runs")?)?;
        writeln!(
            out,
            "  {when}: {name:<8} {resident:>7} KiB resident, {anonymous:>7} its own, {peak:>7} at the peak"
        )?;
    }
    Ok(())
}
