//! `GET /api/v1/me`: who I am, as far as the page must know to begin.

use super::super::{Api, paging, problem::Problem, query::Keys};
use crate::{accounts::Caller, rights::Role};
use axum::{
    Extension,
    extract::State,
    http::{HeaderValue, Uri, header},
    response::Response,
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedIn)]
struct JsonUser {
    name: String,
    role: Role,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    open: bool,
    /// Whether only the cloud's own machine reaches it; else one that is open is open to the network.
    local: bool,
    setup: bool,
    user: Option<JsonUser>,
    csrf: Option<String>,
    version: &'static str,
}

impl Me {
    /// What `caller` is told.
    pub(super) fn new(api: &Api, caller: &Caller) -> Self {
        let book = api.accounts.book();
        let (user, csrf) = match caller {
            Caller::User { name, role, csrf, .. } => {
                (Some(JsonUser { name: name.to_string(), role: *role }), Some(csrf.to_hex()))
            }
            Caller::Anyone | Caller::Nobody | Caller::BadToken | Caller::Token { .. } => (None, None),
        };
        Self {
            open: api.accounts.is_open(&book),
            local: api.accounts.is_local(),
            setup: book.has_no_users(),
            user,
            csrf,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Who I am.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    operation_id = "me",
    tag = "Accounts",
    summary = "Who I am",
    responses(
        (status = 200, body = Me, description = "Whoever has sent this"),
    ),
)]
pub(in crate::http) async fn get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let mut response = paging::json(&Me::new(&api, &caller), None);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
