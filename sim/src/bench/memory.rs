//! Resident memory of gateway and cloud when a million readings have passed through them.

use super::procfs::{self, Memory};
use crate::{
    lab::Lab,
    ledger::Ledger,
    meters::{Field, Plan},
    ports,
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
    let mut lab = Lab::new()?;
    lab.cloud.start()?;
    lab.gateway.start()?;
    ports::wait_for_listener(ports::Kind::Tcp, lab.http, Duration::from_secs(10))?;
    ports::wait_for_listener(ports::Kind::Udp, lab.intake, Duration::from_secs(10))?;
    print("at the start", &lab, out)?;
    let ledger = Arc::new(Ledger::default());
    let plan = Plan {
        gateway: lab.intake,
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
    Field::start(plan, ledger)?.finish().with_context(|| lab.gateway.log())?;
    writeln!(out, "{total} readings of {devices} devices acknowledged in {:.1?}", began.elapsed())?;
    print("when all were acknowledged", &lab, out)?;
    let store = lab.store();
    ports::wait_until(Duration::from_secs(120), || Ok(held(&store)? == total)).with_context(|| {
        format!("not all arrived in the cloud\n{}\n{}", lab.gateway.log(), lab.cloud.log())
    })?;
    writeln!(out, "held by the cloud after {:.1?}", began.elapsed())?;
    print("when all were held", &lab, out)
}

fn held(store: &Path) -> Result<u64> {
    let store = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sum: i64 = store.query_row("SELECT coalesce(sum(readings), 0) FROM devices", [], |row| row.get(0))?;
    Ok(sum.unsigned_abs())
}

fn print(when: &str, lab: &Lab, out: &mut impl Write) -> Result<()> {
    for (name, program) in [("gateway", &lab.gateway), ("cloud", &lab.cloud)] {
        let Memory { resident, peak, anonymous } = procfs::memory(program.id().context("it runs")?)?;
        writeln!(
            out,
            "  {when}: {name:<8} {resident:>7} KiB resident, {anonymous:>7} its own, {peak:>7} at the peak"
        )?;
    }
    Ok(())
}
