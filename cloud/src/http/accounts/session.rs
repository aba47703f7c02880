//! Signing in and out: `POST` and `DELETE /api/v1/session`, and `POST /api/v1/setup` by a one-time link.

use super::{
    super::{
        Api,
        access::{self, cookie::Cookie, origin},
        json::Said,
        paging,
        query::Keys,
        server::Peer,
    },
    NotDone,
    me::Me,
};
use crate::accounts::{Browser, Caller, Credentials, SignedIn};
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SignIn {
    name: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SetUp {
    code: String,
    name: String,
    password: String,
}

/// Signs in.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    operation_id = "sign_in",
    tag = "Accounts",
    summary = "Sign in",
    request_body = SignIn,
    responses(
        (status = 200, body = Me, description = "Who has signed in", headers(("set-cookie" = String, description = "Keeps the browser signed in"))),
        (status = 401, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "The name or the password is wrong"),
        (status = 429, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "Too many attempts; Retry-After says when the next one counts", headers(("retry-after" = u64, description = "Seconds"))),
    ),
)]
pub(in crate::http) async fn post(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    uri: Uri,
    Said(SignIn { name, password }): Said<SignIn>,
) -> Result<Response, NotDone> {
    Keys::of(&uri, &[])?;
    let proxies = api.accounts.proxies();
    let secure = origin::is_secure(&headers, peer.ip(), proxies);
    let browser = Browser {
        address: origin::address(&headers, peer.ip(), proxies),
        before: access::sessions(&api.accounts, peer.ip(), &headers),
        known_by: Cookie::Device.sent(&headers, secure).map(str::to_owned).collect(),
    };
    let signed_in = api.accounts.sign_in(Credentials { name, password }, browser).await?;
    Ok(welcome(&api, StatusCode::OK, &signed_in, secure))
}

/// Makes the first administrator, or another, by a one-time link.
#[utoipa::path(
    post,
    path = "/api/v1/setup",
    operation_id = "set_up",
    tag = "Accounts",
    summary = "Make the first administrator by the one-time link",
    request_body = SetUp,
    responses(
        (status = 201, body = Me, description = "Who has signed in", headers(("set-cookie" = String, description = "Keeps the browser signed in"))),
        (status = 403, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "The link was used, or is too old"),
        (status = 409, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "There is one of this name already"),
        (status = 429, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "Too many attempts; Retry-After says when the next one counts", headers(("retry-after" = u64, description = "Seconds"))),
    ),
)]
pub(in crate::http) async fn set_up(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    uri: Uri,
    Said(SetUp { code, name, password }): Said<SetUp>,
) -> Result<Response, NotDone> {
    Keys::of(&uri, &[])?;
    let proxies = api.accounts.proxies();
    let address = origin::address(&headers, peer.ip(), proxies);
    let signed_in = api.accounts.set_up(&code, Credentials { name, password }, address).await?;
    let secure = origin::is_secure(&headers, peer.ip(), proxies);
    Ok(welcome(&api, StatusCode::CREATED, &signed_in, secure))
}

/// Signs out; who is not signed in is so already.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    operation_id = "sign_out",
    tag = "Accounts",
    summary = "Sign out",
    responses(
        (status = 204, description = "Done"),
    ),
)]
pub(in crate::http) async fn delete(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, NotDone> {
    Keys::of(&uri, &[])?;
    if matches!(caller, Caller::User { .. }) {
        // Also one that a neighbour planted: it would be next.
        api.accounts.sign_out(access::sessions(&api.accounts, peer.ip(), &headers)).await?;
    }
    let gone = Cookie::Session.clear(origin::is_secure(&headers, peer.ip(), api.accounts.proxies()));
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), gone))
}

/// What `me` says from now on, and the cookie that makes it so.
fn welcome(api: &Api, status: StatusCode, signed_in: &SignedIn, secure: bool) -> Response {
    let book = api.accounts.book();
    let caller = api.accounts.signed_in(&book, signed_in.cookie.expose()).unwrap_or(Caller::Nobody);
    let mut response = paging::json(&Me::new(api, &caller), None);
    *response.status_mut() = status;
    let response = with_cookie(response, Cookie::Session.set(signed_in.cookie.expose(), secure));
    with_cookie(response, Cookie::Device.set(signed_in.here.expose(), secure))
}

pub(super) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    // Nobody between us and the browser may keep it for another.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
