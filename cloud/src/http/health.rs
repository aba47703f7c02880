//! `GET /healthz`: whether surveys can be taken.

use super::{Api, paging};
use crate::{accounts::Caller, rights::Need};
use axum::{Extension, extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;

/// How long the store's writer may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`, or why not.
    status: String,
    version: &'static str,
    /// Readings in the store; only for who may look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    readings: Option<u64>,
}

/// 200 if surveys can be taken, 503 if not.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "health",
    tag = "Operations",
    summary = "Whether surveys can be taken",
    responses(
        (status = 200, body = Health, description = "They can"),
        (status = 503, body = Health, description = "They cannot; `status` says why"),
    ),
)]
pub(super) async fn get(State(api): State<Arc<Api>>, Extension(caller): Extension<Caller>) -> Response {
    let store = &api.intake.store;
    let (status, word) = match store.healthy(PATIENCE).await {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    // Whether we are well, anybody may know; what we hold, not.
    let readings = caller.may(Need::Read).then(|| store.readings());
    let health = Health { status: word, version: env!("CARGO_PKG_VERSION"), readings };
    let mut response = paging::json(&health, None);
    *response.status_mut() = status;
    response
}
