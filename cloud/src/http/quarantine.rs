//! `GET /api/v1/quarantine`: input that was refused, newest first (promise P5).

use super::{Api, asked, devices, paging, problem::Problem, query::Keys};
use crate::store::RefusedRow;
use axum::{
    extract::{Path, State},
    http::Uri,
    response::Response,
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;
/// What is shown of an input, in characters.
const MAX_TEXT: usize = 2_000;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refused)]
struct JsonRefused {
    id: i64,
    #[schema(format = DateTime)]
    received: String,
    gateway: String,
    format: String,
    reason: String,
    detail: String,
    length: i64,
    text: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quarantine)]
struct Page {
    quarantine: Vec<JsonRefused>,
    next: Option<String>,
}

/// What was refused, of one device or of all, before the one with the id `before`.
#[utoipa::path(
    get,
    path = "/api/v1/quarantine",
    operation_id = "list_quarantine",
    tag = "Surveys",
    summary = "Input that was refused",
    params(
        ("device" = Option<String>, Query, description = "Only what names this device"),
        ("before" = Option<i64>, Query, description = "Only those with lower numbers; `next` of the answer has it"),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 unless told", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, body = Page, description = "Refused input, the newest first"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["device", "before", "limit"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let before = match keys.text("before") {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| asked::bad("before is the id of a refused input"))?,
    };
    let device = keys.text("device").map(|id| devices::id(Ok(Path(id.to_owned())))).transpose()?;
    let of =
        device.as_ref().map(|id| format!("&device={}", paging::escaped(id.as_str()))).unwrap_or_default();
    let mut rows = api.intake.store.refused(device, before, limit.saturating_add(1)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|last| format!("/api/v1/quarantine?limit={limit}{of}&before={}", last.id));
    let page = Page { quarantine: rows.into_iter().map(JsonRefused::from).collect(), next };
    Ok(paging::json(&page, page.next.as_deref()))
}

impl From<RefusedRow> for JsonRefused {
    fn from(row: RefusedRow) -> Self {
        Self {
            id: row.id,
            received: row.received.to_string(),
            gateway: row.gateway,
            format: row.format,
            reason: row.reason,
            detail: row.detail,
            length: row.length,
            text: String::from_utf8_lossy(&row.bytes).chars().take(MAX_TEXT).collect(),
        }
    }
}
