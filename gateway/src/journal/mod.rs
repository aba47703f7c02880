//! The journal: the gateway's durable queue, and the one module that knows SQL.
//!
//! It is one SQLite file, `journal.db` in the data folder, in WAL mode with `synchronous=FULL`; its tables are
//! described in `migrations/`. What holds:
//!
//! - **Written** by one connection, [`Journal`], a [`Batch`] at a time: one transaction, one fsync. When
//!   [`Journal::commit`] has returned, everything in the batch survives a power cut; before, nothing does.
//! - **Read** by others beside it ([`Reader`], [`summary()`]), which never wait for the writer nor it for them.
//! - **Passed on**: one cursor, `held_through`, says up to which seq the cloud holds every survey. No row is ever
//!   updated. Surveys that the cloud refused for good are named in `refused`, and the cursor passes over them.
//! - **Deleted**: only at or below the cursor, when older than they must be kept, or earlier when room is short, in
//!   the journal or on its disk. The file does not shrink: it is filled again before it grows. What the cloud refused is kept
//!   its full time, and goes to the quarantine then.
//! - **Checked**: each row has a checksum. One that does not match goes to the quarantine, the rest goes on.
//! - **Recovered**: a torn last commit is undone by SQLite. A damaged file is set aside under another name
//!   (`aside.rs`), and every row that can still be read and proven goes into a new one (`salvage.rs`). What the disk does not give for
//!   a moment is no damage: it is tried again first (`open.rs`).

mod aside;
mod batch;
mod brief;
mod error;
mod facts;
mod gaps;
mod holdings;
mod keys;
mod open;
mod order;
mod prune;
mod quarantine;
mod reader;
mod room;
mod roster;
mod row;
mod salvage;
mod schema;
mod summary;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::Connection;

pub(crate) use batch::Batch;
pub use batch::Custody;
pub(crate) use brief::{Brief, brief};
pub use error::JournalError;
pub use holdings::{Damaged, DamagedSurvey, Holdings, KeptSurvey, SurveyFate};
pub(crate) use keys::KeySet;
pub use open::{Finding, Limits};
pub(crate) use open::{Place, Trust};
pub(crate) use order::Orders;
pub use order::{Note, Noted, Order, Progress};
pub(crate) use quarantine::Quarantined;
pub use reader::{Page, Reader};
pub(crate) use room::{Full, Room};
pub(crate) use row::{NewSurvey, ShortKey};
pub use row::{Seq, StoredSurvey};
pub(crate) use summary::{RoundNow, Summary, Tally, summary};

use crate::disk::Disk;
use error::Doing;
use keys::Keys;

/// The journal's file in the data folder.
pub const FILE: &str = "journal.db";

/// The journal, open to write. There is one in a process, and one process in a data folder.
pub(crate) struct Journal {
    conn: Connection,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    limits: Limits,
    keys: Keys,
    /// What tells it from every other journal.
    id: u64,
    /// The last seq that was given out.
    last_seq: Seq,
    /// Up to here the cloud holds everything.
    held_through: Seq,
    /// Up to here the cloud has confirmed what it holds.
    confirmed: Seq,
}

impl Journal {
    /// Whether a copy of the datagram has been journaled within the re-send window.
    pub(crate) fn known(&self, key: ShortKey, now: UtcInstant) -> Result<bool, JournalError> {
        self.keys.known(&self.conn, key, now).doing("read", &self.path)
    }

    /// What tells this journal from every other.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The last survey that is journaled.
    pub(crate) fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// Up to here the cloud holds everything.
    pub(crate) fn held_through(&self) -> Seq {
        self.held_through
    }

    /// Up to here the cloud has confirmed what it holds.
    pub(crate) fn confirmed(&self) -> Seq {
        self.confirmed
    }

    /// The round that is open: since when, and who has reported in it.
    pub(crate) fn open_round(&self) -> Result<(Option<UtcInstant>, Vec<DeviceId>), JournalError> {
        summary::open_round(&self.conn).doing("read", &self.path)
    }

    /// The last survey that waits for no round to close: all of them if none is open, as after a salvage that could not save the
    /// open one.
    pub(crate) fn closed_through(&self) -> Result<Seq, JournalError> {
        if self.open_round()?.0.is_none() {
            return Ok(self.last_seq);
        }
        let last = summary::last_round(&self.conn).doing("read", &self.path)?;
        Ok(last.map_or(0, |round| round.last_seq))
    }

    /// Whether `bytes` more may be written, and the keys of so many `surveys` remembered.
    pub(crate) fn room(
        &mut self,
        bytes: usize,
        surveys: usize,
        now: UtcInstant,
    ) -> Result<Result<(), Full>, JournalError> {
        let keys = if surveys == 0 { 0 } else { self.keys.weight(surveys, now) };
        room::check(self, bytes.saturating_add(keys))
    }

    /// Gives back the room of a damaged file that was set aside, the oldest; says whether there was one.
    pub(crate) fn give_way(&self) -> bool {
        aside::give_way(&*self.disk, self.path.parent().unwrap_or(&self.path))
    }

    /// Gives back the room of refused input that came from outside; says how many there were.
    pub(crate) fn drop_refused(&self) -> Result<usize, JournalError> {
        quarantine::give_way(&self.conn).doing("write", &self.path)
    }

    /// What was found when it was opened has been told.
    pub(crate) fn told(&mut self) -> Result<(), JournalError> {
        if facts::text(&self.conn, facts::SALVAGED).doing("read", &self.path)?.is_some() {
            facts::remove(&self.conn, facts::SALVAGED).doing("write", &self.path)?;
        }
        Ok(())
    }

    /// Lets go of some surveys that the cloud holds and that are older than they must be kept; where room is `short`, also of
    /// younger ones, and of keys that are too old. Says how many; zero when there is nothing more to let go of.
    pub(crate) fn prune(&mut self, now: UtcInstant, short: Option<Full>) -> Result<usize, JournalError> {
        prune::prune(self, now, short)
    }

    /// Folds the write-ahead log into the file and closes both.
    pub(crate) fn close(self) -> Result<(), JournalError> {
        self.conn.close().map_err(|(_, source)| source).doing("close", &self.path)
    }

    /// Makes SQLite fail where a test wants it to.
    #[cfg(test)]
    pub(crate) fn provoke(&self, sql: &str) {
        self.conn.execute_batch(sql).unwrap();
    }

    /// Holds no more keys in memory than so many.
    #[cfg(test)]
    pub(crate) fn hold_keys(&mut self, limit: usize) {
        self.keys.hold(limit);
    }

    /// Where the journal is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
