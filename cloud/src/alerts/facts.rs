//! What the rules of silence, rounds and room are judged by: the store's facts at one moment.

use fieldpost_core::UtcInstant;
use std::{collections::BTreeMap, time::Duration};

/// What a gateway says of itself, as far as alerts ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Bytes of its journal, and how many it may have.
    pub(crate) journal_bytes: Option<u64>,
    pub(crate) journal_limit: Option<u64>,
    /// Its last round.
    pub(crate) round: Option<Round>,
}

/// A gateway's round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Round {
    /// When it closed; None while it is open.
    pub(crate) closed: Option<String>,
    /// Devices on the roster that did not report.
    pub(crate) silent: Vec<String>,
}

/// A gateway.
#[derive(Debug, Clone)]
pub(crate) struct GatewayFacts {
    pub(crate) name: String,
    /// When anything came from it last, a survey or its status.
    pub(crate) last_contact: UtcInstant,
    /// Its status, and when that came.
    pub(crate) status: Option<(UtcInstant, Status)>,
    /// It was found to be silent when this was its last contact.
    pub(crate) out: Option<UtcInstant>,
    /// When it was heard again after it had been silent the last time.
    pub(crate) returned: Option<UtcInstant>,
    /// The devices whose surveys it brought last; known only if somebody may ask, see [`super::silence`].
    pub(crate) devices: Vec<String>,
}

/// A device that owes a survey.
#[derive(Debug, Clone)]
pub(crate) struct DeviceFacts {
    pub(crate) name: String,
    pub(crate) last_contact: UtcInstant,
    /// How often it owes one.
    pub(crate) survey: Duration,
    /// Who brought its last survey, as a key of [`Facts::gateways`].
    pub(crate) gateway: Option<i64>,
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) gateways: BTreeMap<i64, GatewayFacts>,
    /// Devices that owe a survey.
    pub(crate) late: Vec<DeviceFacts>,
    /// How full the data folder's disk is, in hundredths of a percent, if the system says.
    pub(crate) disk_used: Option<i64>,
    /// Until when nobody is newly called silent: the cloud has just started, and heard nobody before.
    pub(crate) settled: UtcInstant,
}

impl Facts {
    /// The gateway of that name.
    pub(crate) fn gateway(&self, name: &str) -> Option<&GatewayFacts> {
        self.gateways.values().find(|gateway| gateway.name == name)
    }
}
