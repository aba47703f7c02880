//! `GET /api/v1/gateways`: who brings surveys, and what they told of themselves.

use super::{Api, paging, problem::Problem, query::Keys};
use crate::{
    clock,
    store::{GatewayRow, Report, RoundReport},
};
use axum::{extract::State, http::Uri, response::Response};
use fieldpost_core::{DeviceId, UtcInstant};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gateway)]
struct JsonGateway {
    name: String,
    time_zone: Option<String>,
    #[schema(format = DateTime)]
    last_contact: String,
    #[schema(value_type = super::openapi::GatewayState)]
    state: &'static str,
    devices: i64,
    status: Option<JsonStatus>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GatewayStatus)]
struct JsonStatus {
    #[schema(format = DateTime)]
    at: Option<String>,
    version: String,
    waiting: i64,
    #[schema(format = DateTime)]
    oldest_waiting: Option<String>,
    journal_bytes: i64,
    journal_limit: i64,
    room_days: Option<f64>,
    roster: Vec<String>,
    round: Option<JsonRound>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Round)]
struct JsonRound {
    #[schema(format = DateTime)]
    opened: String,
    #[schema(format = DateTime)]
    closed: String,
    reported: i64,
    silent: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gateways)]
struct Page {
    /// All gateways, not only those of this page.
    total: i64,
    gateways: Vec<JsonGateway>,
    next: Option<String>,
}

/// Gateways in order of their names, from behind `after`.
#[utoipa::path(
    get,
    path = "/api/v1/gateways",
    operation_id = "list_gateways",
    tag = "Gateways",
    summary = "Who brings surveys, and how it does",
    params(
        ("limit" = Option<u32>, Query, description = "How many at most; 100 unless told", minimum = 1, maximum = 1000),
        ("after" = Option<String>, Query, description = "Begin behind this name; `next` of the answer has it"),
    ),
    responses(
        (status = 200, body = Page, description = "Gateways in order of their names"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["limit", "after"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let after = keys.text("after").map(str::to_owned);
    let total = api.intake.store.count_gateways().await?;
    let mut rows = api.intake.store.gateways(after, limit.saturating_add(1)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last
        .map(|last| format!("/api/v1/gateways?limit={limit}&after={}", paging::escaped(&last.gateway.name)));
    let now = clock::now();
    let gateways = rows.into_iter().map(|row| JsonGateway::new(row, now)).collect();
    let page = Page { total, gateways, next };
    Ok(paging::json(&page, page.next.as_deref()))
}

impl JsonGateway {
    fn new(row: GatewayRow, now: UtcInstant) -> Self {
        let at = row.gateway.backlog.map(|told| told.at.to_string());
        Self {
            state: if row.gateway.is_silent(now) { "silent" } else { "fresh" },
            last_contact: row.gateway.last_contact.to_string(),
            name: row.gateway.name,
            time_zone: row.time_zone,
            devices: row.devices,
            status: row.status.map(|report| JsonStatus::new(report, at)),
        }
    }
}

fn ids(ids: &[DeviceId]) -> Vec<String> {
    ids.iter().map(DeviceId::to_string).collect()
}

impl JsonStatus {
    fn new(report: Report, at: Option<String>) -> Self {
        let round = |round: RoundReport| JsonRound {
            opened: round.opened.to_string(),
            closed: round.closed.to_string(),
            reported: round.reported,
            silent: ids(&round.silent),
        };
        Self {
            at,
            version: report.version,
            waiting: report.waiting,
            oldest_waiting: report.oldest_waiting.map(|oldest| oldest.to_string()),
            journal_bytes: report.journal_bytes,
            journal_limit: report.journal_limit,
            room_days: report.room_days,
            roster: ids(&report.roster),
            round: report.round.map(round),
        }
    }
}
