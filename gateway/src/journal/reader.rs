//! The journal as the uplink reads it, beside the writer.

use std::path::{Path, PathBuf};

use fieldpost_core::{
    DeviceId, UtcInstant,
    bug::{self, Bug},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{FILE, JournalError, Seq, StoredSurvey, error::Doing, row, schema};

/// A read-only connection of its own.
pub struct Reader {
    conn: Connection,
    path: PathBuf,
}

/// What stands next in the journal.
#[derive(Debug, PartialEq, Eq)]
pub enum Page {
    /// Nothing.
    Empty,
    /// Surveys, in order, each proven by its checksum.
    Surveys(Vec<StoredSurvey>),
    /// A row that does not match its checksum.
    Damaged(Seq),
}

impl Reader {
    /// Opens the journal in `folder`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(FILE);
        Ok(Self { conn: schema::open_reader(&path)?, path })
    }

    /// The surveys behind `after` up to `through`: at most `max`, and at most `max_bytes` unless one alone is more.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn page(&self, after: Seq, through: Seq, max: usize, max_bytes: usize) -> Result<Page, JournalError> {
        self.read_page(after, through, max, max_bytes).doing("read", &self.path)
    }

    fn read_page(&self, after: Seq, through: Seq, max: usize, max_bytes: usize) -> rusqlite::Result<Page> {
        // The limit is not bound: SQLite plans by it, and prepares the statement anew whenever it is.
        let mut select = self.conn.prepare_cached(&format!(
            "SELECT seq, received, device, readings, records, checksum FROM surveys
             WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT {}",
            i64::try_from(max).unwrap_or(i64::MAX)
        ))?;
        let mut rows = select.query([after, through])?;
        let (mut surveys, mut bytes) = (Vec::new(), 0_usize);
        while let Some(row) = rows.next()? {
            let Some(survey) = read_row(row)? else {
                // What comes before it goes first.
                return if surveys.is_empty() {
                    row.get(0).map(Page::Damaged)
                } else {
                    Ok(Page::Surveys(surveys))
                };
            };
            bytes = bytes.saturating_add(survey.records.len());
            if bytes > max_bytes && !surveys.is_empty() {
                break;
            }
            surveys.push(survey);
        }
        Ok(if surveys.is_empty() { Page::Empty } else { Page::Surveys(surveys) })
    }

    /// A survey that the cloud refused and that is to be offered once more. If that was at a time which is still to come, our
    /// clock was ahead of this one, perhaps by years: then no hour that it named is waited for.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn again(&self, now: UtcInstant) -> Result<Option<StoredSurvey>, JournalError> {
        let sql =
            "SELECT seq, received, device, readings, records, checksum FROM refused JOIN surveys USING (seq)
                   WHERE again <= ?1 OR (again IS NOT NULL AND at > ?2) ORDER BY seq";
        let read = || {
            let mut select = self.conn.prepare_cached(sql)?;
            // A damaged one is not to stand in the way of those behind it.
            let ahead_of = if bug::on(Bug::AgainByThatClock) { UtcInstant::LATEST } else { now };
            let proven = select
                .query_map([now.as_millis(), ahead_of.as_millis()], read_row)?
                .find_map(Result::transpose);
            proven.transpose()
        };
        read().doing("read", &self.path)
    }

    /// How often the cloud has refused the survey.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn tries(&self, seq: Seq) -> Result<u32, JournalError> {
        let read = || {
            let mut select = self.conn.prepare_cached("SELECT tries FROM refused WHERE seq = ?1")?;
            select.query_row([seq], |row| row.get(0)).optional()
        };
        Ok(read().doing("read", &self.path)?.unwrap_or(0))
    }
}

/// A row `seq, received, device, readings, records, checksum`; None if the checksum does not match.
pub(super) fn read_row(row: &Row<'_>) -> rusqlite::Result<Option<StoredSurvey>> {
    let fields = || {
        let received: i64 = row.get(1)?;
        let device: String = row.get(2)?;
        let (readings, records): (u32, Vec<u8>) = (row.get(3)?, row.get(4)?);
        Ok((received, device, readings, records, row.get::<_, i64>(5)?))
    };
    let seq = row.get(0)?;
    // Fields of the wrong type are no more than damaged.
    let fields: rusqlite::Result<_> = fields();
    let Ok((received, device, readings, records, checksum)) = fields else { return Ok(None) };
    let proven = row::checksum(seq, received, &device, readings, &records) == checksum;
    if !proven && !bug::on(Bug::IgnoreChecksum) {
        return Ok(None);
    }
    let Ok(device) = DeviceId::new(&device) else { return Ok(None) };
    Ok(Some(StoredSurvey { seq, device, readings, records }))
}
