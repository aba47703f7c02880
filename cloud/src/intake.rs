//! The way of every upload, whichever socket it came by: read, store, count; or refuse, count, quarantine.

use crate::{
    Limits, Store, SubmitError,
    counters::Counters,
    store::{Refused, Stored},
    submission::{Submission, Upload},
};
use fieldpost_core::Refusal;
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// Where uploads go in.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) store: Store,
    pub(crate) counters: Arc<Counters>,
}

impl Intake {
    /// Takes an upload; when this returns well its readings are on disk.
    pub(crate) async fn take(&self, upload: Upload) -> Result<Stored, SubmitError> {
        let result = match read(&upload).await {
            Some(Ok(submission)) => self.store.submit(submission).await,
            Some(Err(refusal)) => Err(SubmitError::Refused(refusal)),
            None => Err(SubmitError::Busy),
        };
        match &result {
            Ok(stored) => {
                self.counters.count(stored.outcome);
                if stored.outcome.expired > 0 {
                    let (from, expired) = (&upload.origin.gateway, stored.outcome.expired);
                    tracing::info!(from, expired, "readings that are older than is kept were not stored");
                }
            }
            Err(SubmitError::Refused(refusal)) => self.refuse(&upload, refusal).await,
            Err(_) => _ = self.counters.failed.fetch_add(1, Relaxed),
        }
        result
    }

    /// Counts and keeps an upload that is refused.
    pub(crate) async fn refuse(&self, upload: &Upload, refusal: &Refusal) {
        tracing::info!(
            from = upload.origin.gateway, reason = refusal.reason().code(), %refusal, "an upload was refused"
        );
        self.counters.refused(refusal.reason().code());
        self.store.quarantine(Refused::new(upload, refusal)).await;
    }
}

/// Reads an upload; a large one on a thread that may be busy for a while. None if there is no such thread.
async fn read(upload: &Upload) -> Option<Result<Submission, Refusal>> {
    if upload.bytes.len() <= Limits::FREE_BYTES {
        return Some(upload.read());
    }
    let upload = upload.clone();
    tokio::task::spawn_blocking(move || upload.read()).await.ok()
}
