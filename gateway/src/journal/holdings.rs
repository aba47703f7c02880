//! What the journal says of each reading in it, for those who check it against the cloud.
//!
//! [`Holdings::open`] looks at the whole journal in one read transaction: how far the cursor stands, what the cloud refused,
//! and which row is of which device. That goes into a temporary table on disk, so that the rows can then be had device
//! by device without holding on to the transaction: a gateway that runs could not fold its log meanwhile. No row is ever
//! updated and no seq used twice, so a row that is read later is as it was; one that was let go of meanwhile is left out.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use fieldpost_core::{DeviceId, Reading, UtcInstant, senml};
use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE, Seq, StoredSurvey, error::Doing, facts, gaps, quarantine, reader::read_row, schema};
use crate::{Error, UplinkState};

/// Damaged surveys of a kind that are named; those beyond are only counted.
const MAX_DAMAGED: usize = 1_000;

const TABLES: &str = "
    PRAGMA temp_store = FILE;
    CREATE TEMP TABLE kept (device TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (device, seq)) WITHOUT ROWID;
    CREATE TEMP TABLE turned_down (seq INTEGER PRIMARY KEY, reason TEXT NOT NULL);";

/// The journal of a gateway as it was at one moment.
pub struct Holdings {
    conn: Connection,
    path: PathBuf,
    held_through: Seq,
    lost: Damaged,
    passed_on: Damaged,
    to_the_minute: bool,
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
        let blank = Self {
            conn,
            path,
            held_through: 0,
            lost: Damaged::default(),
            passed_on: Damaged::default(),
            to_the_minute: true,
        };
        blank.look()
    }

    /// Surveys that the cloud had not acknowledged: rows that do not match their checksum, those that were put into the
    /// quarantine for it, and those of which a salvage found nothing left.
    #[must_use]
    pub fn lost(&self) -> &Damaged {
        &self.lost
    }

    /// Rows that do not match their checksum, and those that were put into the quarantine for it, of surveys that the cloud
    /// had acknowledged.
    #[must_use]
    pub fn damaged_but_passed_on(&self) -> &Damaged {
        &self.passed_on
    }

    /// Whether readings may have reached the cloud by the reference upload, which says times to the minute.
    #[must_use]
    pub fn to_the_minute(&self) -> bool {
        self.to_the_minute
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
        let read = || -> rusqlite::Result<Vec<KeptSurvey>> {
            let mut select = self.conn.prepare_cached(
                "SELECT surveys.seq, received, surveys.device, readings, records, checksum, reason
                 FROM temp.kept JOIN main.surveys ON surveys.seq = kept.seq
                 LEFT JOIN temp.turned_down ON turned_down.seq = kept.seq
                 WHERE kept.device = ?1 ORDER BY kept.seq",
            )?;
            let mut rows = select.query([device.as_str()])?;
            let mut surveys = Vec::new();
            while let Some(row) = rows.next()? {
                let reason: Option<String> = row.get(6)?;
                // It was proven a moment ago; one that no longer is will be named the next time.
                let Some(survey) = read_row(row)? else { continue };
                surveys.extend(self.kept(&survey, reason));
            }
            Ok(surveys)
        };
        Ok(read().doing("read", &self.path)?)
    }

    /// Fills the temporary tables, and looks how far things are.
    fn look(mut self) -> Result<Self, Error> {
        let path = self.path.clone();
        self.try_look().doing("read", &path)?;
        Ok(self)
    }

    fn try_look(&mut self) -> rusqlite::Result<()> {
        let Self { conn, held_through, lost, passed_on, to_the_minute, .. } = self;
        conn.execute_batch(TABLES)?;
        let transaction = conn.unchecked_transaction()?;
        *held_through = facts::integer(&transaction, facts::HELD_THROUGH)?.unwrap_or(0);
        let uplink = facts::text(&transaction, facts::UPLINK)?;
        let target = uplink.and_then(|json| serde_json::from_str::<UplinkState>(&json).ok());
        *to_the_minute = target.is_none_or(|uplink| !uplink.target.starts_with("http"));
        transaction.execute("INSERT INTO temp.turned_down SELECT seq, reason FROM main.refused", [])?;
        set_aside(&transaction, lost, quarantine::DAMAGED, &[quarantine::DAMAGED, gaps::LOST])?;
        set_aside(&transaction, passed_on, quarantine::DAMAGED_PASSED_ON, &[quarantine::DAMAGED_PASSED_ON])?;
        index(&transaction, |survey| {
            let known = quarantine::passed_on(&transaction, survey.seq, *held_through)?;
            if known {
                passed_on.add(survey)
            } else {
                lost.add(survey)
            }
            Ok(())
        })?;
        transaction.commit()
    }

    fn kept(&self, survey: &StoredSurvey, reason: Option<String>) -> Option<KeptSurvey> {
        let fate = match reason {
            Some(reason) => SurveyFate::Refused(reason),
            None if survey.seq <= self.held_through => SurveyFate::Acknowledged,
            None => SurveyFate::Waiting,
        };
        Some(KeptSurvey { seq: survey.seq, fate, readings: readings(survey)? })
    }
}

/// The readings of a survey, joined as the cloud joins them; None if its records cannot be read.
fn readings(survey: &StoredSurvey) -> Option<Vec<Reading>> {
    let pack = senml::pack([survey.records.as_slice()]);
    // It was dated when it came; our clock has no say in it now.
    let pack = senml::decode_cbor(&pack, UtcInstant::LATEST).ok()?;
    Some(pack.surveys.into_iter().flat_map(|one| one.survey.readings).collect())
}

/// Device by device in memory and then into the table in order, a portion at a time.
fn index(
    conn: &Connection,
    mut damaged: impl FnMut(DamagedSurvey) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    const PORTION: usize = 50_000;
    let mut portion: BTreeSet<(DeviceId, Seq)> = BTreeSet::new();
    let flush = |portion: &mut BTreeSet<(DeviceId, Seq)>| -> rusqlite::Result<()> {
        let mut insert = conn.prepare_cached("INSERT INTO temp.kept VALUES (?1, ?2)")?;
        for (device, seq) in std::mem::take(portion) {
            insert.execute(params![device.as_str(), seq])?;
        }
        Ok(())
    };
    let sql = "SELECT seq, received, device, readings, records, checksum FROM main.surveys ORDER BY seq";
    let mut select = conn.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        match read_row(row)? {
            Some(survey) if readings(&survey).is_some() => {
                portion.insert((survey.device, survey.seq));
            }
            _ => damaged(DamagedSurvey { seq: row.get(0)?, device: row.get(2).ok() })?,
        }
        if portion.len() >= PORTION {
            flush(&mut portion)?;
        }
    }
    flush(&mut portion)
}

/// Those that the gateway itself has found: in the quarantine for `reason`, as `quarantine::move_damaged` describes them, and as
/// many more as are `counted`.
fn set_aside(
    conn: &Connection,
    damaged: &mut Damaged,
    reason: &str,
    counted: &[&str],
) -> rusqlite::Result<()> {
    let mut select =
        conn.prepare("SELECT detail FROM quarantine WHERE peer = 'journal' AND reason = ?1 ORDER BY id")?;
    let mut rows = select.query([reason])?;
    while let Some(row) = rows.next()? {
        let detail: String = row.get(0)?;
        let seq = detail.split(' ').find_map(|word| word.parse().ok()).unwrap_or(0);
        damaged.add(DamagedSurvey { seq, device: None });
    }
    // The quarantine keeps the newest only, and of what is lost it has nothing; the counters have all.
    let mut select = conn.prepare("SELECT count FROM refusals WHERE reason = ?1")?;
    let mut sum = 0_u64;
    for reason in counted {
        let count: Option<i64> = select.query_row([reason], |row| row.get(0)).optional()?;
        sum = sum.saturating_add(count.unwrap_or(0).unsigned_abs());
    }
    damaged.count = damaged.count.max(sum);
    Ok(())
}

impl Damaged {
    fn add(&mut self, survey: DamagedSurvey) {
        self.count = self.count.saturating_add(1);
        if self.named.len() < MAX_DAMAGED {
            self.named.push(survey);
        }
    }
}
