//! Room for a group, if need be without what the cloud holds.

use std::time::Duration;

use crate::{
    intake::sort::Sorted,
    journal::{Full, Journal, JournalError},
    moment::Moment,
};

/// After letting go has failed it is left for so long: the failure costs a group, and what needs no room, such as what
/// the cloud holds now, must get written in the meantime.
const LET_GO_AGAIN: Duration = Duration::from_secs(60);

/// How making room went so far.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// When letting go last failed.
    stuck: Option<Duration>,
    /// Whether it was said that nobody knows how much room there is.
    unmeasured: bool,
}

impl Room {
    /// Refuses what is new in the group if there is no room for it. After an error the journal must be opened anew.
    pub(super) fn make(
        &mut self,
        journal: &mut Journal,
        sorted: &mut Sorted,
        now: Moment,
    ) -> Result<(), JournalError> {
        let stuck = self.stuck.is_some_and(|stuck| now.up.saturating_sub(stuck) < LET_GO_AGAIN);
        let weight = sorted.weight();
        let full = loop {
            match journal.room(weight) {
                Ok(Err(Full::Journal)) if !stuck => {
                    if journal.prune(now.utc, true).inspect_err(|_| self.stuck = Some(now.up))? == 0 {
                        break Some(Full::Journal);
                    }
                }
                // They are for whoever wants to look into them, and surveys come first.
                Ok(Err(Full::Disk)) if journal.give_way() => {}
                Ok(room) => break room.err(),
                Err(error) if error.is_corrupt() => return Err(error),
                Err(error) => {
                    if !self.unmeasured {
                        tracing::error!(%error, "nothing new is taken until it is known how much room there is");
                    }
                    break Some(Full::Unknown);
                }
            }
        };
        self.unmeasured = full == Some(Full::Unknown);
        if let Some(full) = full {
            sorted.refuse_new(full);
        }
        Ok(())
    }
}
