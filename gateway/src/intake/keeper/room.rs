//! Room for a group, if need be without what the cloud holds, and without the garbage that was kept to be looked into.

use std::time::Duration;

use fieldpost_core::bug::{self, Bug};

use super::trouble::{Kind, Trouble};
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
}

impl Room {
    /// Refuses what is new in the group if there is no room for it. After an error the journal must be opened anew.
    pub(super) fn make(
        &mut self,
        journal: &mut Journal,
        sorted: &mut Sorted,
        trouble: &mut Trouble,
        now: Moment,
    ) -> Result<(), JournalError> {
        let stuck = self.stuck.is_some_and(|stuck| now.up.saturating_sub(stuck) < LET_GO_AGAIN);
        let (weight, surveys) = (sorted.weight(), sorted.batch.surveys.len());
        let full = loop {
            match journal.room(weight, surveys, now.utc) {
                // They are for whoever wants to look into them, and surveys come first.
                Ok(Err(Full::Disk | Full::File)) if journal.give_way() => {}
                Ok(Err(full @ (Full::Journal | Full::File))) if !stuck => {
                    if let_go(journal, now, full).inspect_err(|_| self.stuck = Some(now.up))? == 0 {
                        break Some(full);
                    }
                }
                Ok(room) => break room.err(),
                Err(error) if error.is_corrupt() => return Err(error),
                Err(error) => {
                    if trouble.strikes(Kind::NoRoom(Full::Unknown), now.up) {
                        tracing::error!(%error, "nothing new is taken until it is known how much room there is");
                    }
                    break Some(Full::Unknown);
                }
            }
        };
        if let Some(full) = full {
            sorted.refuse_new(full);
            if full != Full::Unknown && trouble.strikes(Kind::NoRoom(full), now.up) {
                tell(full, journal);
            }
        }
        Ok(())
    }
}

/// Lets go of what need not be there when room is short; says of how much.
fn let_go(journal: &mut Journal, now: Moment, full: Full) -> Result<usize, JournalError> {
    match journal.prune(now.utc, Some(full))? {
        0 if !bug::on(Bug::QuarantineUnbounded) => journal.drop_refused(),
        gone => Ok(gone),
    }
}

/// Keeps of what the group brings to refuse only what there is room for beside its surveys; all of it is counted.
pub(super) fn keep_refused(
    journal: &mut Journal,
    sorted: &mut Sorted,
    now: Moment,
) -> Result<(), JournalError> {
    if sorted.batch.quarantined.is_empty() || bug::on(Bug::QuarantineUnbounded) {
        return Ok(());
    }
    let weight = sorted.weight().saturating_add(sorted.weight_of_refused());
    match journal.room(weight, sorted.batch.surveys.len(), now.utc) {
        Ok(Ok(())) => {}
        Err(error) if error.is_corrupt() => return Err(error),
        _ => sorted.batch.quarantined.clear(),
    }
    Ok(())
}

fn tell(full: Full, journal: &Journal) {
    let way_out = match full {
        Full::Journal => "it has room when the cloud has taken some, or with a larger --journal-max",
        Full::File => {
            "it has room when the cloud has taken some; or make room on the disk, or lower --min-free-disk"
        }
        Full::Disk | Full::Unknown => "make room on it, or lower --min-free-disk",
    };
    let journal = journal.path().display();
    tracing::error!(%journal, "{full}: new surveys are refused, and stay on the meters; {way_out}");
}
