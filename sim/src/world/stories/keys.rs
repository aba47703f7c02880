//! So many surveys come in a day that their keys go from memory to a table of their own. Then a page becomes zeroes, and the journal is
//! salvaged: of what is in it now copies are known, and of what is nowhere nobody says that it is here.

use super::site::{Site, hand_in, note, survey};
use crate::world::{machine::Machine, oracle::Seq, page};
use anyhow::{Context as _, Result, ensure};
use fieldpost_gateway::parts::{Custody, Outcome};
use rusqlite::Connection;
use std::ops::RangeInclusive;

const ROOM: u64 = 256 << 20;
/// Surveys of one commit.
const GROUP: Seq = 4_000;
/// Up to here the cloud holds everything.
const HELD: Seq = 10;
/// Many more than a gateway remembers in memory.
const TOO_MANY: Seq = 200_000;

/// The table of keys is what is lost.
pub(super) fn table_is_lost() -> Result<Option<String>> {
    let (site, last) = full_journal()?;
    let root: usize =
        ask(&site.machine, "SELECT rootpage FROM sqlite_master WHERE name = 'keys'")?.try_into()?;
    zero(&site.machine, root - 1)?;
    copies(site, last)
}

/// Surveys are lost that nobody else has.
pub(super) fn surveys_are_lost() -> Result<Option<String>> {
    let (site, last) = full_journal()?;
    let surveys = site.machine.fold_and_read()?;
    let (seq, records) = surveys.iter().find(|(seq, _)| *seq == last / 2).context("the middle is missing")?;
    let file = site.machine.disk.read(&site.machine.file()).context("no file")?;
    let stands = |number: &usize| {
        let page = file.get(number * page::SIZE..).unwrap_or_default();
        page::holds(page.get(..page::SIZE).unwrap_or_default(), *seq, records)
    };
    let number = page::leaves(&file, true).into_iter().find(stands).context("the middle stands nowhere")?;
    zero(&site.machine, number)?;
    copies(site, last)
}

/// A journal in which keys have moved to their table, closed; and its last survey.
fn full_journal() -> Result<(Site, Seq)> {
    let site = Site::new(ROOM);
    let mut keeper = site.open()?;
    let mut last = 0;
    while ask(&site.machine, "SELECT count(*) FROM keys")? == 0 {
        ensure!(last < TOO_MANY, "no keys went to their table");
        let said = hand_in(&mut keeper, &surveys(last + 1..=last + GROUP))?;
        ensure!(said.iter().all(|said| matches!(said, Outcome::New)), "a survey is not taken");
        if last == 0 {
            note(&mut keeper, Custody::Held { through: HELD })?;
        }
        last += GROUP;
    }
    keeper.close()?;
    site.machine.fold_and_read()?;
    Ok((site, last))
}

fn surveys(seqs: RangeInclusive<Seq>) -> Vec<String> {
    seqs.map(survey).collect()
}

/// The gateway starts, and everything is handed in once more.
fn copies(site: Site, last: Seq) -> Result<Option<String>> {
    let mut keeper = site.open()?;
    ensure!(keeper.findings().len() == 1, "the damage is not found");
    let saved = site.machine.journal()?;
    for first in (HELD + 1..=last).step_by(usize::try_from(GROUP)?) {
        let seqs = first..=last.min(first + GROUP - 1);
        for (seq, said) in seqs.clone().zip(hand_in(&mut keeper, &surveys(seqs))?) {
            if let Some(wrong) = judge(seq, &said, saved.contains_key(&seq))? {
                return Ok(Some(wrong));
            }
        }
    }
    Ok(None)
}

/// Whether it is wrong to say this of a copy.
fn judge(seq: Seq, said: &Outcome, saved: bool) -> Result<Option<String>> {
    Ok(match said {
        Outcome::New if saved => Some(format!("survey {seq} was saved, and a copy of it is taken for new")),
        Outcome::Held if !saved => {
            Some(format!("survey {seq} is lost, and a copy of it is said to be here already"))
        }
        Outcome::New | Outcome::Held => None,
        other => anyhow::bail!("survey {seq}: {}", other.text()),
    })
}

/// The page of that number, counted from zero, becomes zeroes.
fn zero(machine: &Machine, number: usize) -> Result<()> {
    let mut bytes = machine.disk.read(&machine.file()).context("no file")?;
    bytes.iter_mut().skip(number * page::SIZE).take(page::SIZE).for_each(|byte| *byte = 0);
    machine.disk.write(&machine.file(), bytes);
    Ok(())
}

fn ask(machine: &Machine, question: &str) -> Result<i64> {
    Ok(Connection::open(machine.file())?.query_row(question, [], |row| row.get(0))?)
}
