//! What a gateway must have in its journal: every survey that it acknowledged, dated by its first copy (P1, P4).

use crate::world::agenda::{MINUTE, Millis};
use fieldpost_core::{DeviceId, Reading};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// A place in a journal.
pub type Seq = i64;

/// A survey as a journal holds it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Whose it is.
    pub device: DeviceId,
    /// When its first copy came, by the gateway's clock.
    pub received: Millis,
    /// Its readings, in order of time.
    pub readings: Vec<Reading>,
}

impl Row {
    /// Whether both say the same. Where clocks go back a survey can have two lines of one instant; SenML has a record for
    /// each quantity, and does not say which temperature belonged to which moisture then.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let facts = |row: &Self| -> BTreeSet<(Millis, Option<i64>, Option<i64>)> {
            let facts = row.readings.iter().flat_map(|reading| {
                let (time, values) = (reading.time.as_millis(), reading.values);
                let temperature = values.temperature().map(fieldpost_core::Temperature::hundredths);
                let moisture = values.moisture().map(fieldpost_core::Moisture::hundredths);
                [(time, temperature, None), (time, None, moisture)]
            });
            facts.filter(|fact| fact.1.is_some() || fact.2.is_some()).collect()
        };
        self.device == other.device && self.received == other.received && facts(self) == facts(other)
    }
}

/// A row, and why nobody may demand it any more.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) row: Row,
    pub(super) excuse: Option<&'static str>,
    /// It claims to be from the future: the cloud may refuse it for good.
    pub(super) ahead: bool,
}

/// Rows that may or may not have become durable, with the copies that would be known by them.
pub(super) type Limbo = Vec<(Vec<u8>, Millis, Vec<Row>)>;

/// The model of one gateway's journal.
#[derive(Debug, Clone, Default)]
pub struct Custody {
    pub(super) rows: BTreeMap<Seq, Kept>,
    pub(super) last: Seq,
    /// When first copies of a datagram were journaled, the latest last: a day later the same bytes are another one.
    pub(super) copies: BTreeMap<Vec<u8>, Vec<Millis>>,
    pub(super) limbo: Vec<Limbo>,
    /// Set when its file was damaged: what is missing at the next opening was destroyed, not lost.
    pub damaged: bool,
    /// Surveys on parts of a damaged file that were not damaged: these must be saved.
    pub spared: BTreeSet<Seq>,
    /// What it no longer holds may be gone because it was old enough, or room was short.
    pub prunes: bool,
    /// Its clock has jumped, or its memory was damaged: what was seen may be new to it.
    pub forgetful: bool,
    /// Rows that a fault destroyed.
    pub destroyed: u64,
    /// What it refused.
    pub(super) refusals: super::Refusals,
    /// Its rounds.
    pub(super) rounds: super::Rounds,
    /// The true time at which it was last handed something.
    pub(super) truth: Millis,
}

impl Custody {
    /// Whether some group's fate is not known yet.
    #[must_use]
    pub fn in_limbo(&self) -> bool {
        !self.limbo.is_empty()
    }

    /// The last seq given out.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.last
    }

    /// From here on it is another journal: what only the old one had cannot be demanded.
    pub fn abandon(&mut self) {
        let Self { prunes, forgetful, destroyed, .. } = *self;
        *self = Self { prunes, forgetful, destroyed, ..Self::default() };
    }

    /// This row was damaged on the disk.
    pub fn excuse(&mut self, seq: Seq, why: &'static str) {
        if let Some(kept) = self.rows.get_mut(&seq) {
            kept.excuse = Some(why);
            self.destroyed += 1;
        }
    }

    pub(super) fn append(&mut self, rows: Vec<Row>) {
        for row in rows {
            self.last += 1;
            let ahead = row.readings.iter().any(|reading| reading.time.as_millis() > self.truth + 5 * MINUTE);
            self.rows.insert(self.last, Kept { row, excuse: None, ahead });
        }
    }

    /// Rows that are in the journal behind what is known tell which groups in limbo became durable; returns the
    /// datagrams that did.
    pub(super) fn settle(&mut self, found: &BTreeMap<Seq, Row>) -> Vec<Rc<[u8]>> {
        let mut settled = Vec::new();
        for group in std::mem::take(&mut self.limbo) {
            let mut behind = (self.last + 1..).map(|seq| found.get(&seq));
            let mut rows = group.iter().flat_map(|(_, _, rows)| rows);
            let durable = rows.clone().next().is_some()
                && rows.all(|row| behind.next().flatten().is_some_and(|found| found.says_the_same(row)));
            if durable {
                for (key, received, rows) in group {
                    if !rows.is_empty() {
                        settled.push(Rc::from(key.as_slice()));
                        self.copies.entry(key).or_default().push(received);
                    }
                    self.append(rows);
                }
            }
        }
        settled
    }
}
