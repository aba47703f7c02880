//! What the cloud holds, however it is asked: by its API, or in its store's file.

use super::{api::Api, store::StoreFile};
use anyhow::Result;
use fieldpost_core::{DeviceId, Reading, UtcInstant};

/// Instants from the first, inclusive, to the second, exclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from: UtcInstant,
    pub(crate) to: UtcInstant,
}

/// A device that the cloud knows.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its first and its last reading.
    pub(crate) span: Option<(UtcInstant, UtcInstant)>,
    /// How many values contradict its readings.
    pub(crate) conflicts: u64,
    /// When it was last heard.
    pub(crate) contact: Option<UtcInstant>,
    /// Seconds from one reading to the next, and within which a survey is owed, if people said so.
    pub(crate) interval_s: Option<u32>,
    pub(crate) survey_s: Option<u32>,
    /// Of the gateway that brought its last survey.
    pub(crate) time_zone: Option<String>,
}

/// The cloud.
pub(crate) enum Source {
    Api(Box<Api>),
    Store(StoreFile),
}

impl Source {
    /// The time zones of the gateways that say theirs, each once.
    pub(crate) fn zones(&mut self) -> Result<Vec<String>> {
        match self {
            Self::Api(api) => api.zones(),
            Self::Store(store) => store.zones(),
        }
    }

    /// The first device behind `after`, in the order of their ids.
    pub(crate) fn next_device(&mut self, after: Option<&DeviceId>) -> Result<Option<DeviceId>> {
        match self {
            Self::Api(api) => api.next_device(after),
            Self::Store(store) => store.next_device(after),
        }
    }

    /// One device.
    pub(crate) fn device(&mut self, id: &DeviceId) -> Result<Option<Known>> {
        match self {
            Self::Api(api) => api.device(id),
            Self::Store(store) => store.device(id),
        }
    }

    /// Up to where readings were let go of by age, or not taken. Asked for behind readings it explains what they lack.
    pub(crate) fn kept_from(&mut self) -> Result<Option<UtcInstant>> {
        match self {
            Self::Api(api) => api.kept_from(),
            Self::Store(store) => store.kept_from(),
        }
    }

    /// A device's readings, in order of time.
    pub(crate) fn readings(&mut self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        match self {
            Self::Api(api) => api.readings(id, range),
            Self::Store(store) => store.readings(id, range),
        }
    }

    /// The values that contradict a device's readings, as they were offered, in order of time.
    pub(crate) fn conflicts(&mut self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        match self {
            Self::Api(api) => api.conflicts(id, range),
            Self::Store(store) => store.conflicts(id, range),
        }
    }

    /// How many readings came again, in surveys that start at these instants; None if the cloud does not say.
    pub(crate) fn copies(&mut self, id: &DeviceId, range: Range) -> Result<Option<Vec<(UtcInstant, u64)>>> {
        match self {
            Self::Api(_) => Ok(None),
            Self::Store(store) => store.copies(id, range).map(Some),
        }
    }
}
