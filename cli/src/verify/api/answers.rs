//! The parts of the API's answers that are looked at.

use crate::object::Object;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct Devices {
    pub(super) devices: Vec<Object<Listed>>,
    pub(super) kept_from: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Device {
    pub(super) first_time: Option<String>,
    pub(super) last_time: Option<String>,
    pub(super) conflicts: u64,
    pub(super) last_contact: Option<String>,
    pub(super) gateway: Option<String>,
    pub(super) details: Object<Details>,
}

#[derive(Deserialize)]
pub(super) struct Details {
    pub(super) interval_s: Option<u32>,
    pub(super) survey_s: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) time_zone: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Gateways {
    pub(super) gateways: Vec<Object<Gateway>>,
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Offered {
    pub(super) temperature_c: Option<Box<RawValue>>,
    pub(super) moisture_pct: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
pub(super) struct Conflict {
    pub(super) time: String,
    pub(super) offered: Option<Object<Offered>>,
}

#[derive(Deserialize)]
pub(super) struct Conflicts {
    pub(super) conflicts: Vec<Object<Conflict>>,
}

#[derive(Deserialize)]
pub(super) struct Problem {
    pub(super) r#type: String,
    pub(super) detail: String,
}
