//! `GET /healthz`: whether surveys can be taken.

use super::Api;
use crate::{accounts::Caller, rights::Need};
use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::{sync::Arc, time::Duration};

/// How long the store's writer may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// 200 if surveys can be taken, 503 if not.
pub(super) async fn get(State(api): State<Arc<Api>>, Extension(caller): Extension<Caller>) -> Response {
    let store = &api.intake.store;
    let (status, word) = match store.healthy(PATIENCE).await {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let mut body = serde_json::json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    // Whether we are well, anybody may know; what we hold, not.
    if caller.may(Need::Read)
        && let Some(members) = body.as_object_mut()
    {
        members.insert("readings".into(), store.readings().into());
    }
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
