//! What a sender learns of what it handed in.

use super::readings::Fate;

/// What became of an upload's readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Readings that were not held, or filled in a value that was missing.
    pub new: u64,
    /// Readings that were held already.
    pub duplicate: u64,
    /// Readings that contradict what is held; what is held stays.
    pub conflict: u64,
    /// Readings that are older than the operator keeps; they are not stored, and there is no use in sending them again.
    pub expired: u64,
}

impl Outcome {
    pub(super) fn of(fates: &[Fate]) -> Self {
        let mut outcome = Self::default();
        for fate in fates {
            match fate {
                Fate::New | Fate::Filled => outcome.new += 1,
                Fate::Duplicate => outcome.duplicate += 1,
                Fate::Conflict => outcome.conflict += 1,
                Fate::Expired => outcome.expired += 1,
            }
        }
        outcome
    }
}

/// An upload that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// What became of its readings.
    pub outcome: Outcome,
    /// If the upload said its custody: the mark of its journal as it was before this upload, 0 if there was none.
    pub mark: Option<u64>,
}

/// The same, with what only the console wants to know.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) stored: Stored,
    /// What became of each reading, in the order in which they stand in the upload.
    pub(super) fates: Vec<Fate>,
}
