//! What is in a gateway's journal when it is looked at, and what was said of what is not (P1, P10).

use super::{
    Oracle,
    custody::{Kept, Row, Seq},
};
use crate::world::agenda::{DAY, Millis};
use fieldpost_gateway::parts::Finding;
use std::collections::BTreeMap;

/// A journal as it was found, and what its gateway says of it.
#[derive(Debug)]
pub struct Opened<'a> {
    /// Its place among the gateways.
    pub gateway: usize,
    /// It was just opened: what is not in it by now never will be.
    pub started: bool,
    /// Its clock.
    pub now: Millis,
    /// The rows that can be read.
    pub found: &'a BTreeMap<Seq, Row>,
    /// The last survey, as the gateway says.
    pub last: Seq,
    /// Its cursor.
    pub held_through: Seq,
    /// The last survey of a closed round.
    pub closed_through: Seq,
    /// What it said of damage since it was last looked at.
    pub findings: &'a [Finding],
}

impl Oracle {
    /// A gateway's journal was looked at, after it was opened or later.
    pub fn opened(&mut self, journal: &Opened<'_>) {
        let Opened { gateway, now, found, last, .. } = *journal;
        let settled = self.custody(gateway).settle(found, journal.started);
        self.journaled.extend(settled);
        let (shelf, Some(custody)) = (&self.shelf, self.custodies.get_mut(gateway)) else { return };
        let delivered = |row: &Row| row.readings.iter().all(|reading| shelf.has(&row.device, reading));
        let (damaged, prunes) = (std::mem::take(&mut custody.damaged), custody.prunes);
        let mut lost = Vec::new();
        let mut gone = Vec::new();
        for (seq, kept) in custody.rows.iter().filter(|(_, kept)| kept.excuse.is_none()) {
            match found.get(seq) {
                Some(row) if row.says_the_same(&kept.row) => {}
                None if (prunes || now - kept.row.received > DAY * 29)
                    && (kept.is_hopeless() || delivered(&kept.row)) => {}
                _ if damaged && !custody.spared.contains(seq) => gone.push(*seq),
                Some(row) => lost.push(format!("survey {seq} became {row:?}, and was {:?}", kept.row)),
                None => lost.push(format!("survey {seq} is lost: {:?}", kept.row)),
            }
        }
        let foreign = found
            .iter()
            .find(|(seq, _)| !custody.rows.contains_key(seq))
            .map(|(seq, row)| format!("survey {seq} is from nowhere: {row:?}"));
        custody.spared.clear();
        for seq in &gone {
            custody.rows.entry(*seq).and_modify(|kept| kept.excuse = Some("destroyed"));
        }
        if damaged {
            custody.last = last;
            custody.rows.retain(|seq, _| *seq <= last);
            // Of the others the gateway may not know any more which datagrams they were.
            let saved = custody.saved(found);
            custody.doubt(|receipt| !saved.contains(&receipt.at));
        }
        let last_is = custody.last;
        let untold = journal.untold(damaged, &gone);
        if let Some(first) = lost.into_iter().chain(foreign).chain(untold).next() {
            return self.fail(format!("gateway {gateway}: {first}"));
        }
        if last != last_is {
            self.fail(format!("gateway {gateway}: its last survey is {last}, and should be {last_is}"));
        }
    }

    /// Every survey in a gateway's custody has reached the cloud, `now`.
    pub fn all_delivered(&mut self, gateway: usize, now: Millis) {
        let shelf = &self.shelf;
        let Some(custody) = self.custodies.get(gateway) else { return };
        let excused = |kept: &Kept| kept.excuse.is_some() || kept.is_hopeless() || kept.is_early(now);
        let due = custody.rows.iter().filter(|(_, kept)| !excused(kept));
        let missing = due.into_iter().find_map(|(seq, Kept { row, .. })| {
            let missing = row.readings.iter().find(|reading| !shelf.has(&row.device, reading))?;
            let received = super::shown_time(row.received);
            Some(format!(
                "acknowledged and missing: {} of {} at {} (survey {seq} of gateway {gateway}, received {received})",
                missing.values, row.device, missing.time
            ))
        });
        if let Some(missing) = missing {
            self.fail(missing);
        }
    }
}

impl Opened<'_> {
    /// What the gateway should have said of damage, or should not. How much a damaged file held is known as far as its cursor
    /// and its newest row tell: what is gone between them was not passed on, and is to be counted; what else is
    /// gone, if any is, is at least to be said.
    fn untold(&self, damaged: bool, gone: &[Seq]) -> Option<String> {
        let Self { found, held_through, findings, .. } = self;
        if !damaged && !findings.is_empty() {
            return Some(format!("it says {findings:?}, and nothing was damaged"));
        }
        if !gone.is_empty() && findings.is_empty() {
            return Some(format!("surveys {gone:?} of its damaged journal are gone, and it did not say so"));
        }
        let newest = found.keys().next_back().copied().unwrap_or(0);
        let waited = gone.iter().filter(|seq| **seq > *held_through && **seq < newest).count() as u64;
        let told: u64 = findings.iter().map(|finding| finding.lost + finding.damaged).sum();
        if told < waited {
            return Some(format!(
                "of surveys {gone:?}, which are gone, {waited} were not passed on, and it says {findings:?}"
            ));
        }
        let (last, saved) = (findings.last()?, found.len() as u64);
        let known =
            (*held_through + 1..=newest.max(self.closed_through)).filter(|seq| !found.contains_key(seq));
        let missing = known.count() as u64;
        (last.saved != saved || last.lost > missing)
            .then(|| format!("{saved} surveys are saved and {missing} are not there, and it says {last:?}"))
    }
}
