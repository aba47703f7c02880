//! What is said of a device, and of all together. This is also the shape of `--json`.

use fieldpost_core::Values;
use serde::Serialize;
use std::collections::BTreeMap;

/// Readings, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cells {
    /// Slots; None if the interval is not known.
    pub(crate) due: Option<u64>,
    /// Readings that the cloud holds.
    pub(crate) held: u64,
    /// Copies of readings; None if nobody says.
    pub(crate) duplicate: Option<u64>,
    /// Other values that the cloud records.
    pub(crate) conflict: u64,
    /// Readings in surveys that the cloud refused.
    pub(crate) refused: u64,
    /// Readings that the cloud has not acknowledged yet.
    pub(crate) at_gateway: u64,
    /// Acknowledged readings that the cloud has let go of by age.
    pub(crate) let_go: u64,
    /// Acknowledged readings that the cloud does not hold, and should.
    pub(crate) missing: u64,
}

impl Cells {
    /// Adds others, of other days or devices. What is not known of one is not known of the sum.
    pub(crate) fn add(&mut self, other: &Self) {
        let both = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        self.due = both(self.due, other.due);
        self.duplicate = both(self.duplicate, other.duplicate);
        for (sum, more) in [
            (&mut self.held, other.held),
            (&mut self.conflict, other.conflict),
            (&mut self.refused, other.refused),
            (&mut self.at_gateway, other.at_gateway),
            (&mut self.let_go, other.let_go),
            (&mut self.missing, other.missing),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    /// Nothing is known of that day but what was due.
    pub(crate) fn is_silent(&self) -> bool {
        let Self { due: _, held, duplicate, conflict, refused, at_gateway, let_go, missing } = *self;
        held + duplicate.unwrap_or(0) + conflict + refused + at_gateway + let_go + missing == 0
    }

    /// All that was due is held, and there is nothing to look into.
    pub(crate) fn is_complete(&self) -> bool {
        self.due.is_none_or(|due| self.held >= due)
            && self.conflict + self.refused + self.at_gateway + self.missing == 0
    }
}

/// A day, or several days in a row of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DayLine {
    pub(crate) day: String,
    /// The last one, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) through: Option<String>,
    #[serde(flatten)]
    pub(crate) cells: Cells,
}

/// Both values of a reading, as the API writes them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct JsonValues {
    temperature_c: Option<f64>,
    moisture_pct: Option<f64>,
}

impl From<Values> for JsonValues {
    fn from(values: Values) -> Self {
        // Hundredths up to 100 print as they were measured.
        let number = |hundredths: i64| hundredths as f64 / 100.0;
        Self {
            temperature_c: values.temperature().map(|value| number(value.hundredths())),
            moisture_pct: values.moisture().map(|value| number(value.hundredths())),
        }
    }
}

fn json_values<S: serde::Serializer>(values: &Values, serializer: S) -> Result<S::Ok, S::Error> {
    JsonValues::from(*values).serialize(serializer)
}

fn json_held<S: serde::Serializer>(values: &Option<Values>, serializer: S) -> Result<S::Ok, S::Error> {
    values.map(JsonValues::from).serialize(serializer)
}

/// A reading that was acknowledged and is not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Missing {
    pub(crate) device: String,
    /// RFC 3339.
    pub(crate) time: String,
    #[serde(serialize_with = "json_values")]
    pub(crate) values: Values,
    /// What the cloud holds instead.
    #[serde(serialize_with = "json_held")]
    pub(crate) held: Option<Values>,
    /// The survey in the gateway's journal.
    pub(crate) seq: i64,
    /// The gateway's data folder.
    pub(crate) gateway: String,
}

/// A survey that the cloud refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RefusedSurvey {
    pub(crate) seq: i64,
    pub(crate) gateway: String,
    pub(crate) readings: usize,
    pub(crate) reason: String,
}

/// A survey in a journal that is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DamagedRow {
    pub(crate) seq: i64,
    pub(crate) gateway: String,
    pub(crate) device: Option<String>,
}

/// Surveys in the journals that are damaged, or of which nothing is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DamagedRows {
    /// How many.
    pub(crate) count: u64,
    /// Those that the journals can name.
    pub(crate) named: Vec<DamagedRow>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DeviceReport {
    pub(crate) device: String,
    /// Whose days these are.
    pub(crate) time_zone: String,
    /// Milliseconds from slot to slot; None if it cannot be told.
    pub(crate) interval_ms: Option<i64>,
    /// A gateway expects it, and nobody has a reading of it.
    pub(crate) never_heard: bool,
    pub(crate) total: Cells,
    pub(crate) days: Vec<DayLine>,
    /// Different readings that the cloud acknowledged.
    pub(crate) acknowledged: u64,
    /// Of these, those of which nothing can be said.
    pub(crate) unproven: u64,
    pub(crate) missing: Vec<Missing>,
    pub(crate) refused_surveys: Vec<RefusedSurvey>,
    /// Inputs that gateways refused and still keep, and that name it.
    pub(crate) refused_at_gateway: u64,
}

/// All together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sum {
    pub(crate) devices: u64,
    /// Journals that were looked into.
    pub(crate) journals: usize,
    /// Different readings that the cloud acknowledged.
    pub(crate) acknowledged: u64,
    /// Of these, those that are nowhere.
    pub(crate) missing: u64,
    /// Of these, those of which nothing can be said.
    pub(crate) unproven: u64,
    /// Surveys that are damaged or lost in a journal, and that the cloud has not acknowledged.
    pub(crate) damaged: u64,
    /// Surveys that are damaged in a journal, and that the cloud has acknowledged.
    pub(crate) damaged_but_passed_on: u64,
    /// Acknowledged readings that the cloud has let go of by age.
    pub(crate) let_go: u64,
    pub(crate) at_gateway: u64,
    pub(crate) refused: u64,
    /// Inputs that the gateways refused, by reason: what was in them was never acknowledged.
    pub(crate) refused_at_gateway: BTreeMap<String, u64>,
    /// Copies of datagrams that the gateways recognised.
    pub(crate) copies_at_gateway: u64,
    /// Who was asked for the column `duplicate`.
    pub(crate) duplicates_from: DuplicatesFrom,
    /// Devices that a gateway expects, and of which nobody has a reading.
    pub(crate) never_heard: u64,
}

/// Whose word copies are counted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DuplicatesFrom {
    /// Readings that stand several times in the journals.
    #[default]
    Journals,
    /// Readings that came to the cloud again, as its store notes them.
    Store,
}

impl Sum {
    pub(crate) fn add(&mut self, device: &DeviceReport) {
        self.devices += 1;
        self.acknowledged += device.acknowledged;
        self.missing += device.missing.len() as u64;
        self.unproven += device.unproven;
        self.let_go += device.total.let_go;
        self.never_heard += u64::from(device.never_heard);
        self.at_gateway += device.total.at_gateway;
        self.refused += device.total.refused;
    }

    /// Whether nothing is lost as far as can be told.
    pub(crate) fn is_well(&self) -> bool {
        self.missing == 0 && self.damaged == 0
    }
}
