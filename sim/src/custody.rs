//! Who holds what at a moment: the journal that a killed gateway left behind, beside the cloud's store.

use crate::{
    ledger::{Audit, Ledger},
    system::{self, System},
};
use anyhow::{Context, Result};
use fieldpost_core::{UtcInstant, senml};
use rusqlite::Connection;
use std::{collections::BTreeSet, fs, path::Path};
use tempfile::TempDir;

/// The journal as a gateway would find it if it started now.
#[derive(Debug)]
pub struct Journal {
    /// Its readings, named as [`Audit::lost`] names them.
    pub readings: BTreeSet<String>,
    /// The first survey that is still there, those before it were let go of; 0 if there is none.
    pub first: i64,
}

impl Journal {
    /// Reads the journal of a gateway that is dead, write-ahead log included. Looks at a copy, because to open a journal
    /// is to mend it, which is for the gateway to do.
    ///
    /// # Errors
    /// It is damaged.
    pub fn read(data: &Path) -> Result<Self> {
        let copy = TempDir::new().context("no temporary folder")?;
        for name in ["journal.db", "journal.db-wal"] {
            let (from, to) = (data.join(name), copy.path().join(name));
            if from.exists() {
                fs::copy(&from, to).with_context(|| format!("cannot copy {}", from.display()))?;
            }
        }
        let path = copy.path().join("journal.db");
        system::check_integrity(&path)?;
        let journal = Connection::open(&path)?;
        let mut query = journal.prepare("SELECT seq, records FROM surveys ORDER BY seq")?;
        let mut rows = query.query([])?;
        let (mut readings, mut first) = (BTreeSet::new(), 0_i64);
        while let Some(row) = rows.next()? {
            first = if first == 0 { row.get(0)? } else { first };
            let records: Vec<u8> = row.get(1)?;
            let pack = senml::decode_cbor(&senml::pack([&records[..]]), UtcInstant::LATEST)?;
            for survey in pack.surveys.into_iter().map(|one| one.survey) {
                let device = &survey.device;
                readings
                    .extend(survey.readings.iter().map(|reading| format!("{device} at {}", reading.time)));
            }
        }
        Ok(Self { readings, first })
    }
}

/// What a look at both found.
#[derive(Debug)]
pub struct Look {
    /// The audit of both together: lost is what neither holds.
    pub audit: Audit,
    /// Readings that were acknowledged and are in the journal alone.
    pub journal_alone: usize,
    /// The journal.
    pub journal: Journal,
}

/// Compares the journal of a dead gateway and the cloud's store with the ledger.
///
/// # Errors
/// One of them cannot be read, or is damaged.
pub fn look(system: &System, ledger: &Ledger) -> Result<Look> {
    let journal = Journal::read(&system.gateway_data())?;
    let mut audit = ledger.audit(&system.store())?;
    let missing = audit.lost.len();
    audit.lost.retain(|reading| !journal.readings.contains(reading));
    Ok(Look { journal_alone: missing - audit.lost.len(), audit, journal })
}
