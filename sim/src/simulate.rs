//! `cargo sim`: worlds by their seeds, on the command line.

use crate::world::{self, Catch, Failure, Many};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use fieldpost_core::bug::Bug;
use std::{
    io::{IsTerminal, Write, stderr},
    ops::Range,
    time::Instant,
};

/// How many failures' worth of trace is not shown: the newest events tell most.
const SHOWN: usize = 40;

/// What to simulate.
///
/// Examples:
///   cargo sim                  one new world
///   cargo sim 42               the world of seed 42, each time the same
///   cargo sim --seeds 2000     the worlds of seeds 0 to 1999
///   cargo sim --seeds 100000 --from 5000000
///   cargo sim bugs             find every deliberate bug
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, verbatim_doc_comment)]
pub struct Arguments {
    /// The world to let happen; a new one if neither this nor --seeds is given
    seed: Option<u64>,
    /// How many days meters measure and faults happen
    #[arg(long, default_value_t = 10, global = true, value_parser = clap::value_parser!(u32).range(1..=400))]
    days: u32,
    /// So many worlds
    #[arg(long, conflicts_with = "seed")]
    seeds: Option<u64>,
    /// Switch this bug on, to find a world that shows it
    #[arg(long, requires = "seeds", value_parser = bug)]
    bug: Option<Bug>,
    /// From this seed on
    #[arg(long, default_value_t = 0, requires = "seeds")]
    from: u64,
    /// Worlds at a time
    #[arg(long, default_value_t = default_threads(), global = true)]
    threads: usize,
    #[command(subcommand)]
    other: Option<Other>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Switch each deliberate bug on, and look for a world that finds it
    Bugs,
}

fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Lets worlds happen.
///
/// # Errors
/// A promise was broken, or a bug was not found.
pub fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<()> {
    // A world that panics says so itself.
    std::panic::set_hook(Box::new(|_| {}));
    let Arguments { seed, days, seeds, bug, from, threads, other } = arguments;
    match (other, seed, seeds) {
        (Some(Other::Bugs), ..) => bugs(*days, *threads, out),
        (None, _, Some(seeds)) => {
            without_bugs(*bug)?;
            worlds(*from..from.saturating_add(*seeds), *days, *bug, *threads, out)
        }
        (None, Some(seed), None) => worlds(*seed..seed.saturating_add(1), *days, None, 1, out),
        (None, None, None) => {
            let seed = crate::rng::seed()?;
            writeln!(out, "seed {seed}")?;
            worlds(seed..seed.saturating_add(1), *days, None, 1, out)
        }
    }
}

fn worlds(seeds: Range<u64>, days: u32, bug: Option<Bug>, threads: usize, out: &mut dyn Write) -> Result<()> {
    let begun = Instant::now();
    let total = seeds.end - seeds.start;
    let watched = stderr().is_terminal();
    let tell = |done: u64| {
        if watched && done.is_multiple_of(50) {
            eprint_progress(done, total, begun);
        }
    };
    let Many { worlds, counts, events, readings, failure } = world::many(seeds, days, bug, threads, &tell);
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(
        out,
        "{worlds} worlds of {days} days in {seconds:.1} s: {:.0} worlds/s, {:.0} faults/s, {:.0} events/s",
        worlds as f64 / seconds,
        counts.sum() as f64 / seconds,
        events as f64 / seconds
    )?;
    writeln!(
        out,
        "faults: {} on the line, {} on the road, {} deaths, {} on disks, {} others; {readings} readings held, \
         {} transactions of several uploads",
        counts.line, counts.road, counts.deaths, counts.disk, counts.others, counts.together
    )?;
    match failure {
        None => Ok(()),
        Some(failure) => report(&failure, out),
    }
}

fn eprint_progress(done: u64, total: u64, begun: Instant) {
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    let _ = write!(stderr(), "\r{done} of {total} worlds, {rate:.0} a second ");
}

fn report(failure: &Failure, out: &mut dyn Write) -> Result<()> {
    let Failure { seed, days, broken, traced } = failure;
    writeln!(out, "\nthe last things that happened in the world of seed {seed}:")?;
    for line in traced.iter().skip(traced.len().saturating_sub(SHOWN)) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "\nBROKEN: {broken}\nsee it again: cargo sim {seed} --days {days}")?;
    bail!("a promise was broken in the world of seed {seed}");
}

fn bug(name: &str) -> Result<Bug, String> {
    let all = || Bug::ALL.iter().chain(Bug::FOUND);
    let known = all().find(|bug| format!("{bug:?}") == name).copied();
    known.ok_or_else(|| {
        format!("there is {}", all().map(|bug| format!("{bug:?}")).collect::<Vec<_>>().join(", "))
    })
}

/// Where there are no bugs to switch on, none would be found.
fn without_bugs(bug: Option<Bug>) -> Result<()> {
    if bug.is_some() && cfg!(not(feature = "bugs")) {
        bail!("this build has no bugs on purpose; build it with --features bugs, as `cargo sim` does");
    }
    Ok(())
}

fn bugs(days: u32, threads: usize, out: &mut dyn Write) -> Result<()> {
    without_bugs(Some(Bug::NoSync))?;
    let tell = |Catch { bug, found }: &Catch| {
        // From whichever thread has found one.
        let mut out = std::io::stdout().lock();
        let _ = match found {
            Some((seed, how)) => {
                writeln!(out, "{:<32} seed {seed}: {}", format!("{bug:?}"), start(how))
            }
            None => writeln!(out, "{bug:?} NOT FOUND within {} worlds", world::WITHIN),
        };
    };
    let begun = Instant::now();
    let all = world::prove(days, threads, &tell);
    let missed = all.iter().filter(|one| one.found.is_none()).count();
    let mut lost = 0;
    for one in world::REGRESSIONS {
        match one.prove() {
            Ok(how) => writeln!(out, "{:<32} seed {}: {}", format!("{:?}", one.bug), one.seed, start(&how))?,
            Err(why) => {
                lost += 1;
                writeln!(out, "{why}")?;
            }
        }
    }
    writeln!(
        out,
        "{} of {} bugs found, in {:.1} s",
        all.len() - missed,
        all.len(),
        begun.elapsed().as_secs_f64()
    )?;
    if missed + lost > 0 {
        bail!(
            "{missed} bugs were not found, and {lost} seeds no longer show theirs: the simulator lacks a fault"
        );
    }
    Ok(())
}

/// As much as fits on a line.
fn start(text: &str) -> String {
    text.chars().take(120).collect()
}
