//! What was refused: counted by its reason, and the newest of it kept (P5). One model for a gateway's journal and the
//! cloud's store: at least what was answered and written, at most what was handed in.

use super::{Came, Oracle};
use crate::world::agenda::Millis;
use bytes::Bytes;
use fieldpost_core::{UtcInstant, message};
use fieldpost_gateway::parts::Outcome;
use jiff::tz::TimeZone;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

/// Refused inputs that are kept.
const MAX_KEPT: usize = 1_000;
/// Bytes that are kept of each.
const MAX_RAW: usize = 4_096;
/// Refused inputs of one group that a gateway keeps.
const KEPT_OF_GROUP: usize = 8;
/// They take at most one part in so many of a gateway's journal, each as if it had so many bytes more.
const SHARE: u64 = 8;
const BESIDE: u64 = 1_024;
/// What a gateway counts of its own journal, and others judge.
const OWN: [&str; 4] = ["checksum", "checksum-passed-on", "lost", "refused-by-cloud"];

type Counts = BTreeMap<String, u64>;
/// A reason, and the start of what was refused for it.
type Kept = (String, Rc<[u8]>);

/// What was refused, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    /// Answered, and durable.
    least: Counts,
    /// Handed in.
    most: Counts,
    /// What was last found, and what might have been then: it is durable with the next group that is answered.
    seen: Option<(Counts, Counts)>,
    /// What must be kept, the newest last, unless as many newer ones are.
    kept: VecDeque<Kept>,
    /// Everything that may be kept.
    handed: BTreeSet<Kept>,
}

/// Refusals as they are found in a file.
#[derive(Debug, Default)]
pub struct Refused {
    /// How many by reason.
    pub counts: Counts,
    /// What is kept, the oldest first: its reason and its bytes; None if it did not come from outside.
    pub kept: Vec<Option<(String, Vec<u8>)>>,
    /// The bytes of all that is kept.
    pub bytes: u64,
}

impl Refused {
    /// Whether one more might be too much for what may be kept in `share` bytes.
    fn is_full(&self, share: u64) -> bool {
        let one_more = BESIDE * (self.kept.len() as u64 + 1) + MAX_RAW as u64;
        self.kept.len() >= MAX_KEPT || self.bytes.saturating_add(one_more) > share
    }
}

impl Refusals {
    /// These were refused, and that is durable.
    pub(super) fn refused(&mut self, refused: Vec<Kept>, kept: usize) {
        if let Some((found, could)) = self.seen.take() {
            for (reason, count) in &could {
                let known = found.get(reason).copied().unwrap_or(0);
                let least = self.least.entry(reason.clone()).or_default();
                *least = known.max(*least);
                // What could have been counted by then, and was not, is not counted any more.
                let most = self.most.entry(reason.clone()).or_default();
                *most = most.saturating_sub(count.saturating_sub(known)).max(*least);
            }
        }
        for (reason, _) in &refused {
            *self.least.entry(reason.clone()).or_default() += 1;
            *self.most.entry(reason.clone()).or_default() += 1;
        }
        self.handed.extend(refused.iter().cloned());
        self.kept.extend(refused.into_iter().take(kept));
        let old = self.kept.len().saturating_sub(MAX_KEPT);
        self.kept.drain(..old);
    }

    /// These may have been refused.
    pub(super) fn perhaps(&mut self, refused: Vec<Kept>) {
        for (reason, _) in &refused {
            *self.most.entry(reason.clone()).or_default() += 1;
        }
        self.handed.extend(refused);
    }

    /// Its file is an older one, or a part of it: less may be found than was.
    pub(super) fn put_back(&mut self) {
        self.least.clear();
        self.kept.clear();
        self.seen = None;
    }

    /// Compares; after `damage` less may be found. What is kept takes at most `share` bytes.
    pub(super) fn inspect(&mut self, found: Refused, damaged: bool, share: u64) -> Option<String> {
        if damaged {
            self.put_back();
            // What it keeps may be anything, once.
            let kept = found.kept.iter().flatten();
            self.handed.extend(kept.map(|(reason, raw)| (reason.clone(), Rc::from(raw.as_slice()))));
        }
        let wrong = self.miscounted(&found.counts).or_else(|| self.badly_kept(&found, share));
        self.seen = Some((found.counts, self.most.clone()));
        wrong
    }

    fn miscounted(&self, found: &Counts) -> Option<String> {
        let reasons: BTreeSet<&String> = found.keys().chain(self.least.keys()).collect();
        reasons.into_iter().filter(|reason| !OWN.contains(&reason.as_str())).find_map(|reason| {
            let count = |counts: &Counts| counts.get(reason).copied().unwrap_or(0);
            let (least, is, most) = (count(&self.least), count(found), count(&self.most));
            let wrong = !(least..=most).contains(&is);
            wrong.then(|| format!("{is} are counted as refused for `{reason}`, and {least} to {most} were"))
        })
    }

    fn badly_kept(&self, found: &Refused, share: u64) -> Option<String> {
        if found.kept.len() > MAX_KEPT || found.bytes > share {
            return Some(format!("{} refused inputs of {} bytes are kept", found.kept.len(), found.bytes));
        }
        let known = |(reason, raw): &(String, Vec<u8>)| {
            self.handed.contains(&(reason.clone(), Rc::from(raw.as_slice())))
        };
        let foreign = found.kept.iter().flatten().find(|one| !known(one));
        if let Some((reason, raw)) = foreign {
            return Some(format!("`{}` is kept as refused for `{reason}`, and was not", super::shown(raw)));
        }
        // From the newest back, in order; the oldest may have made room.
        let mut rows = found.kept.iter().flatten().rev();
        let is = |row: &(String, Vec<u8>), due: &Kept| row.0 == due.0 && *row.1 == *due.1;
        let missing = self.kept.iter().rev().find(|due| !rows.any(|row| is(row, due)));
        let missing = missing.filter(|_| !found.is_full(share) || rows_dropped_a_newer(found, &self.kept));
        missing.map(|(reason, raw)| format!("`{}`, refused for `{reason}`, is not kept", super::shown(raw)))
    }
}

/// Whether the newest that must be kept is not, although a full quarantine has to keep it.
fn rows_dropped_a_newer(found: &Refused, kept: &VecDeque<Kept>) -> bool {
    let newest = kept.back();
    newest.is_some_and(|due| !found.kept.iter().flatten().any(|row| row.0 == due.0 && *row.1 == *due.1))
}

/// The start of it, as it is kept.
pub(super) fn start(bytes: &[u8]) -> Rc<[u8]> {
    Rc::from(bytes.get(..MAX_RAW).unwrap_or(bytes))
}

impl Oracle {
    /// A gateway was handed these, and said that of them; None if it died meanwhile. `scant`: it may have lacked room, and then what
    /// it keeps of what it refused has to give way.
    pub fn gateway_refused(
        &mut self,
        gateway: usize,
        came: &[Came],
        said: Option<&[Outcome]>,
        zone: &TimeZone,
        scant: bool,
    ) {
        let open = said.filter(|said| !said.iter().any(|one| matches!(one, Outcome::Unwritten(_))));
        let refusals = &mut self.custody(gateway).refusals;
        if scant {
            refusals.kept.clear();
        }
        let Some(said) = open else {
            let perhaps = came.iter().map(|one| reason(one, zone).unwrap_or_else(|| "full".to_owned()));
            let perhaps = perhaps.zip(came).map(|(reason, one)| (reason, start(&one.bytes)));
            return refusals.perhaps(perhaps.collect());
        };
        let (mut refused, mut full) = (Vec::new(), Vec::new());
        for (one, outcome) in came.iter().zip(said) {
            match outcome {
                Outcome::Refused(text) if text.ends_with("try again later") => {
                    full.push(("full".to_owned(), start(&one.bytes)));
                }
                Outcome::Refused(_) => {
                    refused.extend(reason(one, zone).map(|reason| (reason, start(&one.bytes))));
                }
                _ => {}
            }
        }
        refusals.refused(refused, if scant { 0 } else { KEPT_OF_GROUP });
        refusals.refused(full, 0);
    }

    /// The cloud refused these for these reasons; `durable`: and has written that.
    pub fn cloud_refused(&mut self, refused: &[(&'static str, Bytes)], durable: bool) {
        let refused: Vec<Kept> =
            refused.iter().map(|(reason, bytes)| ((*reason).to_owned(), start(bytes))).collect();
        if durable && !refused.is_empty() {
            let kept = refused.len();
            self.refusals.refused(refused, kept);
        } else {
            self.refusals.perhaps(refused);
        }
    }

    /// The cloud's store was read.
    pub fn cloud_refusals(&mut self, found: Refused) {
        if let Some(wrong) = self.refusals.inspect(found, false, u64::MAX) {
            self.fail(format!("the cloud: {wrong}"));
        }
    }

    /// A gateway's journal, which may take `most` bytes, was read: after `damage` it may have lost some.
    pub fn gateway_refusals(&mut self, gateway: usize, found: Refused, damaged: bool, most: u64) {
        if let Some(wrong) = self.custody(gateway).refusals.inspect(found, damaged, most / SHARE) {
            self.fail(format!("gateway {gateway}: {wrong}"));
        }
    }
}

/// Why a datagram is refused for good, as the shipped reader says; None if it is not.
fn reason(came: &Came, zone: &TimeZone) -> Option<String> {
    if came.bytes.len() > MAX_RAW {
        return Some("too-long".to_owned());
    }
    let received: Millis = came.received;
    let read = message::surveys(&came.bytes, UtcInstant::from_millis(received), zone);
    read.err().map(|refusal| refusal.reason().code().to_owned())
}
