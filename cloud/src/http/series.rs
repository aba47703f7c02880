//! `GET /api/v1/devices/{id}/series`: a device's curve, of as many points as a screen shows.

use super::{Api, asked, devices, fixed::print_hundredths, paging, problem::Problem, query::Keys};
use crate::store::{MAX_READINGS, NoSeries, Range, Series};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use fieldpost_core::{DeviceId, UtcInstant};
use std::{fmt::Write, sync::Arc};
use utoipa::ToSchema;

const DEFAULT_POINTS: usize = 800;
const MIN_POINTS: usize = 10;
const MAX_POINTS: usize = 4_000;

/// A curve. Its arrays are of one length.
#[derive(ToSchema)]
#[schema(as = Series)]
#[expect(dead_code, reason = "it is printed by hand; this says how it looks")]
struct JsonSeries {
    device: String,
    from: Option<super::openapi::Instant>,
    to: Option<super::openapi::Instant>,
    /// In force at the end of the curve.
    interval_s: u32,
    /// Whether there are more readings than these.
    thinned: bool,
    /// Seconds since 1970.
    time: Vec<f64>,
    temperature_c: Vec<Option<f64>>,
    moisture_pct: Vec<Option<f64>>,
    /// Bits, as `flags` of a day has them; null if none is set.
    flags: Option<Vec<u32>>,
    /// From the last reading before to the first one after; of more than a thousand, the longest.
    gaps: Vec<[super::openapi::Instant; 2]>,
    gaps_total: usize,
}

/// Real readings only: when there are more than `points`, the first, last, lowest and highest of each bucket of time.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/series",
    operation_id = "get_series",
    tag = "Devices",
    summary = "The curve of a device",
    description = "Real readings only: when there are more than `points`, the first, last, lowest and highest of each bucket of time. The arrays are of one length; a null in both values is a gap that no line crosses.",
    params(
        ("id" = String, Path, description = "The device's id", example = "m1"),
        ("from" = Option<super::openapi::Instant>, Query, description = "The earliest, inclusive; all unless told"),
        ("to" = Option<super::openapi::Instant>, Query, description = "The end, exclusive; none unless told"),
        ("points" = Option<u32>, Query, description = "As many as a screen shows; 800 unless told", minimum = 10, maximum = 4000),
    ),
    responses(
        (status = 200, body = JsonSeries, description = "The curve"),
        (status = 422, body = super::problem::JsonProblem, content_type = "application/problem+json", description = "Too many readings: narrow from and to"),
    ),
)]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["from", "to", "points"])?;
    let points = asked::number(&keys, "points", DEFAULT_POINTS, MIN_POINTS, MAX_POINTS)?;
    let (from, to) = (keys.instant("from")?, keys.instant("to")?);
    let id = devices::id(path)?;
    let range = Range { from: from.unwrap_or(UtcInstant::EARLIEST), to: to.unwrap_or(UtcInstant::LATEST) };
    let series = api.intake.store.series(id.clone(), range, points).await?.map_err(|why| match why {
        NoSeries::Unknown => devices::unknown(),
        NoSeries::TooMany => {
            let detail = format!("there are more than {MAX_READINGS} readings; narrow from and to");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-readings", detail)
        }
    })?;
    Ok((paging::headers("application/json", None), print(&id, from, to, &series)).into_response())
}

/// By hand, because there are thousands of numbers; numbers, times and ids need no escaping.
fn print(id: &DeviceId, from: Option<UtcInstant>, to: Option<UtcInstant>, series: &Series) -> String {
    let points = &series.curve.points;
    let edge = |asked: Option<UtcInstant>, point: Option<i64>| {
        let instant = asked.or(point.map(UtcInstant::from_millis));
        instant.map_or("null".to_owned(), |instant| format!("\"{instant}\""))
    };
    let from = edge(from, points.first().map(|point| point.time));
    let to = edge(to, points.last().map(|point| point.time));
    let mut text = String::with_capacity(256 + points.len() * 32);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{{\"device\":\"{id}\",\"from\":{from},\"to\":{to},\"interval_s\":{},\"thinned\":{},\"time\":",
        series.interval_s, series.curve.thinned
    );
    list(points, &mut text, |point, text| print_seconds(point.time, text));
    for (key, place) in [("temperature_c", 0), ("moisture_pct", 1)] {
        let _ = write!(text, ",\"{key}\":");
        let value = |point: &crate::fleet::thin::Point| point.values.get(place).copied().flatten();
        list(points, &mut text, |point, text| print_hundredths(value(point), text));
    }
    text.push_str(",\"flags\":");
    if points.iter().all(|point| point.flags == 0) {
        text.push_str("null");
    } else {
        list(points, &mut text, |point, text| _ = write!(text, "{}", point.flags));
    }
    text.push_str(",\"gaps\":");
    list(&series.curve.gaps, &mut text, |(from, to), text| {
        let (from, to) = (UtcInstant::from_millis(*from), UtcInstant::from_millis(*to));
        let _ = write!(text, "[\"{from}\",\"{to}\"]");
    });
    let _ = write!(text, ",\"gaps_total\":{}}}", series.curve.gaps_total);
    text
}

fn list<T>(items: &[T], text: &mut String, print: impl Fn(&T, &mut String)) {
    text.push('[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        print(item, text);
    }
    text.push(']');
}

/// Milliseconds as seconds.
fn print_seconds(millis: i64, text: &mut String) {
    let (seconds, part) = (millis.div_euclid(1_000), millis.rem_euclid(1_000));
    let _ = match part {
        0 => write!(text, "{seconds}"),
        part => write!(text, "{seconds}.{part:03}"),
    };
}
