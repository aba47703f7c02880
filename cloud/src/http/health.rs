//! `GET /healthz`: whether surveys can be taken.

use super::Api;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::{sync::Arc, time::Duration};

/// How long the store's writer may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// 200 if surveys can be taken, 503 if not.
pub(super) async fn get(State(api): State<Arc<Api>>) -> Response {
    let store = &api.intake.store;
    let (status, word) = match store.healthy(PATIENCE).await {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let body = serde_json::json!({
        "status": word,
        "version": env!("CARGO_PKG_VERSION"),
        "readings": store.readings(),
    });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
