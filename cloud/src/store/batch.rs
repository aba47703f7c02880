//! One transaction: all uploads that waited, committed together, so that one fsync carries them all.

use super::{conflicts, names::Names, readings, readings::Fate, receipts, surveys};
use crate::submission::Submission;
use fieldpost_core::{Refusal, UtcInstant};
use rusqlite::Connection;
use std::{collections::BTreeMap, ops::Range};

/// What became of an upload's readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Readings that were not held, or filled in a value that was missing.
    pub new: u64,
    /// Readings that were held already.
    pub duplicate: u64,
    /// Readings that contradict what is held; what is held stays.
    pub conflict: u64,
}

impl Outcome {
    pub(super) fn of(fates: &[Fate]) -> Self {
        let mut outcome = Self::default();
        for fate in fates {
            match fate {
                Fate::New | Fate::Filled => outcome.new += 1,
                Fate::Duplicate => outcome.duplicate += 1,
                Fate::Conflict => outcome.conflict += 1,
            }
        }
        outcome
    }
}

/// What became of a submission, reading by reading in the order in which they stand in it.
pub(super) type Judged = Result<Vec<Fate>, Refusal>;

/// A survey on its way into the tables.
pub(super) struct Span {
    pub(super) device: i64,
    pub(super) gateway: i64,
    /// Its place among the batch's rows.
    pub(super) rows: Range<usize>,
    pub(super) identity: surveys::Identity,
    pub(super) received_at_gateway: Option<UtcInstant>,
    pub(super) received: UtcInstant,
}

/// Collects submissions, and then writes them all.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    devices: &'a mut Names,
    gateways: &'a mut Names,
    rows: Vec<readings::Row>,
    spans: Vec<Span>,
    /// Of each submission, its place among the rows, or why it was refused.
    submissions: Vec<Result<Range<usize>, Refusal>>,
}

/// What was written.
pub(super) struct Written {
    /// What became of each submission, in order.
    pub(super) judged: Vec<Judged>,
    /// Readings that the store holds more than before.
    pub(super) added: u64,
}

impl<'a> Batch<'a> {
    /// An empty batch, for the transaction that is open on `connection`.
    pub(super) fn new(connection: &'a Connection, devices: &'a mut Names, gateways: &'a mut Names) -> Self {
        Self { connection, devices, gateways, rows: Vec::new(), spans: Vec::new(), submissions: Vec::new() }
    }

    /// Adds a submission, dated by its first copy.
    pub(super) fn add(&mut self, submission: &mut Submission) -> rusqlite::Result<()> {
        let now = submission.received;
        if let Some(undated) = &submission.undated {
            let first = receipts::first(self.connection, undated, now)?;
            if first != now
                && let Err(refusal) = submission.date_by(first)
            {
                self.submissions.push(Err(refusal));
                return Ok(());
            }
        }
        let start = self.rows.len();
        let gateway = self.gateway(submission, now)?;
        for one in &submission.surveys {
            let device = self.devices.id(self.connection, one.survey.device.as_str(), now.as_millis())?;
            let first_row = self.rows.len();
            let row = |reading: &fieldpost_core::Reading| readings::Row {
                device,
                time: reading.time,
                values: reading.values,
            };
            self.rows.extend(one.survey.readings.iter().map(row));
            let dated_by = submission.undated.as_ref().map(|_| submission.received);
            let identity =
                surveys::Identity::of(&submission.origin.gateway, &one.survey, one.received.or(dated_by));
            self.spans.push(Span {
                device,
                gateway,
                rows: first_row..self.rows.len(),
                identity,
                received_at_gateway: one.received,
                received: now,
            });
        }
        self.submissions.push(Ok(start..self.rows.len()));
        Ok(())
    }

    fn gateway(&mut self, submission: &Submission, now: UtcInstant) -> rusqlite::Result<i64> {
        let gateway = self.gateways.id(self.connection, &submission.origin.gateway, now.as_millis())?;
        let zone = submission.origin.time_zone.as_ref().and_then(jiff::tz::TimeZone::iana_name);
        self.connection
            .prepare_cached(
                "UPDATE gateways SET last_contact = max(last_contact, ?2), time_zone = ifnull(?3, time_zone)
                 WHERE id = ?1",
            )?
            .execute((gateway, now.as_millis(), zone))?;
        Ok(gateway)
    }

    /// Writes everything; the caller commits.
    pub(super) fn write(self) -> rusqlite::Result<Written> {
        let fates = readings::insert(self.connection, &self.rows)?;
        let mut deltas: BTreeMap<i64, surveys::Delta> = BTreeMap::new();
        for span in &self.spans {
            let rows = self.rows.get(span.rows.clone()).unwrap_or_default();
            let fates = fates.get(span.rows.clone()).unwrap_or_default();
            let recorded = conflicts::record(self.connection, span, rows, fates)?;
            surveys::record(self.connection, span, Outcome::of(fates))?;
            deltas.entry(span.device).or_default().add(span, rows, fates, recorded);
        }
        for (device, delta) in &deltas {
            delta.apply(self.connection, *device)?;
        }
        let judged = |rows: Range<usize>| fates.get(rows).unwrap_or_default().to_vec();
        Ok(Written {
            judged: self.submissions.into_iter().map(|rows| rows.map(judged)).collect(),
            added: fates.iter().filter(|fate| **fate == Fate::New).count() as u64,
        })
    }
}
