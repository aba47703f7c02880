//! `GET /api/v1/completeness`: a calendar of days and devices, slots filled and slots due.

use super::{Api, asked, devices, paging, problem::Problem, query::Keys};
use crate::{
    clock,
    fleet::slots::day_of,
    store::{Calendar, CalendarRow, Which},
};
use axum::{
    extract::{Path, State},
    http::Uri,
    response::Response,
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
/// The days that are shown if nobody says which, to today.
const DEFAULT_DAYS: i64 = 30;
/// The days of one answer.
const MAX_DAYS: i64 = 400;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Completeness)]
struct JsonCalendar {
    #[schema(format = Date)]
    from: String,
    #[schema(format = Date)]
    to: String,
    total: usize,
    /// The newest reading of all devices that match, not only of this page.
    newest: Option<String>,
    devices: Vec<JsonRow>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompletenessRow)]
struct JsonRow {
    id: String,
    name: Option<String>,
    last_time: Option<String>,
    /// Slots that are filled, of those that were due.
    held: Vec<i64>,
    due: Vec<i64>,
    /// Readings that fill no slot.
    extra: Vec<i64>,
}

/// A number a day, from `from` to `to`, both inclusive.
#[utoipa::path(
    get,
    path = "/api/v1/completeness",
    operation_id = "get_completeness",
    tag = "Devices",
    summary = "Slots filled and slots due, by device and day",
    params(
        ("from" = Option<String>, Query, format = Date, description = "The first UTC day; 30 days back unless told"),
        ("to" = Option<String>, Query, format = Date, description = "The last UTC day, at most 400 days on; today unless told"),
        ("search" = Option<String>, Query, description = "Part of an id, a name, a place or the gateway's name, in either case", max_length = 200),
        ("device" = Option<String>, Query, description = "Only the device with this id; instead of search", example = "m1"),
        ("offset" = Option<u32>, Query, description = "How many to skip", minimum = 0, maximum = 100_000_000),
        ("limit" = Option<u32>, Query, description = "How many at most; 100 unless told", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = JsonCalendar, description = "A number a day, from the first to the last"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["from", "to", "search", "device", "offset", "limit"])?;
    let now = clock::now();
    let day = |key, default| match keys.text(key) {
        None => Ok(default),
        Some(text) => asked::day(text).ok_or_else(|| {
            asked::bad(format!("{key} is a UTC date such as 2026-07-01, not before 2000-01-01"))
        }),
    };
    let to = day("to", day_of(now))?;
    let from = day("from", to.saturating_sub(DEFAULT_DAYS - 1))?;
    if !(0..MAX_DAYS).contains(&to.saturating_sub(from)) {
        return Err(asked::bad(format!("from is not after to, and they are at most {MAX_DAYS} days")));
    }
    let calendar = Calendar {
        which: which(&keys)?,
        days: from..to.saturating_add(1),
        offset: asked::offset(&keys)?,
        limit: keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?,
    };
    let found = api.intake.store.calendar(calendar, now).await?;
    let row = |row: CalendarRow| JsonRow {
        id: row.id,
        name: row.label,
        last_time: row.last_time.map(|time| time.to_string()),
        held: row.counts.iter().map(|count| count.filled).collect(),
        due: row.counts.iter().map(|count| count.due).collect(),
        extra: row.counts.iter().map(|count| count.extra).collect(),
    };
    let page = JsonCalendar {
        from: asked::date(from),
        to: asked::date(to),
        total: found.total,
        newest: found.newest.map(|time| time.to_string()),
        devices: found.rows.into_iter().map(row).collect(),
    };
    Ok(paging::json(&page, None))
}

fn which(keys: &Keys) -> Result<Which, Problem> {
    let search = asked::search(keys)?;
    match keys.text("device") {
        None => Ok(Which::Matching(search)),
        Some(id) if search.is_empty() => Ok(Which::One(devices::id(Ok(Path(id.to_owned())))?)),
        Some(_) => Err(asked::bad("device and search do not go together; leave one out")),
    }
}
