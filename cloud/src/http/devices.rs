//! `GET /api/v1/devices` and `GET /api/v1/devices/{id}`.

use super::{Api, number::JsonValues, paging, problem::Problem, query::Keys, shown::JsonOne};
use crate::{clock, store::DeviceRow};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::Response,
};
use fieldpost_core::DeviceId;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// A device as JSON.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeviceBrief)]
struct JsonDevice {
    id: String,
    readings: i64,
    conflicts: i64,
    #[schema(format = DateTime)]
    first_time: Option<String>,
    #[schema(format = DateTime)]
    last_time: Option<String>,
    last_values: Option<JsonValues>,
    #[schema(format = DateTime)]
    last_contact: Option<String>,
}

impl From<DeviceRow> for JsonDevice {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.name,
            readings: row.readings,
            conflicts: row.conflicts,
            first_time: row.first_time.map(|time| time.to_string()),
            last_time: row.last_time.map(|time| time.to_string()),
            last_values: row.last_values.map(JsonValues::from),
            last_contact: row.last_contact.map(|contact| contact.to_string()),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Devices)]
struct Page {
    devices: Vec<JsonDevice>,
    /// Readings from before were let go of by age, whatever is kept now; null if that never was so
    #[schema(format = DateTime)]
    kept_from: Option<String>,
    next: Option<String>,
}

/// Devices in order of their ids, from behind `after`.
#[utoipa::path(
    get,
    path = "/api/v1/devices",
    operation_id = "list_devices",
    tag = "Devices",
    summary = "List the devices that have reported",
    params(
        ("limit" = Option<u32>, Query, description = "How many at most; 100 unless told", minimum = 1, maximum = 1000),
        ("after" = Option<String>, Query, description = "Begin behind this name; `next` of the answer has it"),
    ),
    responses(
        (status = 200, body = Page, description = "Devices in order of their ids"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["limit", "after"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let after = keys.text("after").map(str::to_owned);
    let mut rows = api.intake.store.devices(after, limit.saturating_add(1)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next =
        last.map(|last| format!("/api/v1/devices?limit={limit}&after={}", paging::escaped(&last.name)));
    // Asked for behind the rows: it only moves on, so whatever they lack by age lies before it.
    let kept_from = api.intake.store.kept_from().await?.map(|from| from.to_string());
    let page = Page { devices: rows.into_iter().map(JsonDevice::from).collect(), kept_from, next };
    Ok(paging::json(&page, page.next.as_deref()))
}

/// One device.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}",
    operation_id = "get_device",
    tag = "Devices",
    summary = "One device",
    params(
        ("id" = String, Path, description = "The device's id", example = "m1"),
    ),
    responses(
        (status = 200, body = JsonOne, description = "As it is now"),
    ),
)]
pub(super) async fn one(
    State(api): State<Arc<Api>>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    answer(&api, id(path)?).await
}

/// A device as it is now.
pub(super) async fn answer(api: &Api, id: DeviceId) -> Result<Response, Problem> {
    let one = api.intake.store.shown(id, clock::now()).await?.ok_or_else(unknown)?;
    Ok(paging::json(&JsonOne::new(one), None))
}

/// The device that a path names.
pub(super) fn id(path: Result<Path<String>, PathRejection>) -> Result<DeviceId, Problem> {
    // What cannot be an id is no device's.
    path.ok().and_then(|Path(name)| DeviceId::new(&name).ok()).ok_or_else(unknown)
}

/// No device has this id.
pub(super) fn unknown() -> Problem {
    let detail = "no device with this id is known; /api/v1/devices lists those that are";
    Problem::new(StatusCode::NOT_FOUND, "unknown-device", detail)
}
