//! What happens in the lab, from the first cable to the verdict.

use super::{Options, cage, faults, loss, proof, report, world::World};
use crate::{ledger::Audit, rng::Rng};
use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use std::{io::Write, path::Path, time::Duration};

/// For how long the meters would measure without faults: about as long as all faults take.
const SPAN: Duration = Duration::from_secs(16);
/// Between two faults at most.
const REST: Duration = Duration::from_millis(600);
/// How long the meters may take to deliver the rest when nothing goes wrong any more, and the journal to drain.
const PATIENCE: Duration = Duration::from_secs(30);

/// Builds a world, breaks it, lets it heal, and looks whether anything is lost. True if all is well.
pub(super) fn tell(options: &Options, seed: u64, folder: &Path, out: &mut dyn Write) -> Result<bool> {
    let mut rng = Rng::new(seed);
    let span = (!options.calm).then_some(SPAN);
    let mut world = World::new(cage::fieldpost()?, folder.to_owned(), span)?;
    writeln!(out, "{:5.1} s  six stations are wired up: four hosts, a gateway, a cloud", world.now())?;
    let told = happen(&mut world, options, &mut rng, out);
    if told.is_err() {
        so_far(&mut world, out);
    }
    let (audit, verified) = told?;
    report::ledger(&world, &audit, out)?;
    report::faults(&world, out)?;
    writeln!(out, "fieldpost verify: {verified}")?;
    judge(&audit, out)
}

/// All of it, up to the comparison with the ledger.
fn happen(
    world: &mut World,
    options: &Options,
    rng: &mut Rng,
    out: &mut dyn Write,
) -> Result<(Audit, String)> {
    world.start()?;
    if !options.calm {
        suffer(world, rng, out)?;
    }
    heal(world, rng, out)?;
    ensure!(!options.break_off, "broken off on purpose");
    let verified = proof::verify(world, rng)?;
    if options.spoil {
        let removed = proof::spoil(&world.store(), rng)?;
        writeln!(out, "{:5.1} s  removed by hand: {} at {}", world.now(), removed.device, removed.time)?;
    }
    Ok((look(world)?, verified))
}

/// What is known when it goes no further. It goes wrong already: what cannot be told now is left out.
fn so_far(world: &mut World, out: &mut dyn Write) {
    let _ = world.field.tend(&world.ledger);
    let _ = world.gateway.kill();
    let _ = world.cloud.kill();
    match world.ledger.audit(&world.store()) {
        Ok(audit) => {
            let _ = report::ledger(world, &audit, out);
        }
        Err(error) => {
            let _ = writeln!(out, "there is no ledger: {error:#}");
        }
    }
    let _ = report::faults(world, out);
}

/// Everything that goes wrong, with loss from the first moment to the last.
fn suffer(world: &mut World, rng: &mut Rng, out: &mut dyn Write) -> Result<()> {
    loss::start()?;
    writeln!(out, "{:5.1} s  30 % of all datagrams are lost, both ways", world.now())?;
    let faults = faults::schedule(rng);
    let half = faults.len() / 2;
    for (number, fault) in faults.into_iter().enumerate() {
        if number == half {
            let verified = proof::meanwhile(world)?;
            writeln!(out, "{:5.1} s  verify, while all goes on: {verified}", world.now())?;
        }
        let rest = rng.within(REST);
        world.live(rest)?;
        writeln!(out, "{:5.1} s  {fault}", world.now())?;
        faults::strike(world, fault, rng).with_context(|| format!("after: {fault}"))?;
    }
    let (to, from) = loss::counts()?;
    ensure!(
        to.dropped > 0 && from.dropped > 0,
        "no datagram was lost: {to:?}, {from:?}; is nftables at work?"
    );
    ensure!(world.tally.refused > 0, "the full disk has refused nothing");
    Ok(())
}

/// Nothing goes wrong any more, but for a last kill of everything: whoever starts does not wait out a pause.
fn heal(world: &mut World, rng: &mut Rng, out: &mut dyn Write) -> Result<()> {
    loss::stop()?;
    writeln!(out, "{:5.1} s  no loss any more; kill -9 of everything, once", world.now())?;
    world.gateway.restart()?;
    world.cloud.restart()?;
    world.tally.gateway += 1;
    world.tally.cloud += 1;
    world.field.hurry();
    world.tally.meters += world.field.restart(None, rng, &world.ledger)?;
    world.until("every meter has delivered all", PATIENCE, |world| Ok(world.field.finished()))?;
    writeln!(out, "{:5.1} s  every meter has delivered all", world.now())?;
    world.until("the journal has drained", PATIENCE, |world| Ok(world.waiting()? == 0))?;
    writeln!(out, "{:5.1} s  the gateway waits for nothing any more", world.now())?;
    Ok(())
}

/// Kills both once more, and compares what is on disk with the ledger.
fn look(world: &mut World) -> Result<Audit> {
    world.gateway.kill()?;
    world.cloud.kill()?;
    for file in [world.store(), world.journal().join("journal.db")] {
        let check = "PRAGMA integrity_check";
        let verdict: String = Connection::open(&file)?.query_row(check, [], |row| row.get(0))?;
        ensure!(verdict == "ok", "{} is damaged: {verdict}", file.display());
    }
    world.ledger.audit(&world.store())
}

fn judge(audit: &Audit, out: &mut dyn Write) -> Result<bool> {
    let well = audit.clean() && audit.acknowledged > 0;
    if well {
        writeln!(out, "all {} acknowledged readings are held, once", audit.acknowledged)?;
    } else {
        writeln!(out, "NOT WELL\n{audit}")?;
    }
    Ok(well)
}
