//! A machine with a disk: what a gateway runs on, and what its operator may do to it.

use super::{
    agenda::Millis,
    onlooker::{self, Kept},
    oracle::{Row, Seq},
    page,
};
use fieldpost_core::{UtcInstant, senml};
use fieldpost_gateway::{
    JournalError,
    parts::{Disk as GatewayDisk, FILE, MAX_BATCH, MAX_BATCH_BYTES, Page, Reader},
};
use fieldpost_simdisk::Disk;
use rusqlite::Connection;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// A gateway opens its journal anew when this is over.
const RECOVERS: Millis = 200;

/// A machine.
pub struct Machine {
    /// Its disk.
    pub disk: Disk,
    /// How often it has been started, or would have been: what belongs to another life is forgotten.
    pub life: u64,
    /// Until when a failure of its disk is being recovered from.
    recovering: Millis,
    /// Its journal is of a version to come.
    pub newer: bool,
    /// How often of a thousand commits it dies between commit and answer.
    pub fragile: u64,
    /// Damaged surveys that the gateway has to report.
    pub reports: Reports,
    /// Of whoever reads surveys in its journal.
    reader: Kept<Reader>,
    /// Of whoever asks its database something.
    onlooker: Kept<Connection>,
}

/// Surveys whose bytes were damaged on the disk, and what the gateway has to say of them.
#[derive(Debug, Clone, Default)]
pub struct Reports {
    /// They were not passed on: each is to be reported.
    pub due: Vec<Seq>,
    /// Those that it may have read already, or need not read again: each may be.
    pub perhaps: u64,
    /// What had been reported before.
    pub before: u64,
}

impl Reports {
    /// Whether so many reports are too few or too many, in words.
    #[must_use]
    pub fn wrong(&self, found: u64) -> Option<String> {
        let least = self.before + self.due.len() as u64;
        let wrong = !(least..=least + self.perhaps).contains(&found);
        wrong.then(|| {
            let Self { due, perhaps, before } = self;
            format!("surveys {due:?} were damaged and perhaps {perhaps} more, and {found} are reported, {before} of them before")
        })
    }
}

impl Machine {
    /// A machine with an empty disk.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            disk: Disk::mount(name),
            life: 0,
            recovering: Millis::MIN,
            newer: false,
            fragile: 0,
            reports: Reports::default(),
            reader: Kept::default(),
            onlooker: Kept::default(),
        }
    }

    /// How often its disk has failed so far.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        let counts = self.disk.counts();
        counts.full + counts.io + counts.reads
    }

    /// Whether its disk has failed since there were `before` strikes, or so short a time before that this is being recovered from.
    pub fn struck(&mut self, before: u64, now: Millis) -> bool {
        if self.strikes() > before {
            self.recovering = now + RECOVERS;
        }
        now <= self.recovering
    }

    /// Whether its disk has failed since `since`, as far as anybody has noticed.
    #[must_use]
    pub fn failed_since(&self, since: Millis) -> bool {
        self.recovering >= since
    }

    /// The operator has the machine on his desk: nothing fails while he works on it.
    pub fn on_the_desk(&self) {
        self.disk.clear_plans();
        self.disk.set_capacity(None);
    }

    /// The journal's file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.disk.folder().join(FILE)
    }

    /// What the journal's files take.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.disk.length(&self.file()) + self.log()
    }

    /// What the journal's log takes.
    #[must_use]
    pub fn log(&self) -> u64 {
        self.disk.length(&self.disk.folder().join(format!("{FILE}-wal")))
    }

    /// All surveys in the journal that can be read.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn journal(&self) -> Result<BTreeMap<Seq, Row>, JournalError> {
        self.reader.look(&self.disk, &self.file(), || Reader::open(&self.disk.folder()), rows)
    }

    /// What the journal has in use: pages that are not free, and its log.
    #[must_use]
    pub fn used(&self) -> u64 {
        let pages = |sql| self.ask(sql).map_or(0, i64::unsigned_abs);
        (pages("PRAGMA page_count") - pages("PRAGMA freelist_count")) * page::SIZE as u64 + self.log()
    }

    /// How much of what came from outside and was refused is kept in the journal.
    #[must_use]
    pub fn garbage(&self) -> i64 {
        self.ask("SELECT count(*) FROM quarantine WHERE peer <> 'journal'").unwrap_or(0)
    }

    /// The number of the page in which the table of surveys begins.
    #[must_use]
    pub fn root(&self) -> Option<usize> {
        let root = self.ask("SELECT rootpage FROM sqlite_schema WHERE name = 'surveys'")?;
        usize::try_from(root).ok()
    }

    /// Asks the journal for one value, as an onlooker.
    fn ask(&self, sql: &str) -> Option<i64> {
        self.look(&self.file(), |journal| journal.prepare_cached(sql)?.query_row([], |row| row.get(0))).ok()
    }

    /// Looks at its database at `path`, as an onlooker.
    pub(super) fn look<T>(
        &self,
        path: &Path,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.onlooker.look(&self.disk, path, || onlooker::connect(path), look)
    }

    /// Writes what says nothing new: what the gateway remembers of its file is outdated then, and it reads anew.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn stir(&self) -> rusqlite::Result<()> {
        let journal = Connection::open(self.file())?;
        journal.execute("UPDATE facts SET value = value WHERE name = 'starts'", []).map(drop)
    }

    /// Folds the log into the journal's file, and reads the records of all surveys.
    ///
    /// # Errors
    /// The journal cannot be opened or read.
    pub fn fold_and_read(&self) -> rusqlite::Result<Vec<(Seq, Vec<u8>)>> {
        let journal = Connection::open(self.file())?;
        journal.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        let mut surveys = journal.prepare("SELECT seq, records FROM surveys")?;
        surveys.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// Surveys that the gateway has reported as damaged.
    #[must_use]
    pub fn quarantined(&self) -> u64 {
        let count = "SELECT CAST(total(count) AS INTEGER) FROM refusals WHERE reason LIKE 'checksum%'";
        self.ask(count).map_or(0, i64::unsigned_abs)
    }

    /// Up to here its surveys have been passed on.
    #[must_use]
    pub fn held_through(&self) -> Seq {
        let fact = "SELECT value FROM facts WHERE name = 'held_through'";
        self.ask(fact).unwrap_or(0)
    }
}

/// The disk on which a path lies, as a gateway uses it.
#[derive(Debug)]
pub struct SimDisk;

impl SimDisk {
    fn of(path: &Path) -> io::Result<Disk> {
        Disk::find(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl GatewayDisk for SimDisk {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(Self::of(path)?.look(path)?.is_some())
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(Self::of(path)?.look(path)?.unwrap_or(0))
    }

    /// It takes no time: reads that fail are counted, not timed.
    fn rest(&self) {}

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Self::of(folder)?.list())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Self::of(from)?.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match Self::of(path)?.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Self::of(folder)?.sync_folder()
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        Self::of(folder)?.free()
    }
}

/// The rows of a journal, as anybody may read them.
fn rows(reader: &Reader) -> Result<BTreeMap<Seq, Row>, JournalError> {
    let (mut rows, mut after) = (BTreeMap::new(), 0);
    loop {
        match reader.page(after, Seq::MAX, MAX_BATCH, MAX_BATCH_BYTES)? {
            Page::Empty => return Ok(rows),
            Page::Damaged(seq) => after = seq,
            Page::Surveys(surveys) => {
                for survey in &surveys {
                    after = survey.seq;
                    let pack =
                        senml::decode_cbor(&senml::pack([survey.records.as_slice()]), UtcInstant::LATEST);
                    let Some(one) = pack.ok().and_then(|pack| pack.surveys.into_iter().next()) else {
                        continue;
                    };
                    let received = one.received.map_or(0, UtcInstant::as_millis);
                    let (device, readings) = (one.survey.device, one.survey.readings);
                    rows.insert(survey.seq, Row { device, received, readings });
                }
            }
        }
    }
}
