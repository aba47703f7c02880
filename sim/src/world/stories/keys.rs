//! A small journal is full, lets go of what the cloud has, and keeps the keys of all in a table of their own. Then a page becomes zeroes, and
//! the journal is salvaged: of what is in it now copies are known, and of what is nowhere nobody says that it is here.

use super::site::{Site, hand_in, note, survey};
use crate::world::{machine::Machine, oracle::Seq, page};
use anyhow::{Context as _, Result, ensure};
use fieldpost_gateway::parts::{Custody, Outcome};
use rusqlite::Connection;

const SMALL: u64 = 320 << 10;
const LARGE: u64 = 64 << 20;
/// Up to here the cloud holds everything.
const HELD: Seq = 10;
/// Many more than a small journal takes.
const TOO_MANY: Seq = 5_000;

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
    let mut site = Site::new(SMALL);
    let mut keeper = site.open()?;
    for seq in 1..TOO_MANY {
        let taken = matches!(hand_in(&mut keeper, &survey(seq))?, Outcome::New);
        if seq == HELD {
            note(&mut keeper, Custody::Held { through: HELD })?;
        }
        if ask(&site.machine, "SELECT count(*) FROM keys")? > 0 {
            keeper.close()?;
            site.machine.fold_and_read()?;
            site.journal_max = LARGE;
            return Ok((site, if taken { seq } else { seq - 1 }));
        }
        ensure!(taken, "survey {seq} is not taken, and nothing is let go of");
    }
    anyhow::bail!("no keys went to their table")
}

/// The gateway starts, and everything is handed in once more.
fn copies(site: Site, last: Seq) -> Result<Option<String>> {
    let mut keeper = site.open()?;
    ensure!(keeper.findings().len() == 1, "the damage is not found");
    let saved = site.machine.journal()?;
    for seq in HELD + 1..=last {
        let said = hand_in(&mut keeper, &survey(seq))?;
        match said {
            Outcome::New if saved.contains_key(&seq) => {
                return Ok(Some(format!("survey {seq} was saved, and a copy of it is taken for new")));
            }
            Outcome::Held if !saved.contains_key(&seq) => {
                return Ok(Some(format!(
                    "survey {seq} is lost, and a copy of it is said to be here already"
                )));
            }
            Outcome::New | Outcome::Held => {}
            other => anyhow::bail!("survey {seq}: {}", other.text()),
        }
    }
    Ok(None)
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
