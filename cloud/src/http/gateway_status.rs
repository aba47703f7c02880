//! `PUT /api/v1/gateways/{name}/status`: what a gateway tells of itself every few minutes.

use super::{
    Api, input,
    problem::Problem,
    query::Keys,
    server::Kept,
    surveys::{MAX_NAME, is_name},
};
use crate::{
    clock,
    store::{Report, RoundReport},
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, Uri},
};
use fieldpost_core::{DeviceId, UtcInstant};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use utoipa::ToSchema;

/// The longest body, in bytes.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// The most devices on a roster.
const MAX_ROSTER: usize = 10_000;
/// The longest version, in characters.
const MAX_VERSION: usize = 64;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStatus)]
struct JsonStatus {
    version: String,
    waiting: u64,
    #[serde(default)]
    #[schema(format = DateTime)]
    oldest_waiting: Option<String>,
    journal_bytes: u64,
    journal_limit: u64,
    #[serde(default)]
    room_days: Option<f64>,
    #[serde(default)]
    roster: Vec<String>,
    #[serde(default)]
    round: Option<JsonRound>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRound)]
struct JsonRound {
    #[schema(format = DateTime)]
    opened: String,
    #[schema(format = DateTime)]
    closed: String,
    reported: u64,
    silent: Vec<String>,
}

/// Notes the status; devices on the roster that nobody knew are registered.
#[utoipa::path(
    put,
    path = "/api/v1/gateways/{name}/status",
    operation_id = "put_gateway_status",
    tag = "Gateways",
    summary = "A gateway tells of itself",
    description = "Devices on the roster that nobody knew are registered.",
    params(
        ("name" = String, Path, description = "The gateway's name", example = "north", max_length = 128),
    ),
    request_body = JsonStatus,
    responses(
        (status = 204, description = "Done"),
    ),
)]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    Extension(Kept(seat)): Extension<Kept>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    Keys::of(&uri, &[])?;
    let name = path.ok().map(|Path(name)| name).filter(|name| is_name(name)).ok_or_else(|| {
        bad(format!(
            "a gateway's name has 1 to {MAX_NAME} visible ASCII characters and no blanks around them"
        ))
    })?;
    let status: JsonStatus = input::json(&api, &seat, &headers, body, MAX_BODY).await?;
    let report = Report::try_from(status)?;
    let stored = api.intake.store.report(name, report, clock::now()).await;
    stored.map(|()| StatusCode::NO_CONTENT).map_err(|error| Problem::from(&error))
}

impl TryFrom<JsonStatus> for Report {
    type Error = Problem;

    fn try_from(status: JsonStatus) -> Result<Self, Problem> {
        let version = status.version.chars().count() <= MAX_VERSION;
        if !version || status.version.chars().any(char::is_control) {
            return Err(bad(format!(
                "version has at most {MAX_VERSION} characters, none of them a control character"
            )));
        }
        let days = |days: &f64| (0.0..=1e9).contains(days);
        if !status.room_days.as_ref().is_none_or(days) {
            return Err(bad("room_days is a number of days from 0 to 1000000000, or null"));
        }
        let round = |round: JsonRound| {
            Ok::<_, Problem>(RoundReport {
                opened: instant("round.opened", &round.opened)?,
                closed: instant("round.closed", &round.closed)?,
                reported: count("round.reported", round.reported)?,
                silent: ids("round.silent", &round.silent)?,
            })
        };
        Ok(Self {
            waiting: count("waiting", status.waiting)?,
            oldest_waiting: status.oldest_waiting.map(|text| instant("oldest_waiting", &text)).transpose()?,
            journal_bytes: count("journal_bytes", status.journal_bytes)?,
            journal_limit: count("journal_limit", status.journal_limit)?,
            room_days: status.room_days,
            roster: ids("roster", &status.roster)?,
            round: status.round.map(round).transpose()?,
            version: status.version,
        })
    }
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::bad_request("bad-status", detail)
}

fn instant(key: &str, text: &str) -> Result<UtcInstant, Problem> {
    text.parse().map_err(|_| bad(format!("{key} is an RFC 3339 time such as 2026-07-01T08:00:00Z")))
}

fn count(key: &str, number: u64) -> Result<i64, Problem> {
    // What a number of JSON bears exactly everywhere.
    const MOST: u64 = 1 << 53;
    let number = Some(number).filter(|number| *number <= MOST).and_then(|number| i64::try_from(number).ok());
    number.ok_or_else(|| bad(format!("{key} is at most {MOST}")))
}

/// Device ids in order, each once.
fn ids(key: &str, ids: &[String]) -> Result<Vec<DeviceId>, Problem> {
    if ids.len() > MAX_ROSTER {
        return Err(bad(format!("{key} has at most {MAX_ROSTER} devices")));
    }
    let id = |(place, id): (usize, &String)| {
        DeviceId::new(id).map_err(|fault| bad(format!("{key}, entry {}: {fault}", place.saturating_add(1))))
    };
    let ids: Result<BTreeSet<DeviceId>, Problem> = ids.iter().enumerate().map(id).collect();
    Ok(ids?.into_iter().collect())
}
