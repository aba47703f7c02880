//! What a gateway must have in its journal: every survey that it acknowledged, dated by its first copy (P1, P4).

use crate::world::agenda::{HOUR, MINUTE, Millis};
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
    /// The time of its newest reading.
    fn newest(&self) -> Option<Millis> {
        self.readings.iter().map(|reading| reading.time.as_millis()).max()
    }

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

/// Why a row need not be there: another byte in it.
pub(super) const DAMAGED: &str = "damaged";
/// How far a reading may be ahead of the cloud's clock.
const GRACE: Millis = 5 * MINUTE;
/// A survey that the cloud takes for one from the future is offered again 24 times, each an hour after the last one; a clock
/// that is changed may let some of them come early. What was ahead no farther than this has to arrive.
const OFFERED_AGAIN_FOR: Millis = 16 * HOUR;
/// When the cloud would take it, it is offered within this time.
const OFFERED_WITHIN: Millis = 2 * HOUR;

/// A row, and why nobody may demand it any more.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) row: Row,
    pub(super) excuse: Option<&'static str>,
    /// How far its newest reading was ahead of the true time when it came.
    ahead: Millis,
}

impl Kept {
    /// Whether the cloud may refuse it for good, because it claims to be from too far a future.
    pub(super) fn is_hopeless(&self) -> bool {
        self.ahead > OFFERED_AGAIN_FOR
    }

    /// Whether it may be on its way still, or again, at `now`, although nothing goes wrong: it was from the future not long ago.
    pub(super) fn is_early(&self, now: Millis) -> bool {
        let newest = self.row.newest().unwrap_or(Millis::MIN);
        self.ahead > GRACE && newest > now - OFFERED_WITHIN
    }
}

/// Rows that may or may not have become durable, with the copies that would be known by them.
pub(super) type Limbo = Vec<(Vec<u8>, Receipt, Vec<Row>)>;

/// The same bytes within this time are a copy.
const COPY_WINDOW: Millis = 20 * HOUR;

/// When a first copy of a datagram came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt {
    /// By the gateway's clock.
    pub(super) at: Millis,
    /// The gateway may have forgotten it: what was journaled of it was damaged since, or it was too old by its clock, or from a
    /// future, before that was changed.
    pub(super) doubtful: bool,
}

impl Receipt {
    /// Whether the same bytes are a copy when the clock shows that.
    fn is_near(&self, now: Millis) -> bool {
        (-COPY_WINDOW..COPY_WINDOW).contains(&(now - self.at))
    }
}

/// What a gateway must know of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It is a copy.
    Yes,
    /// It is new.
    No,
    /// What it knew it may have forgotten.
    Perhaps,
}

/// The model of one gateway's journal.
#[derive(Debug, Clone, Default)]
pub struct Custody {
    pub(super) rows: BTreeMap<Seq, Kept>,
    pub(super) last: Seq,
    /// When first copies of a datagram were journaled, the latest last: a day later the same bytes are another one.
    pub(super) copies: BTreeMap<Vec<u8>, Vec<Receipt>>,
    pub(super) limbo: Vec<Limbo>,
    /// Set when its file was damaged: what is missing at the next opening was destroyed, not lost.
    pub damaged: bool,
    /// Surveys on parts of a damaged file that were not damaged: these must be saved.
    pub spared: BTreeSet<Seq>,
    /// What it no longer holds may be gone because it was old enough, or room was short.
    pub prunes: bool,
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

    /// Whether something in it was from the future not long before `now`, and so may be passed on, although nothing goes wrong.
    #[must_use]
    pub fn is_early(&self, now: Millis) -> bool {
        self.rows.values().any(|kept| kept.is_early(now))
    }

    /// From here on it is another journal, which knows nothing: what only the old one had cannot be demanded.
    pub fn abandon(&mut self) {
        *self = Self { prunes: self.prunes, ..Self::default() };
    }

    /// The gateway's clock was changed from one time to another: it may have forgotten what was too old by one of them, or from a
    /// future too far away. What is near by both was near by every time that it has shown, and is known.
    pub fn clock_changed(&mut self, from: Millis, to: Millis) {
        self.doubt(|receipt| !receipt.is_near(from) || !receipt.is_near(to));
        self.rounds_begin_at(to);
    }

    /// This row was damaged on the disk. When the gateway finds out, copies of its datagram are new.
    pub fn damage(&mut self, seq: Seq) {
        let Some(kept) = self.rows.get_mut(&seq) else { return };
        kept.excuse = Some(DAMAGED);
        let received = kept.row.received;
        self.doubt(|receipt| receipt.at == received);
    }

    /// When those datagrams were received of which every survey is in the journal: their keys stand beside these.
    pub(super) fn saved(&self, found: &BTreeMap<Seq, Row>) -> BTreeSet<Millis> {
        let is_there =
            |seq: &Seq, kept: &Kept| found.get(seq).is_some_and(|row| row.says_the_same(&kept.row));
        let received = |there: bool| {
            let rows = self.rows.iter().filter(move |(seq, kept)| is_there(seq, kept) == there);
            rows.map(|(_, kept)| kept.row.received)
        };
        let gone: BTreeSet<Millis> = received(false).collect();
        received(true).filter(|at| !gone.contains(at)).collect()
    }

    /// What was received so may have been forgotten.
    pub(super) fn doubt(&mut self, which: impl Fn(&Receipt) -> bool) {
        self.copies.values_mut().flatten().filter(|one| which(one)).for_each(|one| one.doubtful = true);
    }

    /// A datagram comes, of which a first copy may have come before.
    pub(super) fn known(&self, key: &[u8], now: Millis) -> Known {
        let receipts = self.copies.get(key).map(Vec::as_slice).unwrap_or_default();
        match receipts.last() {
            Some(last) if !last.doubtful && last.is_near(now) => Known::Yes,
            _ if receipts.iter().any(|one| one.is_near(now)) => Known::Perhaps,
            _ => Known::No,
        }
    }

    /// Whether this row need not be in the journal although a copy of it is held: nobody has noticed the damage yet, or the
    /// cloud would not have it, for it claims to be from the future.
    pub(super) fn excuses(&self, row: &Row) -> bool {
        let excused = |kept: &Kept| kept.excuse == Some(DAMAGED) || kept.is_hopeless();
        self.rows.values().any(|kept| excused(kept) && kept.row.says_the_same(row))
    }

    pub(super) fn append(&mut self, rows: Vec<Row>) {
        for row in rows {
            self.last += 1;
            let ahead = row.newest().map_or(0, |newest| newest - self.truth);
            self.rows.insert(self.last, Kept { row, excuse: None, ahead });
        }
    }

    /// Rows that are in the journal behind what is known tell which groups in limbo became durable; returns the
    /// datagrams that did. Unless the journal was opened since, or written, the others may still: a log that could not be synced has
    /// them, and whoever opens it next reads it.
    pub(super) fn settle(&mut self, found: &BTreeMap<Seq, Row>, decided: bool) -> Vec<Rc<[u8]>> {
        let mut settled = Vec::new();
        for group in std::mem::take(&mut self.limbo) {
            let mut behind = (self.last + 1..).map(|seq| found.get(&seq));
            let mut rows = group.iter().flat_map(|(_, _, rows)| rows);
            let durable = rows.clone().next().is_some()
                && rows.all(|row| behind.next().flatten().is_some_and(|found| found.says_the_same(row)));
            if durable {
                for (key, receipt, rows) in group {
                    if !rows.is_empty() {
                        settled.push(Rc::from(key.as_slice()));
                        self.copies.entry(key).or_default().push(receipt);
                    }
                    self.append(rows);
                }
            } else if !decided {
                self.limbo.push(group);
            }
        }
        settled
    }
}
