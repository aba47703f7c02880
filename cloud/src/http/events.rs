//! `GET /api/v1/events`: what happens now, as server-sent events.

use super::{
    Api,
    pieces::{Sender, pieces},
    problem::Problem,
    query::Keys,
};
use crate::live::MISSED;
use axum::{
    body::Body,
    extract::State,
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

/// A watcher hears something at least so often: who is not there any more is noticed by it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The first words: the stream is open, and a browser that loses it comes again after so many milliseconds.
const HELLO: &[u8] = b"retry: 3000\n: watching\n\n";

/// Answers with a stream that ends with the watcher or the cloud.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "watch",
    tag = "Surveys",
    summary = "Watch what happens, as it happens",
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "Server-sent events without end: `readings` (device, time, temperature_c, moisture_pct, new; and last_contact and state, as the device does after it: a backlog does not make it fresh), `contact` (gateway, time), `alert` (an alert), and `missed` for who was too slow and shall ask again"),
    ),
)]
pub(super) async fn get(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let texts = api.intake.store.live.watch().ok_or_else(|| {
        Problem::unavailable("busy", "too many watch already; ask again later, or poll the other routes")
    })?;
    let (sender, body) = pieces(1);
    tokio::spawn(send(api, texts, sender));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would keep a stream back until its buffer is full.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(body)).into_response())
}

async fn send(api: Arc<Api>, mut texts: Receiver<Bytes>, mut sender: Sender) {
    // A watcher that takes nothing is cut off by its connection before this.
    let patience = api.limits.answer_stall.saturating_mul(2);
    let mut stop = api.stop.clone();
    let mut piece = Bytes::from_static(HELLO);
    loop {
        if !matches!(timeout(patience, sender.send_data(piece)).await, Ok(Ok(()))) {
            return sender.abort(io::ErrorKind::TimedOut.into());
        }
        piece = tokio::select! {
            text = timeout(KEEP_ALIVE, texts.recv()) => match text {
                Ok(Ok(text)) => text,
                Ok(Err(RecvError::Lagged(_))) => Bytes::from_static(MISSED.as_bytes()),
                Ok(Err(RecvError::Closed)) => return,
                Err(_) => Bytes::from_static(b": keep-alive\n\n"),
            },
            () = stop.wait() => return,
        };
    }
}
