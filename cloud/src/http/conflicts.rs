//! `GET /api/v1/devices/{id}/conflicts`: what contradicts the readings that are held (promise P3), newest first.

use super::{Api, asked, devices, number::JsonValues, paging, problem::Problem, query::Keys};
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
    /// All conflicts of the device, not only those of this page.
    total: i64,
    conflicts: Vec<JsonConflict>,
    next: Option<String>,
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
        ("after" = Option<i64>, Query, description = "And of the reading at `to` those behind this one; `next` of the answer has it"),
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
    let keys = Keys::of(&uri, &["limit", "to", "after"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let to = keys.instant("to")?.unwrap_or(UtcInstant::LATEST);
    let after = match keys.text("after") {
        None => 0,
        Some(text) => text.parse().map_err(|_| asked::bad("after is the number that `next` has"))?,
    };
    let id = devices::id(path)?;
    let store = &api.intake.store;
    let device = store.device_number(id.clone()).await?.ok_or_else(devices::unknown)?;
    let (mut rows, total) = store.conflicts_of(device, (to, after), limit.saturating_add(1)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| {
        let (id, to) = (paging::escaped(id.as_str()), last.time);
        format!("/api/v1/devices/{id}/conflicts?limit={limit}&to={to}&after={}", last.id)
    });
    let conflicts = rows.into_iter().map(JsonConflict::from).collect();
    let page = Conflicts { device: id.to_string(), total, conflicts, next };
    Ok(paging::json(&page, page.next.as_deref()))
}
