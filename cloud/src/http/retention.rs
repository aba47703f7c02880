//! `GET` and `PUT /api/v1/retention`, and `GET /api/v1/retention/preview`: how long readings are kept.

use super::{Api, json::Said, paging, problem::Problem, query::Keys};
use crate::{
    clock,
    store::retention::{MAX_DAYS, MIN_DAYS, beginning},
};
use axum::{extract::State, http::Uri, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// How long readings are kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    /// In days; null is for ever.
    keep_days: Option<u32>,
}

/// What keeping so many days would mean now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetentionPreview)]
struct JsonPreview {
    #[schema(format = DateTime)]
    before: String,
    readings: i64,
    bytes: i64,
    devices: Vec<JsonDevice>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewDevice)]
struct JsonDevice {
    id: String,
    readings: i64,
}

/// How long they are kept now.
#[utoipa::path(
    get,
    path = "/api/v1/retention",
    operation_id = "get_retention",
    tag = "Care",
    summary = "How long readings are kept",
    responses(
        (status = 200, body = Retention, description = "As it is now"),
    ),
)]
pub(super) async fn get(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let keep_days = api.intake.store.keep_days().await?;
    Ok(paging::json(&Retention { keep_days }, None))
}

/// What would go if so many days were kept.
#[utoipa::path(
    get,
    path = "/api/v1/retention/preview",
    operation_id = "preview_retention",
    tag = "Care",
    summary = "What keeping so many days would remove",
    params(
        ("keep_days" = u32, Query, description = "In days", minimum = 32, maximum = 36525, example = 365),
    ),
    responses(
        (status = 200, body = JsonPreview, description = "What would go"),
    ),
)]
pub(super) async fn preview(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["keep_days"])?;
    let days = keys.text("keep_days").and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let before = beginning(clock::now(), possible(days)?);
    let preview = api.intake.store.preview(before).await?;
    let devices = preview.devices.into_iter().map(|(id, readings)| JsonDevice { id, readings }).collect();
    let (readings, bytes) = (preview.readings, preview.bytes);
    Ok(paging::json(&JsonPreview { before: before.to_string(), readings, bytes, devices }, None))
}

/// Sets it. What is older goes within the hour.
#[utoipa::path(
    put,
    path = "/api/v1/retention",
    operation_id = "put_retention",
    tag = "Care",
    summary = "Say how long readings are kept",
    request_body = Retention,
    responses(
        (status = 200, body = Retention, description = "As it is from now on; what is older goes within the hour"),
    ),
)]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Said(asked): Said<Retention>,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let days = asked.keep_days.map(possible).transpose()?;
    api.intake.store.keep_for(days, clock::now()).await.map_err(|error| Problem::from(&error))?;
    tracing::info!(?days, "the days that readings are kept were set");
    Ok(paging::json(&Retention { keep_days: days }, None))
}

fn possible(days: u32) -> Result<u32, Problem> {
    (MIN_DAYS..=MAX_DAYS).contains(&days).then_some(days).ok_or_else(wrong)
}

fn wrong() -> Problem {
    let detail = format!(
        "keep_days is a number from {MIN_DAYS} to {MAX_DAYS}, or null for ever; gateways offer again what is younger than 30 days, so less would come back"
    );
    Problem::bad_request("bad-retention", detail)
}
