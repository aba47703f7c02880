//! How the uplink does, for the log and for `status`: told when it changes, not at every try.

use fieldpost_core::UtcInstant;

use crate::UplinkState;

/// The state that was last told.
#[derive(Debug)]
pub(super) struct Told {
    target: String,
    last: Option<UplinkState>,
    /// The journal has it.
    written: bool,
}

impl Told {
    pub(super) fn new(target: String) -> Self {
        Self { target, last: None, written: false }
    }

    /// What there is to note, as JSON, if `error` is news or the journal does not have it.
    pub(super) fn news(&mut self, error: Option<&str>, now: UtcInstant) -> Option<String> {
        let known = self.last.take_if(|last| last.error.as_deref() == error);
        let state = match known {
            Some(known) if self.written => {
                self.last = Some(known);
                return None;
            }
            Some(known) => known,
            None => self.change(error, now),
        };
        let json = serde_json::to_string(&state).ok();
        (self.last, self.written) = (Some(state), false);
        json
    }

    /// The last news is durable.
    pub(super) fn written(&mut self) {
        self.written = true;
    }

    /// The journal may be another one, without the last news.
    pub(super) fn lost(&mut self) {
        self.written = false;
    }

    fn change(&self, error: Option<&str>, now: UtcInstant) -> UplinkState {
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
        UplinkState { target: self.target.clone(), since, error: error.map(str::to_owned) }
    }
}
