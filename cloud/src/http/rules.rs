//! `/api/v1/rules`: what operators want to hear of.

use super::{Api, json::Said, paging, problem::Problem, query::Keys};
use crate::{
    alerts::{
        MAX_RULES,
        message::{self, hundredths},
        rule::{Kind, Rule},
    },
    clock,
    store::RuleError,
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A message again after so long, if nobody says otherwise: once a day.
const USUAL_REPEAT_S: i64 = 86_400;

/// A rule as it is sent; its number, if it is there, is that of the path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRule)]
pub(super) struct JsonRule {
    id: Option<i64>,
    name: String,
    #[schema(value_type = Kind)]
    kind: String,
    value: Option<f64>,
    clear: Option<f64>,
    #[serde(default)]
    for_s: i64,
    devices: Option<Vec<String>>,
    repeat_s: Option<i64>,
    #[serde(default)]
    channels: Vec<i64>,
    #[serde(default = "on")]
    enabled: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct Rules<'a> {
    rules: Vec<message::JsonRule<'a>>,
}

fn on() -> bool {
    true
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::bad_request("bad-rule", detail)
}

fn unknown() -> Problem {
    let detail = "there is no rule with this id; /api/v1/rules lists those that there are";
    Problem::new(StatusCode::NOT_FOUND, "unknown-rule", detail)
}

impl JsonRule {
    /// As the store has it, with the number `id`.
    fn rule(self, id: i64) -> Result<Rule, Problem> {
        if self.id.is_some_and(|own| own != id) {
            return Err(bad("id is not the one in the path; leave it out"));
        }
        let exact = |name: &str, value: Option<f64>| {
            let exact =
                |value| hundredths(value).ok_or_else(|| bad(format!("{name} has at most two decimals")));
            value.map(exact).transpose()
        };
        let rule = Rule {
            id,
            value: exact("value", self.value)?,
            clear: exact("clear", self.clear)?,
            kind: Kind::from_name(&self.kind).ok_or_else(|| bad(message::unknown_kind()))?,
            name: self.name,
            for_s: self.for_s,
            devices: self.devices,
            repeat_s: self.repeat_s.unwrap_or(USUAL_REPEAT_S),
            channels: self.channels,
            enabled: self.enabled,
        };
        rule.check().map_err(bad)?;
        Ok(rule)
    }
}

fn problem(error: RuleError) -> Problem {
    match error {
        RuleError::Unknown => unknown(),
        RuleError::NoChannel(id) => {
            bad(format!("there is no channel {id}; /api/v1/channels lists those that there are"))
        }
        RuleError::TooMany => {
            let detail = format!("there are {MAX_RULES} rules, and cannot be more; remove one");
            Problem::new(StatusCode::CONFLICT, "too-many-rules", detail)
        }
    }
}

/// All rules.
#[utoipa::path(
    get,
    path = "/api/v1/rules",
    operation_id = "list_rules",
    tag = "Alerts",
    summary = "What somebody wants to hear of",
    responses(
        (status = 200, body = Rules, description = "As it is now"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let rules = api.intake.store.rules().await?;
    Ok(paging::json(&Rules { rules: rules.iter().map(message::JsonRule::from).collect() }, None))
}

/// Makes a rule.
#[utoipa::path(
    post,
    path = "/api/v1/rules",
    operation_id = "add_rule",
    tag = "Alerts",
    summary = "Make a rule",
    request_body = JsonRule,
    responses(
        (status = 201, body = message::JsonRule, description = "The rule"),
        (status = 409, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "There are as many as there may be"),
    ),
)]
pub(super) async fn post(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Said(rule): Said<JsonRule>,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let rule = match rule.id {
        None => rule.rule(0)?,
        Some(_) => return Err(bad("a new rule gets its id here; leave it out")),
    };
    let rule = api.intake.store.add_rule(rule).await.map_err(|error| Problem::from(&error))?;
    let rule = rule.map_err(problem)?;
    Ok((StatusCode::CREATED, paging::json(&message::JsonRule::from(&rule), None)).into_response())
}

/// Changes a rule.
#[utoipa::path(
    put,
    path = "/api/v1/rules/{id}",
    operation_id = "put_rule",
    tag = "Alerts",
    summary = "Change a rule",
    params(
        ("id" = i64, Path, description = "Its number"),
    ),
    request_body = JsonRule,
    responses(
        (status = 200, body = message::JsonRule, description = "The rule"),
    ),
)]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    path: Result<Path<i64>, PathRejection>,
    uri: Uri,
    Said(rule): Said<JsonRule>,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let id = path.map_err(|_| unknown())?.0;
    let rule = rule.rule(id)?;
    let rule = api.intake.store.put_rule(rule, clock::now()).await.map_err(|error| Problem::from(&error))?;
    Ok(paging::json(&message::JsonRule::from(&rule.map_err(problem)?), None))
}

/// Removes a rule.
#[utoipa::path(
    delete,
    path = "/api/v1/rules/{id}",
    operation_id = "remove_rule",
    tag = "Alerts",
    summary = "Remove a rule",
    params(
        ("id" = i64, Path, description = "Its number"),
    ),
    responses(
        (status = 204, description = "Done"),
    ),
)]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    path: Result<Path<i64>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let id = path.map_err(|_| unknown())?.0;
    let removed =
        api.intake.store.remove_rule(id, clock::now()).await.map_err(|error| Problem::from(&error))?;
    if removed { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(unknown()) }
}
