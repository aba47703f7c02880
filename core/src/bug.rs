//! Deliberate bugs: the test of the simulator, which has to find each of them.
//!
//! They can be switched on only where the feature `bugs` is, which is in the simulator's own build. What ships is built
//! without: there [`on`] is false when it is compiled.

/// A bug that somebody might well have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The gateway answers, and commits with the next group.
    AcknowledgeBeforeCommit,
    /// The gateway answers although its commit failed.
    AcknowledgeFailedCommit,
    /// The gateway's commits are not synced.
    NoSync,
    /// The cursor moves when surveys are sent, not when they are acknowledged.
    DropOnSend,
    /// The cursor moves one survey too far.
    CursorOneTooFar,
    /// Copies are not recognised: each is dated anew.
    DateEachCopy,
    /// Copies are recognised by who sent them.
    DedupOnAddress,
    /// Copies are recognised for ever: tomorrow's same text is one.
    DedupForEver,
    /// Which datagrams were seen is forgotten at a start.
    ForgetKeys,
    /// The round that is open is forgotten at a start.
    ForgetRound,
    /// Times of day are taken for UTC.
    IgnoreZone,
    /// A clock that is a little fast is not forgiven.
    NoGrace,
    /// Bad lines are left out, the others are taken.
    TakeGoodLines,
    /// Rows are passed on without a look at their checksum.
    IgnoreChecksum,
    /// What is saved of a damaged journal ends at the first bad row.
    SalvageStops,
    /// A full journal drops what the cloud does not hold yet.
    DropWhenFull,
    /// After a failed write the journal stays closed.
    NeverReopen,
    /// Whatever is answered to an upload is an acknowledgement.
    AnyAnswerCounts,
    /// A refused batch is refused whole: the good ones in it, too.
    RefuseWholeBatch,
    /// A cloud that has gone back is not noticed.
    NeverGoBack,
    /// The exchange takes any reply for an acknowledgement.
    AnyReplyCounts,
    /// The cloud answers, and commits with the next upload.
    CloudAcknowledgesBeforeCommit,
    /// The cloud's last value wins.
    LastValueWins,
    /// Contradicting values are dropped.
    DropConflicts,
    /// The cloud dates each copy of an undated upload anew.
    CloudDatesEachCopy,
    /// A missing value is not filled in.
    NeverFill,
    /// A journal that cannot be read for a moment is salvaged.
    SalvageOnReadError,
    /// A part of the journal that the uplink cannot read for a moment is passed over.
    UnreadIsPassed,
    /// Each upload of a transaction is told what became of all of them.
    AnswerForAll,
    /// What is refused for the same reason in one group is counted once.
    CountGroupsOnce,
    /// The quarantine keeps the oldest.
    KeepOldestRefused,
    /// What is to be left free of the disk is not.
    FillDisk,
    /// A round waits for the whole roster for ever.
    NoDeadline,
    /// Who reported is named silent, not who did not.
    SilentAreTheOthers,
    /// A quarantine takes as much of a journal as there is garbage.
    QuarantineUnbounded,
    /// Whoever floods the gateway may take every place in a group.
    NoFairShare,
    /// Every damaged journal that was set aside stays.
    KeepAllAside,
    /// The cloud counts what it refuses for a reason once.
    CloudCountsOnce,
    /// What the cloud refuses is not kept.
    CloudKeepsNothing,
    /// What the cloud refused as the future is never offered again.
    NeverAgain,
    /// What came while the clock was ahead is forgotten when that is put right.
    ForgetAhead,
    /// A connection that ends without an answer is an acknowledgement.
    SilenceCounts,
    /// Whatever is answered with the status of a refusal is one.
    AnyRefusalCounts,

    // What the simulator has found in what shipped.
    /// Behind an unreadable place of a damaged journal rows are looked for in steps that double, and those between are left out.
    SalvageSkips,
    /// Behind an unreadable place of a damaged journal rows are looked for in steps that double, and a page that can be read between two that
    /// cannot is leapt over.
    SalvageLeaps,
    /// A journal that has lost its content passes for a new one.
    EmptyFileIsNew,
    /// What a salvage found is not told if the gateway dies before it has.
    SalvageUntold,
    /// A salvage that loses the newest rows lets their seqs be given out again, below the cursor.
    SeqTwice,
    /// A start writes nothing that is new, so it syncs nothing and leaves the rest of a torn commit in its place.
    QuietStart,
    /// A journal that the disk does not show for a moment is taken for none, or for an empty one.
    UnseenIsMissing,
    /// A page that cannot be read for a moment is taken for damaged, and what stands on it for lost.
    UnreadableIsDamaged,
    /// Who reported before the roster named it is named silent when the round closes.
    ForgetNewcomers,
    /// The keys of surveys that a salvage saved are lost with those that stood in their own table.
    SavedWithoutKeys,
    /// The keys of surveys that a salvage could not save are kept, so that copies of these are held by nobody.
    KeysOfTheLost,
    /// What the cloud took for the future is not offered again before an hour that a clock which was far ahead had named.
    AgainByThatClock,
    /// What a salvage cannot tell to have been refused passes for held by the cloud.
    RefusedIsHeld,
}

impl Bug {
    /// What was found in what shipped: mended, and kept with a seed that shows it.
    pub const FOUND: &[Self] = &[
        Self::SalvageSkips,
        Self::SalvageLeaps,
        Self::EmptyFileIsNew,
        Self::SalvageUntold,
        Self::SeqTwice,
        Self::QuietStart,
        Self::UnseenIsMissing,
        Self::UnreadableIsDamaged,
        Self::ForgetNewcomers,
        Self::SavedWithoutKeys,
        Self::KeysOfTheLost,
        Self::AgainByThatClock,
        Self::RefusedIsHeld,
    ];

    /// Those that were made up.
    pub const ALL: &[Self] = &[
        Self::AcknowledgeBeforeCommit,
        Self::AcknowledgeFailedCommit,
        Self::NoSync,
        Self::DropOnSend,
        Self::CursorOneTooFar,
        Self::DateEachCopy,
        Self::DedupOnAddress,
        Self::DedupForEver,
        Self::ForgetKeys,
        Self::ForgetRound,
        Self::IgnoreZone,
        Self::NoGrace,
        Self::TakeGoodLines,
        Self::IgnoreChecksum,
        Self::SalvageStops,
        Self::DropWhenFull,
        Self::NeverReopen,
        Self::AnyAnswerCounts,
        Self::RefuseWholeBatch,
        Self::NeverGoBack,
        Self::AnyReplyCounts,
        Self::CloudAcknowledgesBeforeCommit,
        Self::LastValueWins,
        Self::DropConflicts,
        Self::CloudDatesEachCopy,
        Self::NeverFill,
        Self::SalvageOnReadError,
        Self::UnreadIsPassed,
        Self::AnswerForAll,
        Self::CountGroupsOnce,
        Self::KeepOldestRefused,
        Self::FillDisk,
        Self::NoDeadline,
        Self::SilentAreTheOthers,
        Self::QuarantineUnbounded,
        Self::NoFairShare,
        Self::KeepAllAside,
        Self::CloudCountsOnce,
        Self::CloudKeepsNothing,
        Self::NeverAgain,
        Self::ForgetAhead,
        Self::SilenceCounts,
        Self::AnyRefusalCounts,
    ];
}

#[cfg(feature = "bugs")]
mod switch {
    extern crate std;
    use super::Bug;
    use core::cell::Cell;

    std::thread_local! {
        static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether this bug is switched on, on this thread.
    #[must_use]
    pub fn on(bug: Bug) -> bool {
        ON.get() == Some(bug)
    }

    /// Switches a bug on, and all others off, on this thread.
    pub fn set(bug: Option<Bug>) {
        ON.set(bug);
    }
}

#[cfg(not(feature = "bugs"))]
mod switch {
    use super::Bug;

    /// Never: this build has no bugs on purpose.
    #[must_use]
    pub const fn on(_: Bug) -> bool {
        false
    }

    /// Has no effect: this build has no bugs on purpose.
    pub const fn set(_: Option<Bug>) {}
}

pub use switch::{on, set};
