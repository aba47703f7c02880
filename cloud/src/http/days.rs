//! `GET /api/v1/devices/{id}/days/{date}`: what came of a UTC day, how, and what is missing.

use super::{
    Api, asked, conflicts::JsonConflict, devices, fixed::Fixed, paging, problem::Problem, query::Keys,
    shown::JsonPair,
};
use crate::{
    clock,
    fleet::thin::Point,
    store::{DayRow, SurveyRow},
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::Response,
};
use fieldpost_core::UtcInstant;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Day)]
struct JsonDay {
    device: String,
    #[schema(format = Date)]
    date: String,
    due: i64,
    /// Slots that are filled, of those that were due.
    held: i64,
    /// Readings that fill no slot.
    extra: i64,
    /// At most 86,400.
    readings: Vec<JsonReading>,
    readings_total: i64,
    /// At most 1,440.
    #[schema(value_type = Vec<super::openapi::Instant>)]
    missing: Vec<String>,
    missing_total: i64,
    /// At most 1,000.
    surveys: Vec<JsonSurvey>,
    surveys_total: i64,
    /// At most 1,000.
    conflicts: Vec<JsonConflict>,
    conflicts_total: i64,
    #[serde(rename = "where")]
    place: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FlaggedReading)]
struct JsonReading {
    #[schema(format = DateTime)]
    time: String,
    #[serde(flatten)]
    values: JsonPair,
    flags: u32,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Survey)]
struct JsonSurvey {
    #[schema(format = DateTime)]
    received: String,
    #[schema(format = DateTime)]
    received_at_gateway: Option<String>,
    gateway: String,
    /// Its first reading; of an empty survey, its receipt.
    #[schema(format = DateTime)]
    starts: String,
    /// Its last reading.
    #[schema(format = DateTime)]
    ends: Option<String>,
    readings: i64,
    new: i64,
    duplicate: i64,
    conflict: i64,
    copies: i64,
}

/// One day of one device.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/days/{date}",
    operation_id = "get_day",
    tag = "Devices",
    summary = "A UTC day of a device",
    params(
        ("id" = String, Path, description = "The device's id", example = "m1"),
        ("date" = String, Path, description = "A UTC date", format = Date, example = "2026-07-01"),
    ),
    responses(
        (status = 200, body = JsonDay, description = "What came, how, and what is missing"),
    ),
)]
pub(super) async fn one(
    State(api): State<Arc<Api>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let Path((id, date)) = path.map_err(|_| devices::unknown())?;
    let id = devices::id(Ok(Path(id)))?;
    let day = asked::day(&date).ok_or_else(|| {
        let detail = "a day is a UTC date such as 2026-07-01, not before 2000-01-01";
        Problem::new(StatusCode::NOT_FOUND, "no-such-day", detail)
    })?;
    let row = api.intake.store.day(id.clone(), day, clock::now()).await?.ok_or_else(devices::unknown)?;
    Ok(paging::json(&JsonDay::new(id.to_string(), date, row), None))
}

impl JsonDay {
    fn new(device: String, date: String, row: DayRow) -> Self {
        Self {
            device,
            date,
            due: row.count.due,
            held: row.count.filled,
            extra: row.count.extra,
            readings: row.readings.rows.into_iter().map(JsonReading::from).collect(),
            readings_total: row.readings.total,
            missing: row.missing.rows.into_iter().map(|time| time.to_string()).collect(),
            missing_total: row.missing.total,
            surveys: row.surveys.rows.into_iter().map(JsonSurvey::from).collect(),
            surveys_total: row.surveys.total,
            conflicts: row.conflicts.rows.into_iter().map(JsonConflict::from).collect(),
            conflicts_total: row.conflicts.total,
            place: row.place,
        }
    }
}

impl From<Point> for JsonReading {
    fn from(point: Point) -> Self {
        let [temperature_c, moisture_pct] = point.values.map(|value| value.map(|value| Fixed(value.into())));
        let time = UtcInstant::from_millis(point.time).to_string();
        Self { time, values: JsonPair { temperature_c, moisture_pct }, flags: point.flags }
    }
}

impl From<SurveyRow> for JsonSurvey {
    fn from(row: SurveyRow) -> Self {
        Self {
            received: row.received.to_string(),
            received_at_gateway: row.received_at_gateway.map(|received| received.to_string()),
            gateway: row.gateway,
            starts: row.starts.to_string(),
            ends: row.ends.map(|ends| ends.to_string()),
            readings: row.readings,
            new: row.new,
            duplicate: row.duplicate,
            conflict: row.conflict,
            copies: row.copies,
        }
    }
}
