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

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

#[derive(Debug, Serialize)]
struct JsonFleet {
    now: String,
    total: usize,
    counts: Counts,
    devices: Vec<JsonShown>,
}

/// The devices that match, from behind `offset`.
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["search", "state", "sort", "order", "offset", "limit"])?;
    let question = Question {
        search: asked::search(&keys)?,
        states: states(&keys)?,
        sort: sort(&keys)?,
        descending: descending(&keys)?,
        offset: asked::offset(&keys)?,
        limit: keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?,
    };
    let now = clock::now();
    let fleet = api.intake.store.fleet(question, now).await?;
    let devices = fleet.devices.into_iter().map(JsonShown::from).collect();
    let page = JsonFleet { now: now.to_string(), total: fleet.total, counts: fleet.counts, devices };
    Ok(paging::json(&page, None))
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
