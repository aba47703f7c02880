//! `GET /api/v1/fleet`: every device by name, state and cause, with its last days.

use super::{Api, asked, paging, problem::Problem, query::Keys, shown::JsonShown};
use crate::{
    clock,
    fleet::{
        select::{Counts, Question, Sort},
        state::State as DeviceState,
    },
};
use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fleet)]
struct JsonFleet {
    #[schema(format = DateTime)]
    now: String,
    /// The instant that was asked for.
    #[schema(format = DateTime)]
    at: Option<String>,
    total: usize,
    /// The first and the last reading of all devices that match, not only of this page.
    #[schema(format = DateTime)]
    first_time: Option<String>,
    #[schema(format = DateTime)]
    last_time: Option<String>,
    counts: Counts,
    devices: Vec<JsonShown>,
}

/// The devices that match, from behind `offset`.
#[utoipa::path(
    get,
    path = "/api/v1/fleet",
    operation_id = "get_fleet",
    tag = "Devices",
    summary = "Every device by name, state and cause",
    params(
        ("search" = Option<String>, Query, description = "Part of an id, a name, a place or the gateway's name, in either case", max_length = 200),
        ("placed" = Option<bool>, Query, description = "Only those with coordinates"),
        ("at" = Option<super::openapi::Instant>, Query, description = "What they had measured by then: `last_time` and `last` are of the newest reading at or before it that is at most seven days older, and there is no spark; all else is as of now"),
        ("state" = Option<Vec<DeviceState>>, Query, style = Form, explode = false, description = "Only these"),
        ("sort" = inline(Option<Sort>), Query, description = "By name unless told"),
        ("order" = inline(Option<super::openapi::Order>), Query, description = "asc unless told"),
        ("offset" = Option<u32>, Query, description = "How many to skip", minimum = 0, maximum = 100_000_000),
        ("limit" = Option<u32>, Query, description = "How many at most; 100 unless told", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = JsonFleet, description = "A page of it"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["search", "placed", "at", "state", "sort", "order", "offset", "limit"])?;
    let question = Question {
        search: asked::search(&keys)?,
        placed: placed(&keys)?,
        at: keys.instant("at")?,
        states: states(&keys)?,
        sort: sort(&keys)?,
        descending: descending(&keys)?,
        offset: asked::offset(&keys)?,
        limit: keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?,
    };
    let (now, at) = (clock::now(), question.at);
    let fleet = api.intake.store.fleet(question, now).await?;
    let devices = fleet.devices.into_iter().map(JsonShown::from).collect();
    let page = JsonFleet {
        now: now.to_string(),
        at: at.map(|at| at.to_string()),
        total: fleet.total,
        first_time: fleet.extent.map(|(first, _)| first.to_string()),
        last_time: fleet.extent.map(|(_, last)| last.to_string()),
        counts: fleet.counts,
        devices,
    };
    Ok(paging::json(&page, None))
}

fn placed(keys: &Keys) -> Result<bool, Problem> {
    match keys.text("placed") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(asked::bad("placed is true or false")),
    }
}

fn states(keys: &Keys) -> Result<Option<Vec<DeviceState>>, Problem> {
    let Some(names) = keys.text("state").filter(|names| !names.is_empty()) else { return Ok(None) };
    let state = |name| {
        DeviceState::named(name).ok_or_else(|| {
            asked::bad("state is one or more of fresh, late, silent, never, with commas between")
        })
    };
    names.split(',').map(state).collect::<Result<_, _>>().map(Some)
}

fn sort(keys: &Keys) -> Result<Sort, Problem> {
    let Some(name) = keys.text("sort") else { return Ok(Sort::Name) };
    let found = Sort::NAMES.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, sort)| sort).ok_or_else(|| {
        let names = Sort::NAMES.map(|(name, _)| name).join(", ");
        asked::bad(format!("sort is one of {names}"))
    })
}

fn descending(keys: &Keys) -> Result<bool, Problem> {
    match keys.text("order") {
        None | Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        Some(_) => Err(asked::bad("order is asc or desc")),
    }
}
