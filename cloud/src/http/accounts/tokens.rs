//! `/api/v1/tokens`: programs, for administrators. A token itself is told once.

use super::{
    super::{Api, json::Said, paging, problem::Problem, query::Keys},
    NotDone,
};
use crate::rights::Scope;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use fieldpost_core::UtcInstant;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
struct JsonToken {
    id: i64,
    name: String,
    scope: Scope,
    #[schema(format = DateTime)]
    created: String,
    #[schema(format = DateTime)]
    last_used: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Tokens {
    tokens: Vec<JsonToken>,
}

/// Not for showing, so there is no `Debug`.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeToken)]
struct Made<'a> {
    id: i64,
    name: &'a str,
    scope: Scope,
    token: &'a str,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewToken {
    name: String,
    scope: Scope,
}

/// All of them.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    operation_id = "list_tokens",
    tag = "Accounts",
    summary = "Programs that may come by themselves",
    responses(
        (status = 200, body = Tokens, description = "As it is now"),
    ),
)]
pub(in crate::http) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let book = api.accounts.book();
    let tokens = book.tokens().into_iter().map(|token| JsonToken {
        id: token.id,
        name: token.name.clone(),
        scope: token.scope,
        created: token.created.to_string(),
        last_used: api
            .accounts
            .last_used(&token.digest)
            .max(token.last_used)
            .as_ref()
            .map(UtcInstant::to_string),
    });
    Ok(paging::json(&Tokens { tokens: tokens.collect() }, None))
}

/// Makes one.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    operation_id = "add_token",
    tag = "Accounts",
    summary = "Make a token",
    request_body = NewToken,
    responses(
        (status = 201, body = Made, description = "The token, which is shown this once"),
        (status = 409, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "There is one of this name already, or there are too many"),
    ),
)]
pub(in crate::http) async fn post(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Said(NewToken { name, scope }): Said<NewToken>,
) -> Result<Response, NotDone> {
    Keys::of(&uri, &[])?;
    let made = api.accounts.add_token(name.clone(), scope).await?;
    let body = Made { id: made.id, name: &name, scope, token: made.token.expose() };
    let mut response = paging::json(&body, None);
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Revokes one: what is sent with it from now on is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    operation_id = "revoke_token",
    tag = "Accounts",
    summary = "Revoke a token",
    params(
        ("id" = i64, Path, description = "Its number"),
    ),
    responses(
        (status = 204, description = "Done"),
    ),
)]
pub(in crate::http) async fn delete(
    State(api): State<Arc<Api>>,
    id: Result<Path<i64>, PathRejection>,
    uri: Uri,
) -> Result<StatusCode, NotDone> {
    Keys::of(&uri, &[])?;
    let unknown = |_| Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no token of this number");
    let Path(id) = id.map_err(unknown)?;
    api.accounts.remove_token(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
