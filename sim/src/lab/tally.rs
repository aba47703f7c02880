//! What went wrong on purpose, in numbers.

/// Faults, counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Kills of the gateway, the cloud, and meters.
    pub(super) gateway: u64,
    pub(super) cloud: u64,
    pub(super) meters: u64,
    /// Links cut.
    pub(super) cuts: u64,
    /// Surveys of which the gateway said that it has no room for them.
    pub(super) refused: u64,
    /// Times that the gateway ended by itself because its disk was full.
    pub(super) ended: u64,
    /// The last of why.
    pub(super) last_words: String,
}
