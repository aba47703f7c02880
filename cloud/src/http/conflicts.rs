//! `GET /api/v1/devices/{id}/conflicts`: what contradicts the readings that are held (promise P3), newest first.

use super::{Api, devices, number::JsonValues, paging, problem::Problem, query::Keys};
use crate::store::ConflictRow;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::Uri,
    response::Response,
};
use fieldpost_core::UtcInstant;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// A conflict as JSON.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conflict)]
pub(super) struct JsonConflict {
    #[schema(format = DateTime)]
    time: String,
    held: Option<JsonValues>,
    offered: Option<JsonValues>,
    gateway: String,
    #[schema(format = DateTime)]
    first_offered: String,
    #[schema(format = DateTime)]
    last_offered: String,
    count: i64,
}

impl From<ConflictRow> for JsonConflict {
    fn from(row: ConflictRow) -> Self {
        Self {
            time: row.time.to_string(),
            held: row.held.map(JsonValues::from),
            offered: row.offered.map(JsonValues::from),
            gateway: row.gateway,
            first_offered: row.first_offered.to_string(),
            last_offered: row.last_offered.to_string(),
            count: row.count,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Conflicts {
    device: String,
    conflicts: Vec<JsonConflict>,
}

/// A device's conflicts, of readings before `to`.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/conflicts",
    operation_id = "list_conflicts",
    tag = "Devices",
    summary = "What contradicts the readings that are held",
    params(
        ("id" = String, Path, description = "The device's id", example = "m1"),
        ("to" = Option<super::openapi::Instant>, Query, description = "Only conflicts of readings before this"),
        ("limit" = Option<u32>, Query, description = "How many at most; 100 unless told", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = Conflicts, description = "Conflicts, the newest first"),
    ),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["limit", "to"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let to = keys.instant("to")?.unwrap_or(UtcInstant::LATEST);
    let id = devices::id(path)?;
    let store = &api.intake.store;
    let device = store.device_number(id.clone()).await?.ok_or_else(devices::unknown)?;
    let rows = store.conflicts_of(device, to, limit).await?;
    let conflicts = rows.into_iter().map(JsonConflict::from).collect();
    Ok(paging::json(&Conflicts { device: id.to_string(), conflicts }, None))
}
