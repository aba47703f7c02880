//! `GET /metrics`: counters in Prometheus' text form. They start at zero with the process, as Prometheus expects.

mod operations;
mod text;

use super::{Api, problem::Problem};
use crate::{Store, store::DeviceRow};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use text::Text;

/// Devices and gateways that are named; a larger system asks the API.
const MAX_NAMED: usize = 20_000;

/// Everything that is counted.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "Operations",
    summary = "Counters, in the text form of Prometheus",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "Counters"),
        (status = 503, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "The store cannot be asked"),
    ),
)]
pub(super) async fn get(State(api): State<Arc<Api>>) -> Response {
    let counters = &api.intake.counters;
    let load = |counter: &AtomicU64| counter.load(Relaxed);
    let mut text = Text::new();
    operations::build(&mut text);
    text.family("fieldpost_readings_total", "counter", "Readings taken, by what became of them.");
    for (result, counter) in [
        ("new", &counters.new),
        ("duplicate", &counters.duplicate),
        ("conflict", &counters.conflict),
        ("expired", &counters.expired),
    ] {
        text.sample("fieldpost_readings_total", "result", result, load(counter));
    }
    text.family("fieldpost_readings_held", "gauge", "Readings in the store.");
    text.number("fieldpost_readings_held", api.intake.store.readings());
    text.family("fieldpost_uploads_accepted_total", "counter", "Uploads that were stored.");
    text.number("fieldpost_uploads_accepted_total", load(&counters.accepted));
    text.family(
        "fieldpost_uploads_failed_total",
        "counter",
        "Uploads that the store could not take; senders keep them.",
    );
    text.number("fieldpost_uploads_failed_total", load(&counters.failed));
    text.family("fieldpost_uploads_refused_total", "counter", "Uploads that were refused, by reason.");
    for (reason, count) in counters.refusals() {
        text.sample("fieldpost_uploads_refused_total", "reason", reason, count);
    }
    text.family(
        "fieldpost_export_bytes_total",
        "counter",
        "Bytes of exports that were handed to clients' connections.",
    );
    text.number("fieldpost_export_bytes_total", load(&counters.exported));
    let listeners = [("upload", &counters.upload), ("http", &counters.http)];
    text.family("fieldpost_connections_total", "counter", "Connections accepted.");
    for (name, listener) in listeners {
        text.sample("fieldpost_connections_total", "listener", name, load(&listener.accepted));
    }
    text.family("fieldpost_connections_open", "gauge", "Connections open now.");
    for (name, listener) in listeners {
        text.sample("fieldpost_connections_open", "listener", name, load(&listener.open));
    }
    text.family("fieldpost_watchers", "gauge", "Event streams open now.");
    text.number("fieldpost_watchers", api.intake.store.live.watchers() as u64);
    if let Err(problem) = held(&api.intake.store, &mut text).await {
        return problem.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.finish()).into_response()
}

/// What the store says.
async fn held(store: &Store, text: &mut Text) -> Result<(), Problem> {
    last_contacts(store, text).await?;
    operations::gateways(store, text).await?;
    operations::alerts(store, text).await?;
    operations::room(store, text).await;
    Ok(())
}

/// When each device was last heard, as numbers of now: no reading is told here, whose time would be another.
async fn last_contacts(store: &Store, text: &mut Text) -> Result<(), Problem> {
    let devices = store.devices(None, MAX_NAMED).await?;
    text.family(
        "fieldpost_device_last_survey_timestamp_seconds",
        "gauge",
        "When a survey of the device last came.",
    );
    for (row, contact) in devices.iter().filter_map(|row| Some((row, row.last_contact?))) {
        let seconds = contact.as_millis().unsigned_abs() / 1_000;
        text.sample("fieldpost_device_last_survey_timestamp_seconds", "device", &row.name, seconds);
    }
    let time = |row: &DeviceRow| row.last_time.map(|time| time.as_millis().unsigned_abs() / 1_000);
    text.family("fieldpost_device_last_reading_timestamp_seconds", "gauge", "When the device last measured.");
    for (row, seconds) in devices.iter().filter_map(|row| Some((row, time(row)?))) {
        text.sample("fieldpost_device_last_reading_timestamp_seconds", "device", &row.name, seconds);
    }
    Ok(())
}
