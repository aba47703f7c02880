//! `PUT /api/v1/me/password`: one's own password.

use super::{
    super::{
        Api,
        access::{cookie::Cookie, origin},
        json::Said,
        problem::Problem,
        query::Keys,
        server::Peer,
    },
    NotDone,
    session::with_cookie,
};
use crate::accounts::{Caller, Fault, NewPassword};
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct OwnPassword {
    old: String,
    new: String,
}

/// Changes one's own password.
#[utoipa::path(
    put,
    path = "/api/v1/me/password",
    operation_id = "change_own_password",
    tag = "Accounts",
    summary = "Change my own password",
    description = "Signs me out everywhere but here. For people: a token has no password.",
    request_body = OwnPassword,
    responses(
        (status = 204, description = "Done", headers(("set-cookie" = String, description = "Keeps the browser known"))),
        (status = 403, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "The old password is wrong, or whoever has sent this has none"),
        (status = 429, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "Too many attempts; Retry-After says when the next one counts", headers(("retry-after" = u64, description = "Seconds"))),
    ),
)]
pub(in crate::http) async fn put(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
    Said(OwnPassword { old, new }): Said<OwnPassword>,
) -> Result<Response, NotDone> {
    Keys::of(&uri, &[])?;
    let Caller::User { name, session, .. } = caller else {
        return Err(
            forbidden("no-password", "only somebody who is signed in has a password to change").into()
        );
    };
    let proxies = api.accounts.proxies();
    let address = origin::address(&headers, peer.ip(), proxies);
    let changed = api.accounts.change_own_password(&name, session, NewPassword { old, new }, address).await;
    let here = match changed {
        Err(Fault::WrongCredentials) => {
            // Not 401: they are signed in.
            return Err(forbidden("wrong-password", "the old password is wrong").into());
        }
        changed => changed?,
    };
    let secure = origin::is_secure(&headers, peer.ip(), proxies);
    let known = Cookie::Device.set(here.expose(), secure);
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), known))
}

fn forbidden(reason: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, reason, detail)
}
