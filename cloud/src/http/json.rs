//! A small JSON body as a handler's argument.

use super::{Api, input, problem::Problem, server::Kept};
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The longest such body, in bytes: a rule that names three thousand devices.
const MAX_BODY: usize = 256 * 1024;

/// What a body says, known members only. The connection keeps its seat once it is read.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        // Every connection has a seat; a request without one came by no connection.
        let Some(Kept(seat)) = head.extensions.get::<Kept>().cloned() else {
            return Err(Problem::bad_request("bad-request", "this request came by no connection"));
        };
        input::json(api, &seat, &head.headers, body, MAX_BODY).await.map(Self)
    }
}
