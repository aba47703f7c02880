//! What passes between the journal's one writer and the uplink, which only reads.

use tokio::sync::oneshot;

use super::{Custody, Seq};

/// How far things are, as the writer publishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The journal's own id: the same after each start, another in another journal. A salvage keeps it if it can.
    pub journal: u64,
    /// Grows whenever the journal is opened: it may be another file then, and end elsewhere.
    pub generation: u64,
    /// The last survey journaled.
    pub last_seq: Seq,
    /// The last survey of a closed round.
    pub closed_through: Seq,
    /// Up to here the cloud holds everything.
    pub held_through: Seq,
    /// Up to here the cloud has confirmed what it holds.
    pub confirmed: Seq,
    /// Rounds that have closed since the start.
    pub rounds_closed: u64,
}

/// What the uplink wants done to the journal.
#[derive(Debug)]
pub enum Order {
    /// Make this durable.
    Note(Note),
    /// The file is damaged where it was read: save what can be saved.
    Salvage {
        /// Told whether it could be.
        done: oneshot::Sender<bool>,
    },
}

/// What the uplink found out about surveys.
#[derive(Debug)]
pub struct Note {
    /// Of the journal in which those surveys were read. Of any other it is not true.
    pub generation: u64,
    /// What.
    pub custody: Custody,
    /// Told what became of it.
    pub done: oneshot::Sender<Noted>,
}

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is durable.
    Written,
    /// It could not be written now.
    Failed,
    /// The journal was opened anew since its surveys were read.
    Outdated,
}

/// Where the uplink leaves its orders.
pub(crate) type Orders = Box<dyn Fn(Order) + Send + Sync>;
