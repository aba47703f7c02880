//! `PUT /api/v1/devices/{id}/details`: what people say of a device.

use super::{Api, devices, fixed::parts, input, problem::Problem, query::Keys, server::Kept};
use crate::{clock, store::Details};
use axum::{
    Extension,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
};
use fieldpost_core::DeviceId;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The longest body, in bytes: notes in any script, escaped.
const MAX_BODY: usize = 64 * 1024;
/// The longest text, in characters.
const MAX_TEXT: usize = 200;
const MAX_NOTES: usize = 4_000;
/// The longest interval, and the longest time without a survey, in seconds: a year.
const MAX_SECONDS: u32 = 366 * 86_400;
/// The deepest meter, in centimetres.
const MAX_DEPTH: f64 = 10_000.0;

/// The whole of it; what is missing is not said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = NewDetails)]
struct JsonDetails {
    name: Option<String>,
    place: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    depth_cm: Option<f64>,
    soil: Option<String>,
    interval_s: Option<u32>,
    survey_s: Option<u32>,
    notes: Option<String>,
    moisture_low: Option<f64>,
    moisture_high: Option<f64>,
    temperature_low: Option<f64>,
    temperature_high: Option<f64>,
}

/// Sets all details; answers as `GET devices/{id}` does.
#[utoipa::path(
    put,
    path = "/api/v1/devices/{id}/details",
    operation_id = "put_details",
    tag = "Devices",
    summary = "Say what a device is",
    description = "Registers a device that never reported.",
    params(
        ("id" = String, Path, description = "The device's id", example = "m1"),
    ),
    request_body(content = JsonDetails, description = "All of it: what is missing is not said"),
    responses(
        (status = 200, body = super::shown::JsonOne, description = "The device"),
    ),
)]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    Extension(Kept(seat)): Extension<Kept>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let id = path.ok().and_then(|Path(name)| DeviceId::new(&name).ok()).ok_or_else(|| {
        bad("this is no device id: one has 1 to 63 letters, digits and : . _ -, and begins with a letter or digit")
    })?;
    let details: JsonDetails = input::json(&api, &seat, &headers, body, MAX_BODY).await?;
    let details = Details::try_from(details)?;
    let set = api.intake.store.set_details(id.clone(), details, clock::now()).await;
    set.map_err(|error| Problem::from(&error))?;
    devices::answer(&api, id).await
}

impl TryFrom<JsonDetails> for Details {
    type Error = Problem;

    fn try_from(details: JsonDetails) -> Result<Self, Problem> {
        let moisture = |key, value| number(key, value, 100.0, 0.0, 100.0);
        let temperature = |key, value| number(key, value, 100.0, -100.0, 100.0);
        let parsed = Self {
            name: text("name", details.name, MAX_TEXT, false)?,
            place: text("place", details.place, MAX_TEXT, false)?,
            latitude: number("latitude", details.latitude, 1e6, -90.0, 90.0)?,
            longitude: number("longitude", details.longitude, 1e6, -180.0, 180.0)?,
            depth_mm: number("depth_cm", details.depth_cm, 10.0, 0.0, MAX_DEPTH)?,
            soil: text("soil", details.soil, MAX_TEXT, false)?,
            interval_s: seconds("interval_s", details.interval_s)?,
            survey_s: seconds("survey_s", details.survey_s)?,
            notes: text("notes", details.notes, MAX_NOTES, true)?,
            moisture_low: moisture("moisture_low", details.moisture_low)?,
            moisture_high: moisture("moisture_high", details.moisture_high)?,
            temperature_low: temperature("temperature_low", details.temperature_low)?,
            temperature_high: temperature("temperature_high", details.temperature_high)?,
        };
        if parsed.latitude.is_some() != parsed.longitude.is_some() {
            return Err(bad("latitude and longitude go together: give both or none"));
        }
        in_order("moisture", parsed.moisture_low, parsed.moisture_high)?;
        in_order("temperature", parsed.temperature_low, parsed.temperature_high)?;
        Ok(parsed)
    }
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::bad_request("bad-details", detail)
}

fn number(key: &str, value: Option<f64>, unit: f64, low: f64, high: f64) -> Result<Option<i64>, Problem> {
    let parse = |value| {
        parts(value, unit, low, high)
            .ok_or_else(|| bad(format!("{key} is a number from {low} to {high}, or null")))
    };
    value.map(parse).transpose()
}

fn seconds(key: &str, value: Option<u32>) -> Result<Option<u32>, Problem> {
    match value {
        Some(value) if !(1..=MAX_SECONDS).contains(&value) => {
            Err(bad(format!("{key} is a number of seconds from 1 to {MAX_SECONDS}, or null")))
        }
        value => Ok(value),
    }
}

/// Text without blanks around it; empty is not said.
fn text(key: &str, value: Option<String>, limit: usize, lines: bool) -> Result<Option<String>, Problem> {
    let Some(value) = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if value.chars().count() > limit {
        return Err(bad(format!("{key} has at most {limit} characters")));
    }
    let odd = |char: char| char.is_control() && !(lines && matches!(char, '\n' | '\r' | '\t'));
    match value.chars().any(odd) {
        true => Err(bad(format!("{key} has a control character in it; leave it out"))),
        false => Ok(Some(value)),
    }
}

fn in_order(key: &str, low: Option<i64>, high: Option<i64>) -> Result<(), Problem> {
    match low.zip(high) {
        Some((low, high)) if low >= high => Err(bad(format!("{key}_low lies below {key}_high"))),
        _ => Ok(()),
    }
}
