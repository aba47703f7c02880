//! How the journal is closed after a failure, and opened anew.

use std::time::Duration;

use fieldpost_core::bug::{self, Bug};

use super::{
    Keeper,
    trouble::{Kind, Trouble},
};
use crate::{
    journal::{Finding, Journal, JournalError, Trust},
    moment::Moment,
    round::Rounds,
};

/// After a failure the journal is opened anew, not sooner than this.
pub(super) const REOPEN_AFTER: Duration = Duration::from_millis(200);
/// Findings that are kept for whoever asks for them; the oldest go.
const MAX_FINDINGS: usize = 16;

/// The last failure, until the journal is open again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    /// When.
    pub(super) at: Duration,
    /// What it leaves of the journal's files.
    trust: Trust,
    /// Whether there was no room on the disk.
    pub(super) full: bool,
}

impl Keeper {
    /// The journal said no: it is closed, what is in memory may be ahead of what is on disk.
    pub(super) fn fail(&mut self, error: JournalError, now: Moment) {
        let error = error.on(&*self.place.disk, &self.place.folder);
        if strikes(&mut self.trouble, &error, now) {
            tracing::error!(%error, "nothing is taken until the journal can be written again");
        }
        self.journal = None;
        self.note_failure(Trust::after(&error), error.is_full(), now);
    }

    /// The worst of several failures stays, and why the last one was.
    fn note_failure(&mut self, trust: Trust, full: bool, now: Moment) {
        let before = self.failure.map_or(Trust::Whole, |failure| failure.trust);
        self.failure = Some(Failure { at: now.up, trust: trust.max(before), full });
    }

    pub(super) fn reopen_if_due(&mut self, now: Moment) {
        if self.journal.is_some() || bug::on(Bug::NeverReopen) {
            return;
        }
        let trust = self.failure.map_or(Trust::Whole, |failure| failure.trust);
        if self.failure.is_some_and(|failure| now.up.saturating_sub(failure.at) < REOPEN_AFTER) {
            return;
        }
        if let Err(error) = self.reopen(trust, now)
            && strikes(&mut self.trouble, &error, now)
        {
            tracing::error!(%error, "nothing is taken until the journal can be opened");
        }
    }

    /// Whoever reads the journal found it damaged; says whether it could be salvaged.
    pub(super) fn salvage(&mut self, now: Moment) -> bool {
        self.journal = None;
        let saved = self.reopen(Trust::Damaged, now);
        if let Err(error) = &saved
            && strikes(&mut self.trouble, error, now)
        {
            tracing::error!(%error, "the damaged journal cannot be salvaged");
        }
        saved.is_ok()
    }

    /// Opens the journal; if that fails, it is due again later.
    pub(super) fn reopen(&mut self, trust: Trust, now: Moment) -> Result<(), JournalError> {
        // A new journal is never to be taken for the one before.
        self.place.random = mix(self.place.random);
        let mut findings = Vec::new();
        let opened = Journal::open(&self.place, trust, now.utc, &mut findings);
        // Once it is salvaged, the damage is behind: another salvage would only copy it again.
        let salvaged = !findings.is_empty();
        findings.into_iter().for_each(|finding| self.find(finding));
        let begun = opened.and_then(|journal| self.begin(journal));
        let begun = begun.map_err(|error| error.on(&*self.place.disk, &self.place.folder));
        if let Err(error) = &begun {
            if salvaged {
                self.failure = None;
            }
            let left = if salvaged { Trust::Whole } else { trust };
            self.note_failure(left.max(Trust::after(error)), error.is_full(), now);
        }
        begun
    }

    fn find(&mut self, finding: Finding) {
        if self.told.as_ref() == Some(&finding) {
            return;
        }
        tracing::error!("{finding}");
        self.told = Some(finding.clone());
        if self.findings.len() == MAX_FINDINGS {
            self.findings.remove(0);
        }
        self.findings.push(finding);
    }

    /// Goes on with `journal`, where it stands.
    fn begin(&mut self, mut journal: Journal) -> Result<(), JournalError> {
        journal.told()?;
        journal.note_roster(&self.roster)?;
        let (opened, reported) = journal.open_round()?;
        let closed_through = journal.closed_through()?;
        self.rounds = Rounds::new(&self.roster, self.deadline);
        if !bug::on(Bug::ForgetRound) {
            self.rounds.restore(opened, &reported);
        }
        self.progress.journal = journal.id();
        self.progress.generation = self.progress.generation.wrapping_add(1);
        self.progress.last_seq = journal.last_seq();
        self.progress.held_through = journal.held_through();
        self.progress.confirmed = journal.confirmed();
        self.progress.closed_through = closed_through;
        self.failure = None;
        // While it is closed and opened in turns, the log is told of that.
        if self.trouble.is_none() {
            tracing::info!(
                journal = %journal.path().display(),
                last = journal.last_seq(),
                held_by_cloud = journal.held_through(),
                "journal open"
            );
        }
        self.trouble.eases(false);
        self.journal = Some(journal);
        Ok(())
    }
}

/// Whether the log is to be told of it.
fn strikes(trouble: &mut Trouble, error: &JournalError, now: Moment) -> bool {
    let kind = if error.is_full() { Kind::OutOfSpace } else { Kind::Failing };
    trouble.strikes(kind, now.up)
}

/// The next of a row of numbers that do not repeat (`SplitMix64`).
fn mix(number: u64) -> u64 {
    let step = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let once = (step ^ (step >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ (twice >> 31)
}
