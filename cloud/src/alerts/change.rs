//! What is to be written about alerts.

use fieldpost_core::UtcInstant;

/// What a message says of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// It is so.
    Began,
    /// It is still so.
    Repeated,
    /// It is over.
    Resolved,
}

impl Event {
    /// The name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Repeated => "repeated",
            Self::Resolved => "resolved",
        }
    }
}

/// What an alert of values was judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The reading that made it one.
    pub(crate) certain: UtcInstant,
    /// The worst value so far, in hundredths.
    pub(crate) worst: i64,
}

/// An alert as rules judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    /// `device:…`, `gateway:…` or `cloud`.
    pub(crate) subject: String,
    pub(crate) devices: Vec<String>,
    pub(crate) text: String,
    pub(crate) began: UtcInstant,
    pub(crate) resolved: Option<UtcInstant>,
    /// Of values: what whoever judges the next readings has to know.
    pub(crate) proof: Option<Proof>,
    /// It rang, and later readings show that it was not so.
    pub(crate) withdrawn: bool,
}

/// An alert as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) rule: i64,
    pub(crate) draft: Draft,
    /// Whether anybody was told; if not, it is history.
    pub(crate) rings: bool,
    pub(crate) acknowledged: bool,
    /// When its last message was put out.
    pub(crate) told: Option<UtcInstant>,
}

/// A change of the store's alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A history row that later readings refute.
    Delete {
        /// The alert.
        id: i64,
    },
    /// An alert is another than it was.
    Update {
        /// The alert.
        id: i64,
        /// As it is now.
        draft: Draft,
        /// Whether people are to hear of it, or have.
        rings: bool,
        /// What they are told, in order.
        says: Vec<Event>,
    },
    /// A new one.
    Insert {
        /// As it is.
        draft: Draft,
        /// Whether people hear of it: that it began and, if so, that it is over.
        rings: bool,
    },
}

impl Change {
    /// In an order in which there is never more than one open alert of a rule and subject: what closes comes first.
    fn rank(&self) -> u8 {
        match self {
            Self::Delete { .. } => 0,
            Self::Update { draft, .. } if draft.resolved.is_some() => 1,
            Self::Update { .. } => 2,
            Self::Insert { .. } => 3,
        }
    }
}

/// Brings changes into an order in which they can be written.
pub(crate) fn ordered(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(Change::rank);
    changes
}

impl Change {
    /// The alert that it changes, if there is one.
    pub(crate) fn id(&self) -> Option<i64> {
        match self {
            Self::Delete { id } | Self::Update { id, .. } => Some(*id),
            Self::Insert { .. } => None,
        }
    }
}
