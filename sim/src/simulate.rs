//! `cargo sim`: worlds by their seeds, on the command line.

use crate::world::{self, Catch, Counts, Failure, Many, Strike};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use fieldpost_core::bug::Bug;
use std::{
    io::{IsTerminal, Write, stderr},
    ops::RangeInclusive,
    time::Instant,
};

/// How many failures' worth of trace is not shown: the newest events tell most.
const SHOWN: usize = 40;
/// In so many worlds every kind of fault has to strike.
const MANY: u64 = 2_000;
/// Kinds of faults on a line of the table.
const COLUMNS: usize = 3;

/// What to simulate.
///
/// Examples:
///   cargo sim                  one new world
///   cargo sim 42               the world of seed 42, each time the same
///   cargo sim 42 --seeds 100   the worlds of seeds 42 to 141
///   cargo sim --seeds 2000     the worlds of seeds 0 to 1999
///   cargo sim bugs             find every deliberate bug
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, verbatim_doc_comment)]
pub struct Arguments {
    /// The world to let happen, or the first of --seeds; without either it is a new one
    seed: Option<u64>,
    /// How many days meters measure and faults happen
    #[arg(long, default_value_t = 10, global = true, value_parser = clap::value_parser!(u32).range(1..=400))]
    days: u32,
    /// So many worlds, from SEED or 0 on
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Switch this bug on, to find a world that shows it
    #[arg(long, value_parser = bug)]
    bug: Option<Bug>,
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
    world::listen_for_panics();
    let Arguments { days, bug, threads, other, .. } = arguments;
    if other.is_some() {
        return bugs(*days, *threads, out);
    }
    without_bugs(*bug)?;
    let seeds = match arguments.wanted()? {
        Some(seeds) => seeds,
        None => {
            let seed = crate::rng::seed()?;
            writeln!(out, "seed {seed}")?;
            seed..=seed
        }
    };
    worlds(seeds, *days, *bug, *threads, out)
}

impl Arguments {
    /// The worlds that were asked for; None for a new one.
    fn wanted(&self) -> Result<Option<RangeInclusive<u64>>> {
        let Self { seed, seeds, .. } = *self;
        if seed.or(seeds).is_none() {
            return Ok(None);
        }
        let (first, count) = (seed.unwrap_or(0), seeds.unwrap_or(1));
        let Some(last) = first.checked_add(count - 1) else {
            bail!("there are no {count} seeds from {first} on: the last one is {}", u64::MAX);
        };
        Ok(Some(first..=last))
    }
}

fn worlds(
    seeds: RangeInclusive<u64>,
    days: u32,
    bug: Option<Bug>,
    threads: usize,
    out: &mut dyn Write,
) -> Result<()> {
    let begun = Instant::now();
    let total = (seeds.end() - seeds.start()).saturating_add(1);
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
    writeln!(out, "{readings} readings held, {} transactions of several uploads", counts.together)?;
    table(&counts, out)?;
    match failure {
        None => complete(worlds, &counts),
        Some(failure) => report(&failure, out),
    }
}

/// How often each kind of fault struck.
fn table(counts: &Counts, out: &mut dyn Write) -> Result<()> {
    for row in Strike::ALL.chunks(COLUMNS) {
        let cells: Vec<String> =
            row.iter().map(|kind| format!("{:>9} {:<27}", counts.of(*kind), kind.name())).collect();
        writeln!(out, "{}", cells.concat().trim_end())?;
    }
    Ok(())
}

/// Many worlds in which some kind of fault never struck prove nothing of it.
fn complete(worlds: u64, counts: &Counts) -> Result<()> {
    let missing: Vec<&str> = counts.missing().into_iter().map(Strike::name).collect();
    if worlds >= MANY && !missing.is_empty() {
        bail!("of {worlds} worlds none was struck by: {}", missing.join(", "));
    }
    Ok(())
}

fn eprint_progress(done: u64, total: u64, begun: Instant) {
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    let _ = write!(stderr(), "\r{done} of {total} worlds, {rate:.0} a second ");
}

fn report(failure: &Failure, out: &mut dyn Write) -> Result<()> {
    let Failure { seed, days, bug, broken, traced } = failure;
    let with = bug.map(|bug| format!(" --bug {bug:?}")).unwrap_or_default();
    writeln!(out, "\nthe last things that happened in the world of seed {seed}:")?;
    for line in traced.iter().skip(traced.len().saturating_sub(SHOWN)) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "\nBROKEN: {broken}\nsee it again: cargo sim {seed} --days {days}{with}")?;
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
    let seeds = world::REGRESSIONS.iter().map(|one| (one.bug, format!("seed {}", one.seed), one.prove()));
    let stories = world::STORIES.iter().map(|one| (one.bug, "its story".into(), one.prove()));
    let mut lost = 0;
    for (bug, by, shown) in seeds.chain(stories) {
        match shown {
            Ok(how) => writeln!(out, "{:<32} {by}: {}", format!("{bug:?}"), start(&how))?,
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
            "{missed} bugs were not found, and {lost} seeds or stories no longer show theirs: the simulator lacks a fault"
        );
    }
    Ok(())
}

/// As much as fits on a line.
fn start(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn read(words: &str) -> Result<Arguments, clap::Error> {
        Line::try_parse_from(["sim"].into_iter().chain(words.split_whitespace())).map(|line| line.arguments)
    }

    fn wanted(words: &str) -> Option<RangeInclusive<u64>> {
        read(words).unwrap().wanted().unwrap()
    }

    #[test]
    fn a_seed_says_where_worlds_begin_and_seeds_how_many_there_are() {
        assert_eq!(wanted(""), None, "a new one");
        assert_eq!(wanted("42"), Some(42..=42));
        assert_eq!(wanted("--seeds 2000"), Some(0..=1_999));
        assert_eq!(wanted("42 --seeds 100"), Some(42..=141));
        assert_eq!(wanted("--seeds 100 --days 20 42"), Some(42..=141));
    }

    #[test]
    fn the_last_seed_is_a_world_and_behind_it_there_are_none() {
        let last = u64::MAX;
        assert_eq!(wanted(&last.to_string()), Some(last..=last));
        assert_eq!(wanted(&format!("{} --seeds 2", last - 1)), Some(last - 1..=last));
        let refused = read(&format!("{last} --seeds 2")).unwrap().wanted().unwrap_err().to_string();
        assert!(refused.contains("no 2 seeds"), "{refused}");
    }

    #[test]
    fn no_worlds_are_not_asked_for() {
        assert!(read("--seeds 0").is_err());
        assert!(read("--days 0 --seeds 1").is_err());
        assert!(read("--seeds -1").is_err());
    }

    #[test]
    fn a_bug_goes_with_one_world_or_many_and_must_be_known() {
        assert_eq!(read("42 --bug NoSync").unwrap().bug, Some(Bug::NoSync));
        assert_eq!(read("--seeds 6000 --bug QuietStart").unwrap().bug, Some(Bug::QuietStart));
        assert!(read("42 --bug Nonsense").unwrap_err().to_string().contains("there is Acknowledge"));
    }

    #[test]
    fn many_worlds_in_which_a_kind_of_fault_never_struck_fail_and_name_it() {
        let mut counts = Counts::default();
        Strike::ALL
            .iter()
            .filter(|kind| **kind != Strike::Restore)
            .for_each(|kind| counts.hits(*kind, 1_234));
        assert!(complete(MANY - 1, &counts).is_ok(), "too few to tell");
        let missing = complete(MANY, &counts).unwrap_err().to_string();
        assert!(missing.ends_with("struck by: old store back"), "{missing}");
        let mut out = Vec::new();
        table(&counts, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("1234 datagram lost ") && out.contains("0 old store back"), "{out}");
        counts.hit(Strike::Restore);
        assert!(complete(MANY, &counts).is_ok());
    }

    #[test]
    fn what_is_told_of_a_failure_repeats_it_with_its_bug() {
        let failure = |bug| Failure { seed: 7, days: 10, bug, broken: "b".into(), traced: Vec::new() };
        for (bug, command) in
            [(None, "cargo sim 7 --days 10\n"), (Some(Bug::NoSync), "cargo sim 7 --days 10 --bug NoSync\n")]
        {
            let mut out = Vec::new();
            report(&failure(bug), &mut out).unwrap_err();
            assert!(String::from_utf8(out).unwrap().ends_with(command), "{bug:?}");
        }
    }
}
