//! `POST /api/v1/check`: reads the store through.

use super::{Api, paging, problem::Problem, query::Keys};
use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use std::{sync::Arc, time::Instant};
use utoipa::ToSchema;

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
struct Checked {
    ok: bool,
    messages: Vec<String>,
    took_ms: u64,
}

/// Checks, one at a time: it reads everything.
#[utoipa::path(
    post,
    path = "/api/v1/check",
    operation_id = "check",
    tag = "Care",
    summary = "Read the store through",
    description = "SQLite's integrity check, on a connection of its own; one at a time.",
    responses(
        (status = 200, body = Checked, description = "What was found"),
    ),
)]
pub(super) async fn post(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let _turn = api
        .checking
        .try_lock()
        .map_err(|_| Problem::unavailable("busy", "a check is running already; ask again when it is done"))?;
    let before = Instant::now();
    let messages = api.intake.store.check().await.unwrap_or_else(|error| vec![error]);
    let took_ms = u64::try_from(before.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(first) = messages.first() {
        tracing::error!(faults = messages.len(), first, "the store is not whole; put a backup in its place");
    }
    Ok(paging::json(&Checked { ok: messages.is_empty(), messages, took_ms }, None))
}
