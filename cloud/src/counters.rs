//! What has happened since the start, for `/metrics`.

use crate::store::Outcome;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Counters since the start; all only grow, but for the numbers of open connections.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Readings that were new.
    pub(crate) new: AtomicU64,
    /// Readings that were held already.
    pub(crate) duplicate: AtomicU64,
    /// Readings that contradicted what is held.
    pub(crate) conflict: AtomicU64,
    /// Readings that were older than is kept.
    pub(crate) expired: AtomicU64,
    /// The TCP listener's connections.
    pub(crate) upload: Arc<Listener>,
    /// The HTTP listener's connections.
    pub(crate) http: Arc<Listener>,
    /// Uploads that were accepted.
    pub(crate) accepted: AtomicU64,
    /// Uploads that failed through no fault of their own.
    pub(crate) failed: AtomicU64,
    /// Bytes of exports.
    pub(crate) exported: AtomicU64,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

/// One listener's connections.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    /// Accepted so far.
    pub(crate) accepted: AtomicU64,
    /// Open now.
    pub(crate) open: AtomicU64,
}

impl Counters {
    /// Counts what became of an upload's readings.
    pub(crate) fn count(&self, outcome: Outcome) {
        self.accepted.fetch_add(1, Relaxed);
        self.new.fetch_add(outcome.new, Relaxed);
        self.duplicate.fetch_add(outcome.duplicate, Relaxed);
        self.conflict.fetch_add(outcome.conflict, Relaxed);
        self.expired.fetch_add(outcome.expired, Relaxed);
    }

    /// Counts a refused upload.
    pub(crate) fn refused(&self, reason: &'static str) {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    /// Refused uploads by reason.
    pub(crate) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
