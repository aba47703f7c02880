//! What broke the reference system: a gateway or a cloud that dies, at any moment, again and again, and a line
//! between them that fails in every way. Everything that was acknowledged must be in the store, once.
//!
//! The programs are the shipped binary, killed with SIGKILL while a field of meters sends on. A kill stands in for
//! a power cut as far as processes go; it does not take back what the kernel holds, which is what fsync is for.
//!
//! `FIELDPOST_SIM_SEED=<seed>` repeats what was chosen at random (not what the scheduler made of it).
#![expect(clippy::print_stdout, reason = "this file is a test")]

use anyhow::Result;
use fieldpost_sim::{
    custody,
    ledger::{Audit, Ledger},
    meters::{Field, Plan},
    proxy::{Fault, Proxy},
    rng::{Rng, seed},
    system::System,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long until everything acknowledged must be held, once nobody is killed any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// From a kill to the next at most. Short enough that some strike while the victim is still starting.
const BETWEEN_KILLS: Duration = Duration::from_millis(500);

#[test]
fn what_was_acknowledged_survives_200_kills_once() {
    under_kills().unwrap();
}

/// How often the gateway alone is killed, from one kill to the next at most, and after how many the journal is looked into.
const GATEWAY_KILLS: u32 = 320;
const BETWEEN_GATEWAY_KILLS: Duration = Duration::from_millis(115);
const KILLS_BETWEEN_LOOKS: u32 = 20;

/// So small that it is full every few seconds: old surveys are let go of, and the log is folded into the file after every
/// some pages, so that kills meet both. It must hold the keys of all datagrams of the test, or it is full for good: they are
/// remembered for 20 hours.
const SMALL_JOURNAL: &str = "--journal-max=1MiB";

#[test]
fn what_was_acknowledged_is_in_the_journal_or_the_cloud_after_each_of_320_kills_of_the_gateway() {
    under_gateway_kills().unwrap();
}

#[test]
fn what_was_acknowledged_survives_a_cut_uplink_and_kills_once() {
    under_cuts().unwrap();
}

#[test]
fn the_three_roles_may_start_in_any_order() {
    for order in ["gcd", "gdc", "cgd", "cdg", "dgc", "dcg"] {
        started_in(order).unwrap_or_else(|error| panic!("order {order}: {error:?}"));
    }
}

fn under_kills() -> Result<()> {
    let seed = seed()?;
    println!("FIELDPOST_SIM_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut system = System::new()?;
    let ledger = Arc::new(Ledger::default());
    system.cloud.start()?;
    system.gateway.start()?;
    let began = Instant::now();
    let field = Field::start(plan(&system, seed), ledger.clone())?;
    let mut kills = 0;
    while kills < 200 {
        // Real sleep on purpose: the processes live in real time, and where they are in it is the experiment.
        sleep(rng.within(BETWEEN_KILLS));
        kills += strike(&mut system, &mut rng)?;
    }
    println!("{kills} kills in {:?}", began.elapsed());
    let audit = settle(system, field, &ledger)?;
    assert!(audit.acknowledged > 2_000, "hardly any load: {audit}");
    Ok(())
}

/// Kills the gateway, the cloud, or both, and starts them again; returns how many died.
fn strike(system: &mut System, rng: &mut Rng) -> Result<u32> {
    match rng.below(5) {
        0 | 1 => system.gateway.restart()?,
        2 | 3 => system.cloud.restart()?,
        _ => {
            system.gateway.kill()?;
            system.cloud.kill()?;
            let (mut first, mut second) = (&mut system.gateway, &mut system.cloud);
            if rng.chance(50) {
                std::mem::swap(&mut first, &mut second);
            }
            first.start()?;
            sleep(rng.within(BETWEEN_KILLS / 2));
            second.start()?;
            return Ok(2);
        }
    }
    Ok(1)
}

fn under_gateway_kills() -> Result<()> {
    let seed = seed()?;
    println!("FIELDPOST_SIM_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut system = System::new()?;
    system.gateway.add_argument(SMALL_JOURNAL);
    let ledger = Arc::new(Ledger::default());
    system.cloud.start()?;
    system.gateway.start()?;
    let began = Instant::now();
    let field =
        Field::start(Plan { rest: Duration::from_millis(100), ..plan(&system, seed) }, ledger.clone())?;
    let (mut let_go, mut journal_alone) = (0, 0);
    for kill in 1..=GATEWAY_KILLS {
        // Real sleep on purpose, as above.
        sleep(rng.within(BETWEEN_GATEWAY_KILLS));
        system.gateway.kill()?;
        if kill % KILLS_BETWEEN_LOOKS == 0 {
            let look = custody::look(&system, &ledger)?;
            assert!(look.audit.clean(), "after {kill} kills: {}", look.audit);
            let_go = let_go.max(look.journal.first - 1);
            journal_alone += look.journal_alone;
        }
        system.gateway.start()?;
    }
    println!("{GATEWAY_KILLS} kills in {:?}; {let_go} surveys let go of", began.elapsed());
    println!("{journal_alone} acknowledged readings were in the journal alone when it was looked at");
    assert!(let_go > 0, "the journal was never so full that it let go of anything");
    assert!(journal_alone > 0, "the cloud was always ahead of the journal: the looks prove nothing");
    let audit = settle(system, field, &ledger)?;
    assert!(audit.acknowledged > 2_000, "hardly any load: {audit}");
    Ok(())
}

fn under_cuts() -> Result<()> {
    let seed = seed()?;
    println!("FIELDPOST_SIM_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut system = System::behind_proxy()?;
    let ledger = Arc::new(Ledger::default());
    let proxy = Proxy::start(system.uplink, system.http)?;
    system.cloud.start()?;
    system.gateway.start()?;
    let field = Field::start(plan(&system, seed), ledger.clone())?;
    // Each fault in turn, so that none is left out, and in between a line that works.
    let faults = Fault::EVERY.into_iter().flat_map(|fault| [fault, Fault::None]);
    for fault in faults.cycle().take(60) {
        proxy.set(fault);
        sleep(rng.within(BETWEEN_KILLS));
        match rng.below(4) {
            // The gateway that is started again does not wait out its pause: more of the faults meet a connection.
            0 | 1 => system.gateway.restart()?,
            2 => system.cloud.restart()?,
            _ => {}
        }
        sleep(rng.within(BETWEEN_KILLS));
    }
    proxy.set(Fault::None);
    println!("{} connections struck", proxy.struck());
    assert!(proxy.struck() > 10, "the faults hardly met a connection: {}", proxy.struck());
    settle(system, field, &ledger)?;
    Ok(())
}

fn started_in(order: &str) -> Result<()> {
    let mut system = System::new()?;
    let ledger = Arc::new(Ledger::default());
    let mut field = None;
    for role in order.chars() {
        match role {
            'g' => system.gateway.start()?,
            'c' => system.cloud.start()?,
            _ => {
                field =
                    Some(Field::start(Plan { surveys: 20, careless: 0, ..plan(&system, 1) }, ledger.clone())?)
            }
        }
        // Real time for it to meet that the others are missing; what is checked does not depend on how long.
        sleep(Duration::from_millis(300));
    }
    let tally = field.map(Field::finish).transpose()?.unwrap_or_default();
    assert_eq!(tally.acknowledged.load(Ordering::Relaxed), 60 * 20, "every meter has sent all");
    let audit = system.drain(&ledger, PATIENCE)?;
    assert!(audit.clean() && audit.held == audit.sent, "{audit}");
    Ok(())
}

fn plan(system: &System, seed: u64) -> Plan {
    Plan {
        gateway: system.intake,
        dated: 40,
        undated: 20,
        readings: 4,
        surveys: u64::MAX,
        rest: Duration::from_millis(200),
        careless: 5,
        patience: PATIENCE,
        seed,
    }
}

/// Lets the meters finish, the journal drain, and compares what is on disk with what was sent.
fn settle(mut system: System, field: Field, ledger: &Ledger) -> Result<Audit> {
    let tally = field.stop().map_err(|error| error.context(system.report(ledger)))?;
    let audit = system.drain(ledger, PATIENCE)?;
    println!(
        "{audit}; {} datagrams, {} surveys acknowledged, {} copies nobody waited for",
        tally.datagrams.load(Ordering::Relaxed),
        tally.acknowledged.load(Ordering::Relaxed),
        tally.abandoned.load(Ordering::Relaxed)
    );
    assert!(audit.clean(), "{audit}");
    assert_printed_once(&system);
    Ok(audit)
}

/// The console shows a reading when it is new, which it is once in all the cloud's lives.
fn assert_printed_once(system: &System) {
    let mut seen = BTreeSet::new();
    for life in system.cloud.outputs() {
        let mut date = String::new();
        for line in life.lines() {
            if line.starts_with("== ") {
                line.clone_into(&mut date);
            } else if line.ends_with('%') {
                assert!(seen.insert(format!("{date} {line}")), "printed twice: {date} {line}");
            }
        }
    }
}
