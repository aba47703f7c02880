//! `/api/v1/alerts`: what there is and was to hear of, the newest first.

use super::{Api, paging, problem::Problem, query::Keys};
use crate::{accounts::Caller, alerts::message::JsonAlert, clock};
use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::Response,
};
use serde::Serialize;
use std::{fmt::Write, sync::Arc};
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alerts)]
struct Page<'a> {
    alerts: Vec<JsonAlert<'a>>,
    next: Option<String>,
}

fn unknown() -> Problem {
    let detail = "there is no alert with this id; /api/v1/alerts lists those that there are";
    Problem::new(StatusCode::NOT_FOUND, "unknown-alert", detail)
}

/// Alerts with numbers below `before`.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    operation_id = "list_alerts",
    tag = "Alerts",
    summary = "What there is and was to hear of",
    params(
        ("open" = Option<bool>, Query, description = "Only those that are not solved, or only those that are"),
        ("before" = Option<i64>, Query, description = "Only those with lower numbers; `next` of the answer has it"),
        ("limit" = Option<u32>, Query, description = "How many at most; 100 unless told", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = Page, description = "Alerts, the newest first"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["open", "before", "limit"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let bad = |detail: &str| Problem::bad_request("bad-query", detail);
    let open = match keys.text("open") {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(bad("open is true or false")),
    };
    let before = keys.text("before").map_or(Ok(i64::MAX), str::parse);
    let before = before.map_err(|_| bad("before is the id of an alert"))?;
    let mut alerts = api.intake.store.alerts(open, before, limit.saturating_add(1)).await?;
    let more = alerts.len() > limit;
    alerts.truncate(limit);
    let next = alerts.last().filter(|_| more).map(|last| {
        let mut next = format!("/api/v1/alerts?limit={limit}&before={}", last.id);
        if let Some(open) = open {
            // Writing to a string does not fail.
            let _ = write!(next, "&open={open}");
        }
        next
    });
    let page = Page { alerts: alerts.iter().map(JsonAlert::from).collect(), next };
    Ok(paging::json(&page, page.next.as_deref()))
}

/// Notes that somebody knows of it: it is not repeated.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/acknowledge",
    operation_id = "acknowledge_alert",
    tag = "Alerts",
    summary = "Say that somebody knows of it",
    params(
        ("id" = i64, Path, description = "Its number"),
    ),
    responses(
        (status = 200, body = JsonAlert, description = "The alert, which is not repeated"),
    ),
)]
pub(super) async fn acknowledge(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<i64>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let id = path.map_err(|_| unknown())?.0;
    let noted = api.intake.store.acknowledge(id, Some(caller.to_string()), clock::now()).await;
    let alert = noted.map_err(|error| Problem::from(&error))?.ok_or_else(unknown)?;
    Ok(paging::json(&JsonAlert::from(&alert), None))
}
