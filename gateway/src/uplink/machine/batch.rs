//! A page of the journal on its way to the cloud.

use fieldpost_core::UtcInstant;

use crate::{
    journal::StoredSurvey,
    uplink::{offer::Wire, plan::Plan},
};

/// Surveys that are being passed on.
#[derive(Debug)]
pub(super) struct Batch {
    surveys: Vec<StoredSurvey>,
    pub(super) plan: Plan,
}

impl Batch {
    pub(super) fn new(surveys: Vec<StoredSurvey>) -> Self {
        Self { plan: Plan::new(surveys.len()), surveys }
    }

    /// The part that is to be offered next, no longer than `wire` can bear.
    pub(super) fn next(&mut self, wire: &Wire, now: UtcInstant) -> Option<Vec<StoredSurvey>> {
        while let Some(part) = self.plan.next() {
            let offered = self.surveys.get(part).unwrap_or_default();
            let portion = wire.portion(offered, now);
            if portion >= offered.len() {
                return Some(offered.to_vec());
            }
            self.plan.split(portion);
        }
        None
    }
}
