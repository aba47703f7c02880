//! What is known of the journal as a whole, in one short transaction after everything else was looked at.

use std::collections::{BTreeMap, BTreeSet};

use fieldpost_core::DeviceId;
use rusqlite::Connection;

use super::{
    super::{Seq, facts, gaps, quarantine},
    Damaged, DamagedSurvey, Settled,
};
use crate::UplinkState;

/// Who is said to have sent what the journal itself put into the quarantine.
const OURSELVES: &str = "journal";
/// What is counted beside refused input.
const NO_INPUT: [&str; 4] =
    [quarantine::DAMAGED, quarantine::DAMAGED_PASSED_ON, gaps::LOST, quarantine::REFUSED_BY_CLOUD];
/// The counter of copies.
const COPIES: &str = "copies";

/// Draws together what was looked at. The cursor is read here and not before.
pub(super) fn settle(conn: &Connection) -> rusqlite::Result<Settled> {
    let read = conn.unchecked_transaction()?;
    let held = facts::integer(&read, facts::HELD_THROUGH)?.unwrap_or(0);
    read.execute("INSERT INTO temp.turned_down SELECT seq, reason FROM main.refused", [])?;
    let quarantined = quarantined(&read)?;
    let counts = counts(&read, "SELECT reason, count FROM main.refusals")?;
    let (mut lost, mut passed_on) = (Damaged::default(), Damaged::default());
    let counted = gaps::known(&read)?;
    counted.iter().for_each(|(first, last)| lost.add_all(*first, *last, &quarantined));
    // The quarantine keeps the newest only, and not every gap is remembered; the counters have all.
    set_aside(&mut lost, &quarantined.lost, &counts, &[quarantine::DAMAGED, gaps::LOST]);
    set_aside(&mut passed_on, &quarantined.passed_on, &counts, &[quarantine::DAMAGED_PASSED_ON]);
    unproven(&read, held, &quarantined, &mut lost, &mut passed_on)?;
    gone(&read, held, &counted, &quarantined, &mut lost)?;
    lost.named.sort_by_key(|survey| survey.seq);
    let settled = Settled {
        held_through: held,
        lost,
        passed_on,
        to_the_minute: to_the_minute(&read)?,
        roster: roster(&read)?,
        refused_inputs: counts
            .into_iter()
            .filter(|(reason, _)| !NO_INPUT.contains(&reason.as_str()))
            .collect(),
        refused_of: quarantined.inputs,
        copies: self::counts(&read, "SELECT name, count FROM main.counters")?.remove(COPIES).unwrap_or(0),
    };
    read.commit()?;
    Ok(settled)
}

/// What the quarantine tells.
#[derive(Default)]
struct Quarantine {
    /// Damaged surveys that were not passed on, and that were.
    lost: BTreeSet<Seq>,
    passed_on: BTreeSet<Seq>,
    /// Surveys that the cloud refused, which were old.
    refused: BTreeSet<Seq>,
    /// Refused inputs, by the devices that they name.
    inputs: BTreeMap<DeviceId, u64>,
}

impl Quarantine {
    fn knows(&self, seq: Seq) -> bool {
        [&self.lost, &self.passed_on, &self.refused].iter().any(|kind| kind.contains(&seq))
    }
}

fn quarantined(conn: &Connection) -> rusqlite::Result<Quarantine> {
    let mut select = conn.prepare("SELECT peer, reason, detail, raw FROM main.quarantine ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut found = Quarantine::default();
    while let Some(row) = rows.next()? {
        let (peer, reason, detail): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if peer != OURSELVES {
            for device in named(&row.get::<_, Vec<u8>>(3)?) {
                *found.inputs.entry(device).or_default() += 1;
            }
            continue;
        }
        // As `quarantine::move_damaged` and the journal's pruning describe them.
        let Some(seq) = detail.split(' ').find_map(|word| word.parse().ok()) else { continue };
        match reason.as_str() {
            quarantine::DAMAGED => drop(found.lost.insert(seq)),
            quarantine::DAMAGED_PASSED_ON => drop(found.passed_on.insert(seq)),
            quarantine::REFUSED_BY_CLOUD => drop(found.refused.insert(seq)),
            _ => {}
        }
    }
    Ok(found)
}

/// The devices that refused input names: the first word of a line, each once.
fn named(raw: &[u8]) -> BTreeSet<DeviceId> {
    let text = String::from_utf8_lossy(raw);
    text.lines().filter_map(|line| DeviceId::new(line.split_whitespace().next()?).ok()).collect()
}

fn counts(conn: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut select = conn.prepare(sql)?;
    select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?.collect()
}

/// Those that the gateway itself has found: in the quarantine, and as many more as are counted.
fn set_aside(damaged: &mut Damaged, named: &BTreeSet<Seq>, counts: &BTreeMap<String, u64>, reasons: &[&str]) {
    named.iter().for_each(|seq| damaged.add(DamagedSurvey { seq: *seq, device: None }));
    let counted = reasons.iter().filter_map(|reason| counts.get(*reason));
    damaged.count = damaged.count.max(counted.fold(0, |sum, count| sum.saturating_add(*count)));
}

/// Rows that do not match their checksum, unless a gateway that runs has moved them to the quarantine meanwhile.
fn unproven(
    conn: &Connection,
    held: Seq,
    known: &Quarantine,
    lost: &mut Damaged,
    passed_on: &mut Damaged,
) -> rusqlite::Result<()> {
    let mut select = conn.prepare("SELECT seq, device FROM temp.unproven ORDER BY seq")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let survey = DamagedSurvey { seq: row.get(0)?, device: row.get(1)? };
        if known.knows(survey.seq) {
            continue;
        }
        let damaged =
            if quarantine::passed_on(conn, survey.seq, held)? { &mut *passed_on } else { &mut *lost };
        damaged.add(survey);
    }
    Ok(())
}

/// Seqs behind the cursor that are nowhere: none is let go of before it was passed on. After a cloud went back to a backup the cursor
/// stands where that ends, and what lies behind it and is gone, the cloud has no more.
fn gone(
    conn: &Connection,
    held: Seq,
    counted: &[gaps::Gap],
    known: &Quarantine,
    lost: &mut Damaged,
) -> rusqlite::Result<()> {
    let mut select = conn.prepare("SELECT first, last FROM temp.gaps WHERE last > ?1 ORDER BY first")?;
    let mut rows = select.query([held])?;
    while let Some(row) = rows.next()? {
        let (first, last): (Seq, Seq) = (row.get(0)?, row.get(1)?);
        let mut next = first.max(held.saturating_add(1));
        for (from, to) in counted {
            if *to >= next && *from <= last {
                lost.add_all(next, from.saturating_sub(1), known);
                next = to.saturating_add(1);
            }
        }
        lost.add_all(next, last, known);
    }
    Ok(())
}

impl Damaged {
    /// Adds every survey from the first seq to the last one that is not in the quarantine.
    fn add_all(&mut self, first: Seq, last: Seq, known: &Quarantine) {
        let mut seqs = (first..=last).filter(|seq| !known.knows(*seq));
        let mut all = u64::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0);
        let kinds = [&known.lost, &known.passed_on, &known.refused];
        if first <= last {
            let within = kinds.iter().map(|kind| kind.range(first..=last).count() as u64);
            all = all.saturating_sub(within.sum());
        }
        while self.named.len() < super::MAX_DAMAGED {
            let Some(seq) = seqs.next() else { break };
            self.named.push(DamagedSurvey { seq, device: None });
        }
        self.count = self.count.saturating_add(all);
    }
}

fn to_the_minute(conn: &Connection) -> rusqlite::Result<bool> {
    let uplink = facts::text(conn, facts::UPLINK)?;
    let uplink = uplink.and_then(|json| serde_json::from_str::<UplinkState>(&json).ok());
    Ok(uplink.is_none_or(|uplink| !uplink.target.starts_with("http")))
}

fn roster(conn: &Connection) -> rusqlite::Result<Vec<DeviceId>> {
    let text = facts::text(conn, facts::ROSTER)?.unwrap_or_default();
    let ids: Vec<String> = serde_json::from_str(&text).unwrap_or_default();
    let mut roster: Vec<_> = ids.iter().filter_map(|id| DeviceId::new(id).ok()).collect();
    roster.sort();
    roster.dedup();
    Ok(roster)
}
