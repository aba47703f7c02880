//! How the uplink does, for the log and for `status`: told when it changes, not at every try.

use fieldpost_core::UtcInstant;

use crate::UplinkState;

/// The state that was last told.
#[derive(Debug)]
pub(super) struct Told {
    target: String,
    last: Option<UplinkState>,
}

impl Told {
    pub(super) fn new(target: String) -> Self {
        Self { target, last: None }
    }

    /// What there is to note, as JSON, if `error` is news.
    pub(super) fn news(&mut self, error: Option<&str>, now: UtcInstant) -> Option<String> {
        if self.last.as_ref().is_some_and(|last| last.error.as_deref() == error) {
            return None;
        }
        match error {
            None => tracing::info!(cloud = %self.target, "the cloud answers"),
            Some(error) => {
                tracing::warn!(cloud = %self.target, error, "the cloud does not acknowledge; trying again")
            }
        }
        let since = match &self.last {
            // Failing for another reason is still the same failure.
            Some(last) if last.error.is_some() && error.is_some() => last.since.clone(),
            _ => now.to_string(),
        };
        let state = UplinkState { target: self.target.clone(), since, error: error.map(str::to_owned) };
        let json = serde_json::to_string(&state).ok();
        self.last = Some(state);
        json
    }
}
