//! `GET /api/v1/gateways`: who brings surveys.

use super::{Api, paging, problem::Problem, query::Keys};
use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use std::sync::Arc;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

#[derive(Debug, Serialize)]
struct JsonGateway {
    name: String,
    time_zone: Option<String>,
    last_contact: String,
}

#[derive(Debug, Serialize)]
struct Page {
    gateways: Vec<JsonGateway>,
    next: Option<String>,
}

/// Gateways in order of their names, from behind `after`.
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["limit", "after"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let after = keys.text("after").map(str::to_owned);
    let mut rows = api.intake.store.gateways(after, limit.saturating_add(1)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next =
        last.map(|last| format!("/api/v1/gateways?limit={limit}&after={}", paging::escaped(&last.name)));
    let gateways = rows.into_iter().map(|row| JsonGateway {
        name: row.name,
        time_zone: row.time_zone,
        last_contact: row.last_contact.to_string(),
    });
    let page = Page { gateways: gateways.collect(), next };
    Ok(paging::json(&page, page.next.as_deref()))
}
