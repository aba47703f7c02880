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

#[derive(Debug, Serialize)]
struct JsonToken {
    id: i64,
    name: String,
    scope: Scope,
    created: String,
    last_used: Option<String>,
}

#[derive(Debug, Serialize)]
struct Tokens {
    tokens: Vec<JsonToken>,
}

/// Not for showing, so there is no `Debug`.
#[derive(Serialize)]
struct Made<'a> {
    id: i64,
    name: &'a str,
    scope: Scope,
    token: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewToken {
    name: String,
    scope: Scope,
}

/// All of them.
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
