//! What the journal says of each reading in it, for those who check it against the cloud.
//!
//! [`Holdings::open`] goes through the whole journal a portion at a time, each read by one short statement (`look.rs`), and notes in
//! temporary tables on disk which row is of which device, what is damaged, and which seqs are gone. Only then, in one short
//! transaction, it looks how far the cursor stands and what the cloud refused (`settle.rs`). Between any two of these a gateway that runs
//! folds its log: one transaction around all of it would keep a journal that is nearly full from folding, and so from taking surveys.
//!
//! What goes on meanwhile does no harm. No row is ever updated and no seq used twice, so a row that is read later is as it was; one
//! that was let go of meanwhile is left out. The cursor is read last, so it has passed every gap that was made by letting go.

mod look;
mod settle;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use fieldpost_core::{DeviceId, Reading, UtcInstant, senml};
use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE, Seq, StoredSurvey, error::Doing, reader::read_row, schema};
use crate::Error;

/// Damaged surveys of a kind that are named; those beyond are only counted.
const MAX_DAMAGED: usize = 1_000;
/// Rows that one statement reads, of some kilobytes at most: milliseconds, in which the log cannot be folded.
const PORTION: usize = 1_000;

/// The journal of a gateway as it was at one moment.
pub struct Holdings {
    conn: Connection,
    path: PathBuf,
    settled: Settled,
}

/// What is known of the journal as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Settled {
    held_through: Seq,
    lost: Damaged,
    passed_on: Damaged,
    to_the_minute: bool,
    roster: Vec<DeviceId>,
    refused_inputs: BTreeMap<String, u64>,
    refused_of: BTreeMap<DeviceId, u64>,
    copies: u64,
}

/// Surveys that were acknowledged and cannot be trusted any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damaged {
    /// The first of them that can be named, in order; at most 1,000.
    pub named: Vec<DamagedSurvey>,
    /// How many there are in all.
    pub count: u64,
}

/// A survey that does not match its checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedSurvey {
    /// Its place in the journal.
    pub seq: i64,
    /// Whose it says it is, which may be damaged too.
    pub device: Option<String>,
}

/// A survey in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSurvey {
    /// Its place in the journal.
    pub seq: i64,
    /// What became of it.
    pub fate: SurveyFate,
    /// Its readings, in order of time, as the cloud reads them.
    pub readings: Vec<Reading>,
}

/// What became of a survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SurveyFate {
    /// The cloud has acknowledged it.
    Acknowledged,
    /// The cloud has refused it, for this reason.
    Refused(String),
    /// The cloud has not acknowledged it yet.
    Waiting,
}

impl Holdings {
    /// Looks into the data folder of a gateway, which may be running.
    ///
    /// # Errors
    /// When there is no journal, or it cannot be read.
    pub fn open(data: &Path) -> Result<Self, Error> {
        let path = data.join(FILE);
        if !path.is_file() {
            return Err(Error::NoJournal { path: data.to_path_buf() });
        }
        let conn = schema::open_reader(&path)?;
        let settled = look::at(&conn, PORTION, || {}).and_then(|()| settle::settle(&conn));
        let settled = settled.doing("read", &path)?;
        Ok(Self { conn, path, settled })
    }

    /// Surveys that the cloud had not acknowledged: rows that do not match their checksum, those that were put into the
    /// quarantine for it, and those of which nothing is left, found so by a salvage or only now.
    #[must_use]
    pub fn lost(&self) -> &Damaged {
        &self.settled.lost
    }

    /// Rows that do not match their checksum, and those that were put into the quarantine for it, of surveys that the cloud
    /// had acknowledged.
    #[must_use]
    pub fn damaged_but_passed_on(&self) -> &Damaged {
        &self.settled.passed_on
    }

    /// Whether readings go to the cloud by the reference upload, which says times to the minute.
    #[must_use]
    pub fn to_the_minute(&self) -> bool {
        self.settled.to_the_minute
    }

    /// Whom the gateway expects in every round, in order.
    #[must_use]
    pub fn roster(&self) -> &[DeviceId] {
        &self.settled.roster
    }

    /// How often the gateway refused what came to it, by reason, since the journal was made.
    #[must_use]
    pub fn refused_inputs(&self) -> &BTreeMap<String, u64> {
        &self.settled.refused_inputs
    }

    /// Of the newest inputs that the gateway refused and still keeps, those that name `device`.
    #[must_use]
    pub fn refused_inputs_of(&self, device: &DeviceId) -> u64 {
        self.settled.refused_of.get(device).copied().unwrap_or(0)
    }

    /// Copies of what it had that the gateway recognised and did not pass on, in datagrams.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.settled.copies
    }

    /// The first device behind `after`, in the order of their ids, that has surveys here.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn next_device(&self, after: Option<&DeviceId>) -> Result<Option<DeviceId>, Error> {
        let after = after.map_or("", DeviceId::as_str);
        let read = || {
            let sql = "SELECT device FROM temp.kept WHERE device > ?1 ORDER BY device LIMIT 1";
            let mut select = self.conn.prepare_cached(sql)?;
            select.query_row([after], |row| row.get::<_, String>(0)).optional()
        };
        // Only rows whose device is an id are in the table.
        Ok(read().doing("read", &self.path)?.and_then(|id| DeviceId::new(&id).ok()))
    }

    /// The surveys of a device, in the order in which they came.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn surveys(&self, device: &DeviceId) -> Result<Vec<KeptSurvey>, Error> {
        let (mut surveys, mut after) = (Vec::new(), 0);
        loop {
            let portion = self.portion(device, after).doing("read", &self.path)?;
            let Some(last) = portion.last() else { return Ok(surveys) };
            after = last.0;
            for (_, survey, reason) in portion {
                // It was proven a moment ago; one that no longer is will be named the next time.
                surveys.extend(survey.and_then(|survey| self.kept(&survey, reason)));
            }
        }
    }

    /// Rows of a device behind `after`: where, what, and why the cloud would not have it.
    fn portion(&self, device: &DeviceId, after: Seq) -> rusqlite::Result<Vec<Found>> {
        let mut select = self.conn.prepare_cached(
            "SELECT surveys.seq, received, surveys.device, readings, records, checksum, reason
             FROM temp.kept JOIN main.surveys ON surveys.seq = kept.seq
             LEFT JOIN temp.turned_down ON turned_down.seq = kept.seq
             WHERE kept.device = ?1 AND kept.seq > ?2 ORDER BY kept.seq LIMIT ?3",
        )?;
        let rows = select.query_map(params![device.as_str(), after, PORTION as i64], |row| {
            Ok((row.get(0)?, read_row(row)?, row.get(6)?))
        })?;
        rows.collect()
    }

    fn kept(&self, survey: &StoredSurvey, reason: Option<String>) -> Option<KeptSurvey> {
        let fate = match reason {
            Some(reason) => SurveyFate::Refused(reason),
            None if survey.seq <= self.settled.held_through => SurveyFate::Acknowledged,
            None => SurveyFate::Waiting,
        };
        Some(KeptSurvey { seq: survey.seq, fate, readings: readings(survey)? })
    }
}

/// A row: its seq, its survey if it is proven, and the reason if the cloud refused it.
type Found = (Seq, Option<StoredSurvey>, Option<String>);

/// The readings of a survey, joined as the cloud joins them; None if its records cannot be read.
fn readings(survey: &StoredSurvey) -> Option<Vec<Reading>> {
    let pack = senml::pack([survey.records.as_slice()]);
    // It was dated when it came; our clock has no say in it now.
    let pack = senml::decode_cbor(&pack, UtcInstant::LATEST).ok()?;
    Some(pack.surveys.into_iter().flat_map(|one| one.survey.readings).collect())
}

impl Damaged {
    fn add(&mut self, survey: DamagedSurvey) {
        self.count = self.count.saturating_add(1);
        if self.named.len() < MAX_DAMAGED {
            self.named.push(survey);
        }
    }
}
