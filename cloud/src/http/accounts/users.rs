//! `/api/v1/users`: people, for administrators.

use super::{
    super::{Api, json::Said, paging, problem::Problem, query::Keys},
    NotDone,
};
use crate::{
    accounts::{Accounts, Book},
    rights::Role,
    store::accounts::UserRow,
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::Response,
};
use fieldpost_core::UtcInstant;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
struct JsonUser {
    name: String,
    role: Role,
    #[schema(format = DateTime)]
    created: String,
    #[schema(format = DateTime)]
    last_seen: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Users {
    users: Vec<JsonUser>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewUser {
    name: String,
    role: Role,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
pub(in crate::http) struct Change {
    role: Option<Role>,
    password: Option<String>,
}

/// Everybody.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    operation_id = "list_users",
    tag = "Accounts",
    summary = "Everybody who has an account",
    responses(
        (status = 200, body = Users, description = "As it is now"),
    ),
)]
pub(in crate::http) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let book = api.accounts.book();
    let users = book.users().map(|user| json(&api.accounts, &book, user)).collect();
    Ok(paging::json(&Users { users }, None))
}

/// Adds somebody.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    operation_id = "add_user",
    tag = "Accounts",
    summary = "Give somebody an account",
    request_body = NewUser,
    responses(
        (status = 201, body = JsonUser, description = "The account"),
        (status = 409, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "There is one of this name already, or there are too many"),
    ),
)]
pub(in crate::http) async fn post(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Said(NewUser { name, role, password }): Said<NewUser>,
) -> Result<Response, NotDone> {
    Keys::of(&uri, &[])?;
    api.accounts.add_user(name.clone(), role, password).await?;
    one(&api, &name, StatusCode::CREATED)
}

/// Gives somebody another role or password, and signs them out everywhere.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{name}",
    operation_id = "change_user",
    tag = "Accounts",
    summary = "Give somebody another role or password",
    description = "Signs them out everywhere.",
    params(
        ("name" = String, Path, description = "Who", example = "ann"),
    ),
    request_body = Change,
    responses(
        (status = 200, body = JsonUser, description = "The account"),
        (status = 409, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "Nobody would be administrator any more"),
    ),
)]
pub(in crate::http) async fn patch(
    State(api): State<Arc<Api>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
    Said(Change { role, password }): Said<Change>,
) -> Result<Response, NotDone> {
    Keys::of(&uri, &[])?;
    let name = named(name)?;
    if role.is_none() && password.is_none() {
        return Err(Problem::bad_request("bad-body", "say role, or password, or both").into());
    }
    api.accounts.change_user(name.clone(), role, password).await?;
    one(&api, &name, StatusCode::OK)
}

/// Removes somebody.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{name}",
    operation_id = "remove_user",
    tag = "Accounts",
    summary = "Remove somebody",
    params(
        ("name" = String, Path, description = "Who", example = "ann"),
    ),
    responses(
        (status = 204, description = "Done"),
        (status = 409, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "Nobody would be administrator any more"),
    ),
)]
pub(in crate::http) async fn delete(
    State(api): State<Arc<Api>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<StatusCode, NotDone> {
    Keys::of(&uri, &[])?;
    api.accounts.remove_user(named(name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn named(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    path.map(|Path(name)| name).map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is nobody of this name")
}

fn one(api: &Api, name: &str, status: StatusCode) -> Result<Response, NotDone> {
    let book = api.accounts.book();
    let user = book.users().find(|user| user.name == name).ok_or_else(unknown)?;
    let mut response = paging::json(&json(&api.accounts, &book, user), None);
    *response.status_mut() = status;
    Ok(response)
}

fn json(accounts: &Accounts, book: &Book, user: &UserRow) -> JsonUser {
    let sessions = book.sessions().filter(|session| session.user == user.id);
    let used = sessions.filter_map(|session| accounts.last_used(&session.digest));
    JsonUser {
        name: user.name.clone(),
        role: user.role,
        created: user.created.to_string(),
        last_seen: used.chain(user.last_seen).max().as_ref().map(UtcInstant::to_string),
    }
}
