//! Small JSON bodies: settings and the like.

use super::{
    Api,
    body::{self, NoBody},
    problem::Problem,
};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

/// The longest of them, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// Receives a body and reads it as `T`.
pub(super) async fn receive<T: DeserializeOwned>(
    api: &Api,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let detail = "send application/json, and say so in Content-Type";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail));
    }
    let mut share = api.budget.share();
    let bytes = body::receive_within(MAX_BYTES, headers, body, api, &mut share).await;
    let bytes = bytes.map_err(|error| match error {
        NoBody::TooLong(_, refusal) => refusal.into(),
        NoBody::Problem(problem) => problem,
    })?;
    let bad =
        |error: serde_json::Error| Problem::bad_request("bad-body", format!("the body is wrong: {error}"));
    serde_json::from_slice(&bytes).map_err(bad)
}
