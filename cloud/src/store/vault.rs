//! What is done to the store's file, one transaction at a time, by whoever holds it: no thread, no queue, no clock.
//!
//! After a failure nothing of the transaction is on disk or in memory, and the next one starts from what was committed:
//! SQLite has taken the rows back, and the vault forgets what it remembered of them.

use super::{
    SubmitError,
    batch::{Batch, Judged, Written},
    migrations,
    names::Names,
    open::{self, Start},
    outcome::{Kept, Stored},
    quarantine::{self, Refused},
    receipts, retention,
};
use crate::{Error, submission::Submission};
use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How often receipts are pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// The store, as its one writer holds it.
#[derive(Debug)]
pub struct Vault {
    pub(super) connection: Connection,
    path: PathBuf,
    devices: Names,
    gateways: Names,
    /// When receipts were pruned last, by the receipts of uploads.
    pruned: UtcInstant,
    /// Readings held.
    readings: u64,
    /// The last transaction failed.
    failing: bool,
    /// There was no room.
    full: bool,
    /// The file under the connection failed, so that the connection may be of no use any more.
    broken: bool,
}

impl Vault {
    /// Makes an empty store at `path`, in place: a crash meanwhile may leave a part of it.
    ///
    /// # Errors
    /// If the file cannot be made or written.
    pub fn create(path: &Path) -> Result<(), Error> {
        let mut connection = open::configured(path, Start::Empty)?;
        connection
            .pragma_update(None, "application_id", open::APPLICATION_ID)
            .map_err(|error| open::opening(path, &error))?;
        migrations::migrate(&mut connection, path)?;
        // Closing the last connection moves everything from the log into the file.
        connection.close().map_err(|(_, error)| open::opening(path, &error))
    }

    /// Opens the store at `path`, and brings it to the present version. Nothing keeps others from doing the same.
    ///
    /// # Errors
    /// If there is none, or it is not a store of ours, or damaged, or of a later version.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = open::configured(path, Start::Held)?;
        open::recognise(&connection, path)?;
        migrations::migrate(&mut connection, path)?;
        let sum = "SELECT coalesce(sum(readings), 0) FROM devices";
        let readings: i64 =
            connection.query_row(sum, [], |row| row.get(0)).map_err(|error| open::opening(path, &error))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            devices: Names::devices(),
            gateways: Names::gateways(),
            pruned: UtcInstant::from_millis(0),
            readings: readings.unsigned_abs(),
            failing: false,
            full: false,
            broken: false,
        })
    }

    /// Stores submissions together, or each by itself if that fails, so that none spoils the others (promise P7).
    /// Says what became of each, in order: those that went well are on disk.
    pub fn store(&mut self, mut submissions: Vec<Submission>) -> Vec<Result<Stored, SubmitError>> {
        self.keep(&mut submissions).into_iter().map(|one| one.map(|kept| kept.stored)).collect()
    }

    /// As [`Vault::store`], and leaves the submissions to whoever wants to show them.
    pub(super) fn keep(&mut self, submissions: &mut [Submission]) -> Vec<Result<Kept, SubmitError>> {
        if submissions.is_empty() {
            return Vec::new();
        }
        let results = match self.transact(submissions) {
            Ok(judged) => answers(judged),
            Err(error) if submissions.len() == 1 || is_locked(&error) => refuse_all(submissions, &error),
            Err(_) => submissions.chunks_mut(1).flat_map(|alone| self.keep_one(alone)).collect(),
        };
        self.mend();
        results
    }

    fn keep_one(&mut self, alone: &mut [Submission]) -> Vec<Result<Kept, SubmitError>> {
        self.transact(alone).map_or_else(|error| refuse_all(alone, &error), answers)
    }

    fn transact(&mut self, submissions: &mut [Submission]) -> rusqlite::Result<Vec<Judged>> {
        // By the senders' receipts, not by a clock of our own: the two must not disagree about a receipt's age.
        let now = submissions.iter().map(|submission| submission.received).max().unwrap_or(self.pruned);
        // Either way: while our clock was ahead, the last time may have come to lie in the future.
        let since = now.duration_since(self.pruned).max(self.pruned.duration_since(now));
        let prune = since >= PRUNE_EVERY;
        let result = write(&mut self.connection, |transaction| {
            let mut batch = Batch::new(transaction, &mut self.devices, &mut self.gateways);
            for submission in submissions {
                batch.add(submission)?;
            }
            let written = batch.write()?;
            if prune {
                receipts::prune(transaction, now)?;
            }
            Ok(written)
        });
        self.note(&result);
        let Written { judged, added } = result?;
        self.readings = self.readings.saturating_add(added);
        self.pruned = if prune { now } else { self.pruned };
        Ok(judged)
    }

    /// Counts and keeps refused uploads, all or none.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn quarantine(&mut self, refused: &[Refused]) -> rusqlite::Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let result = write(&mut self.connection, |transaction| {
            refused.iter().try_for_each(|one| quarantine::record(transaction, one))
        });
        let failing = self.failing;
        self.note(&result);
        // Whether the vault is well, uploads say: what is kept for inspection is not promised to anybody.
        self.failing = failing;
        self.mend();
        result
    }

    /// Does `work` in a transaction of its own: what comes back without an error is on disk.
    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let result = write(&mut self.connection, work);
        let failing = self.failing;
        self.note(&result);
        // An operator's mistake (a name that is taken, say) does not mean that uploads cannot be stored.
        self.failing = failing;
        self.mend();
        result
    }

    /// Lets go of some readings from before `before`; how many went, None if there are none.
    pub(super) fn let_go(&mut self, before: UtcInstant) -> rusqlite::Result<Option<u64>> {
        let gone = self.change(|transaction| retention::let_go(transaction, before))?;
        self.readings = self.readings.saturating_sub(gone.unwrap_or(0));
        Ok(gone)
    }

    /// After a failure: tries whether the store can be written again.
    pub fn probe(&mut self) {
        if self.failing {
            let version = migrations::version(&self.connection);
            let written =
                version.and_then(|version| self.connection.pragma_update(None, "user_version", version));
            self.note(&written);
            self.mend();
        }
    }

    /// Readings held.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.readings
    }

    /// Whether the last uploads could not be written.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing
    }

    /// Leaves the file whole, with nothing in its log if nobody reads it.
    ///
    /// # Errors
    /// If that cannot be written; what was stored is safe in the log then.
    pub fn close(self) -> rusqlite::Result<()> {
        self.connection.close().map_err(|(_, error)| error)
    }

    /// Notes how a transaction went; after a failure, forgets what may have been taken back.
    fn note<T>(&mut self, result: &rusqlite::Result<T>) {
        self.failing = result.is_err();
        let Err(error) = result else { return };
        self.devices.forget();
        self.gateways.forget();
        self.full |= error.sqlite_error_code() == Some(ErrorCode::DiskFull);
        self.broken |= matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed)
        );
        // A statement that fails may end the transaction or not, so may a commit; none may stay open behind us.
        if !self.connection.is_autocommit() {
            self.broken |= self.connection.execute_batch("ROLLBACK").is_err();
        }
    }

    /// After a failure: does what may help the next transaction.
    ///
    /// The log takes room that it may not need: once the file holds what it says, the log begins anew in its own place. And
    /// a disk that was away for a moment is there again, but not always for those who had its files open, so the file is
    /// opened again. If neither helps we go on with what we have, and try again next time.
    fn mend(&mut self) {
        if std::mem::take(&mut self.full) {
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        if std::mem::take(&mut self.broken)
            && let Ok(again) = Self::open(&self.path)
        {
            *self = Self { failing: self.failing, ..again };
        }
    }
}

/// Runs `work` in a transaction. What comes back without an error is on disk.
fn write<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if bug::on(Bug::CloudAcknowledgesBeforeCommit) && !connection.is_autocommit() {
        connection.execute_batch("COMMIT")?;
    }
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    if bug::on(Bug::CloudAcknowledgesBeforeCommit) {
        transaction.set_drop_behavior(rusqlite::DropBehavior::Ignore);
        return Ok(done);
    }
    transaction.commit()?;
    Ok(done)
}

/// Somebody else writes for longer than we wait. Alone, each would wait as long again, and fare no better.
fn is_locked(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn answers(judged: Vec<Judged>) -> Vec<Result<Kept, SubmitError>> {
    judged.into_iter().map(|one| one.map_err(SubmitError::Refused)).collect()
}

/// Says that nothing was stored. The senders keep what they have, and come again.
fn refuse_all(submissions: &[Submission], error: &rusqlite::Error) -> Vec<Result<Kept, SubmitError>> {
    tracing::error!(%error, "the store cannot be written; nothing was acknowledged, senders try again");
    submissions.iter().map(|_| Err(SubmitError::Store(error.to_string()))).collect()
}

#[cfg(test)]
mod tests;
