//! A request's body as JSON: small, known members only, each with a message that says how to mend it.

use super::{Api, body, problem::Problem, server::Kept};
use axum::{
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The longest such body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// What a body says. The connection keeps its seat once it is read.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "send application/json, and say so in Content-Type",
            ));
        }
        let seat = request.extensions().get::<Kept>().cloned();
        let bytes = body::receive_small(request.into_body(), api, MAX_BODY).await?;
        if let Some(Kept(seat)) = seat {
            seat.engage().await;
        }
        let said = serde_json::from_slice(&bytes);
        said.map(Self).map_err(|error| Problem::bad_request("bad-body", format!("the body: {error}")))
    }
}
