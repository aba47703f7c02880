//! One transaction: all uploads that waited, committed together, so that one fsync carries them all.

use super::{
    conflicts, custody, days,
    names::Names,
    outcome::{Kept, Outcome, Stored},
    readings,
    readings::Fate,
    receipts, retention, surveys,
};
use crate::submission::{Origin, Submission};
use fieldpost_core::{
    Refusal, UtcInstant,
    bug::{self, Bug},
};
use rusqlite::Connection;
use std::{collections::BTreeMap, ops::Range};

/// Of a device that is new: when it was heard is written with what it brought.
const NOT_HEARD: i64 = 0;

/// What became of a submission.
pub(super) type Judged = Result<Kept, Refusal>;

/// A submission among the others.
struct Place {
    /// Its place among the batch's rows.
    rows: Range<usize>,
    /// Its journal's mark, as it was before.
    mark: Option<u64>,
}

/// A survey on its way into the tables.
pub(super) struct Span {
    pub(super) device: i64,
    pub(super) gateway: i64,
    /// Its place among the batch's rows.
    pub(super) rows: Range<usize>,
    pub(super) identity: surveys::Identity,
    pub(super) received_at_gateway: Option<UtcInstant>,
    pub(super) received: UtcInstant,
    /// When the device was heard: what waited behind a dead uplink, or comes out of a file, is no sign of life of today.
    pub(super) heard: UtcInstant,
    /// Somebody sends a file by hand: the gateway that brings the device is another.
    pub(super) is_import: bool,
}

/// Collects submissions, and then writes them all.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    devices: &'a mut Names,
    gateways: &'a mut Names,
    rows: Vec<readings::Row>,
    spans: Vec<Span>,
    /// Of each submission, its place, or why it was refused.
    submissions: Vec<Result<Place, Refusal>>,
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
            if first != submission.dated
                && let Err(refusal) = submission.date_by(first)
            {
                self.submissions.push(Err(refusal));
                return Ok(());
            }
        }
        let start = self.rows.len();
        let gateway = self.gateway(submission, now)?;
        let advance = |said| custody::advance(self.connection, gateway, said, now);
        let mark = submission.origin.custody.map(advance).transpose()?;
        for one in &submission.surveys {
            let device = self.devices.id(self.connection, one.survey.device.as_str(), NOT_HEARD)?;
            let first_row = self.rows.len();
            let row = |reading: &fieldpost_core::Reading| readings::Row {
                device,
                time: reading.time,
                values: reading.values,
            };
            self.rows.extend(one.survey.readings.iter().map(row));
            let dated_by = submission.undated.as_ref().map(|_| submission.dated);
            let identity =
                surveys::Identity::of(&submission.origin.gateway, &one.survey, one.received.or(dated_by));
            let is_import = Origin::is_import(&submission.origin.gateway);
            let newest = one.survey.readings.iter().map(|reading| reading.time).max();
            let heard = if is_import { one.received.or(newest) } else { one.received };
            self.spans.push(Span {
                device,
                gateway,
                rows: first_row..self.rows.len(),
                identity,
                received_at_gateway: one.received,
                received: now,
                heard: heard.map_or(now, |heard| heard.min(now).max(UtcInstant::EARLIEST)),
                is_import,
            });
        }
        self.submissions.push(Ok(Place { rows: start..self.rows.len(), mark }));
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

    /// Inserts the rows, but for those that are older than is kept: they would be let go of again within the hour, and whoever was told
    /// that they are new would look for them.
    fn insert(&self) -> rusqlite::Result<Vec<Fate>> {
        let from = retention::kept_from(self.connection)?;
        let is_expired = |row: &readings::Row| from.is_some_and(|from| row.time < from);
        if !self.rows.iter().any(is_expired) {
            return readings::insert(self.connection, &self.rows);
        }
        let kept: Vec<_> = self.rows.iter().filter(|row| !is_expired(row)).copied().collect();
        let mut fates = readings::insert(self.connection, &kept)?.into_iter();
        let fate = |row| if is_expired(row) { None } else { fates.next() };
        Ok(self.rows.iter().map(fate).map(|fate| fate.unwrap_or(Fate::Expired)).collect())
    }

    /// Writes everything; the caller commits.
    pub(super) fn write(self) -> rusqlite::Result<Written> {
        let fates = self.insert()?;
        let mut deltas: BTreeMap<i64, surveys::Delta> = BTreeMap::new();
        let mut held = days::Tally::default();
        for span in &self.spans {
            let rows = self.rows.get(span.rows.clone()).unwrap_or_default();
            let fates = fates.get(span.rows.clone()).unwrap_or_default();
            let recorded = conflicts::record(self.connection, span, rows, fates)?;
            // Nothing of such a survey is there to go by, and it would never be let go of.
            if fates.is_empty() || fates.iter().any(|fate| *fate != Fate::Expired) {
                surveys::record(self.connection, span, Outcome::of(fates))?;
            }
            deltas.entry(span.device).or_default().add(span, rows, fates, recorded);
            held.add(rows, fates);
        }
        held.write(self.connection)?;
        for (device, delta) in &deltas {
            delta.apply(self.connection, *device)?;
        }
        let kept = |place: Place| {
            let rows = if bug::on(Bug::AnswerForAll) { 0..fates.len() } else { place.rows };
            let fates: &[Fate] = fates.get(rows).unwrap_or_default();
            let stored = Stored { outcome: Outcome::of(fates), mark: place.mark };
            Kept { stored, fates: fates.to_vec() }
        };
        Ok(Written {
            judged: self.submissions.into_iter().map(|place| place.map(kept)).collect(),
            added: fates.iter().filter(|fate| **fate == Fate::New).count() as u64,
        })
    }
}
