//! `GET /api/v1/devices/{id}/readings`, as JSON or CSV.
//!
//! A page may have 100,000 readings and its client may be slow, so a page is read from the store and sent piece by
//! piece. Whether another page follows is found out first: the headers say it.

use super::{
    Api,
    accept::{self, Form},
    devices, paging,
    pieces::{Sender, pieces},
    problem::Problem,
    query::Keys,
};
use crate::store::Range;
use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use fieldpost_core::{DeviceId, Reading, UtcInstant, station::csv};
use std::{fmt::Write, io, sync::Arc, time::Duration};
use tokio::time::timeout;
use utoipa::ToSchema;

const DEFAULT_LIMIT: usize = 10_000;
const MAX_LIMIT: usize = 100_000;
/// Readings of one piece.
const PIECE: usize = 2_000;
/// Pieces that wait for a client.
const PIECES_AHEAD: usize = 2;

/// A page as JSON has it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is printed by hand; this says how it looks")]
struct Readings {
    device: String,
    readings: Vec<JsonReading>,
    /// Where they go on.
    next: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = Reading)]
#[expect(dead_code, reason = "it is printed by hand; this says how it looks")]
struct JsonReading {
    time: super::openapi::Instant,
    temperature_c: Option<super::fixed::Hundredths>,
    moisture_pct: Option<super::fixed::Hundredths>,
}

/// What was asked for, ready to be sent.
struct Page {
    api: Arc<Api>,
    id: DeviceId,
    /// The device's number in the store.
    device: i64,
    range: Range,
    form: Form,
    next: Option<String>,
}

/// Readings in order of time, from `from`, inclusive, to `to`, exclusive.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/readings",
    operation_id = "list_readings",
    tag = "Devices",
    summary = "The readings of a device",
    description = "As JSON, or as CSV if `Accept` asks for `text/csv`.",
    params(
        ("id" = String, Path, description = "The device's id", example = "m1"),
        ("from" = Option<super::openapi::Instant>, Query, description = "The earliest, inclusive; all unless told"),
        ("to" = Option<super::openapi::Instant>, Query, description = "The end, exclusive; none unless told"),
        ("limit" = Option<u32>, Query, description = "How many at most; 10,000 unless told", minimum = 1, maximum = 100000),
    ),
    responses(
        (status = 200, description = "Readings in order of time; the header Link says where they go on", content((Readings = "application/json"), (String = "text/csv"))),
        (status = 406, body = super::problem::JsonProblem, content_type = "application/problem+json", description = "Neither of the two forms is accepted"),
    ),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["from", "to", "limit"])?;
    let limit = keys.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let from = keys.instant("from")?.unwrap_or(UtcInstant::EARLIEST);
    let to = keys.instant("to")?.unwrap_or(UtcInstant::LATEST);
    let form = accept::form(&headers)?;
    let id = devices::id(path)?;
    let store = &api.intake.store;
    let device = store.device_number(id.clone()).await?.ok_or_else(devices::unknown)?;
    let behind = store.time_behind(device, Range { from, to }, limit).await?;
    let next = behind.map(|behind| {
        let to = keys.text("to").map(|to| format!("&to={}", paging::escaped(to))).unwrap_or_default();
        format!("/api/v1/devices/{id}/readings?from={behind}{to}&limit={limit}")
    });
    let range = Range { from, to: behind.unwrap_or(to) };
    Ok(Page { api, id, device, range, form, next }.respond())
}

impl Page {
    fn respond(self) -> Response {
        let content_type = match self.form {
            Form::Json => "application/json",
            Form::Csv => "text/csv; charset=utf-8",
        };
        let headers = paging::headers(content_type, self.next.as_deref());
        let (sender, body) = pieces(PIECES_AHEAD);
        tokio::spawn(self.send(sender));
        (headers, Body::new(body)).into_response()
    }

    /// Sends the page. A client that gets only a part of it is told so by the broken connection.
    async fn send(self, mut sender: Sender) {
        // A client that is too slow is cut off by its connection before this.
        let patience = self.api.limits.answer_stall.saturating_mul(2);
        let mut text = self.head();
        let mut from = Some(self.range.from);
        while let Some(start) = from {
            let range = Range { from: start, ..self.range };
            let readings = match self.api.intake.store.readings_of(self.device, range, PIECE).await {
                Ok(readings) => readings,
                Err(error) => return sender.abort(io::Error::other(error)),
            };
            self.print(&readings, start == self.range.from, &mut text);
            let last = readings.last().filter(|_| readings.len() == PIECE);
            from = last.map(|last| last.time.saturating_add(Duration::from_millis(1)));
            if from.is_none() {
                text.push_str(&self.tail());
            }
            let piece = Bytes::from(std::mem::take(&mut text));
            if !matches!(timeout(patience, sender.send_data(piece)).await, Ok(Ok(()))) {
                return sender.abort(io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn head(&self) -> String {
        match self.form {
            Form::Json => format!("{{\"device\":\"{}\",\"readings\":[", self.id),
            Form::Csv => format!("{}\n", csv::HEADER),
        }
    }

    fn print(&self, readings: &[Reading], first: bool, text: &mut String) {
        let mut separator = if first { "" } else { "," };
        for reading in readings {
            match self.form {
                Form::Csv => text.push_str(&csv::row(&self.id, reading)),
                Form::Json => {
                    text.push_str(separator);
                    print_json(reading, text);
                    separator = ",";
                }
            }
        }
    }

    fn tail(&self) -> String {
        match (self.form, &self.next) {
            (Form::Csv, _) => String::new(),
            (Form::Json, None) => "],\"next\":null}".to_owned(),
            // A URL that we made has nothing that JSON escapes.
            (Form::Json, Some(next)) => format!("],\"next\":\"{next}\"}}"),
        }
    }
}

/// By hand, because a year has thousands of them; numbers and times need no escaping.
fn print_json(reading: &Reading, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{{\"time\":\"{}\",\"temperature_c\":", reading.time);
    let _ = match reading.values.temperature() {
        Some(temperature) => write!(text, "{temperature}"),
        None => text.write_str("null"),
    };
    let _ = text.write_str(",\"moisture_pct\":");
    let _ = match reading.values.moisture() {
        Some(moisture) => write!(text, "{moisture}}}"),
        None => text.write_str("null}"),
    };
}
