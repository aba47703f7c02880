//! Receiving a request's body within its limits.

use super::{Api, problem::Problem};
use crate::budget::Share;
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use fieldpost_core::{Reason, Refusal};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

/// How much of a body that is too long is thrown away before the answer, as a multiple of the limit. A client that is
/// still sending would see a broken connection instead of the answer.
const MAX_WASTE: usize = 8;

/// Why there is no body.
#[derive(Debug)]
pub(super) enum NoBody {
    /// It is too long; this is its beginning.
    TooLong(Bytes, Refusal),
    /// It stopped, or came too slowly, or there is no room.
    Problem(Problem),
}

impl From<Problem> for NoBody {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Receives a body whole; `share` covers it.
pub(super) async fn receive(
    headers: &HeaderMap,
    body: Body,
    api: &Api,
    share: &mut Share,
) -> Result<Bytes, NoBody> {
    receive_within(api.limits.body_bytes, headers, body, api, share).await
}

/// The same, of a body that may have `limit` bytes.
pub(super) async fn receive_within(
    limit: usize,
    headers: &HeaderMap,
    mut body: Body,
    api: &Api,
    share: &mut Share,
) -> Result<Bytes, NoBody> {
    let deadline = Instant::now() + api.limits.body_deadline;
    let mut bytes = BytesMut::new();
    if declared(headers).is_some_and(|length| length > limit) {
        if !headers.contains_key(header::EXPECT) {
            waste(&mut body, api, deadline).await;
        }
        return Err(too_long(bytes, limit));
    }
    while let Some(piece) = next(&mut body, api, deadline).await? {
        if bytes.len().saturating_add(piece.len()) > limit {
            waste(&mut body, api, deadline).await;
            return Err(too_long(bytes, limit));
        }
        if share.cover(bytes.len().saturating_add(piece.len())).is_err() {
            return Err(Problem::unavailable("busy", "too many uploads at once; send the same again").into());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Takes a body that is not wanted, so that its sender hears why.
pub(super) async fn throw_away(mut body: Body, api: &Api) {
    waste(&mut body, api, Instant::now() + api.limits.body_deadline).await;
}

fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_long(start: BytesMut, limit: usize) -> NoBody {
    let why = format!("a body has at most {limit} bytes; send the surveys in several packs");
    NoBody::TooLong(start.freeze(), Refusal::new(Reason::TooLong, why))
}

/// The body's next bytes; None at its end.
async fn next(body: &mut Body, api: &Api, deadline: Instant) -> Result<Option<Bytes>, Problem> {
    let slow = || {
        let detail = "the body stopped or came too slowly; send the same again";
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
    };
    loop {
        let frame = timeout_at(deadline, timeout(api.limits.body_stall, body.frame()));
        match frame.await.map_err(|_| slow())?.map_err(|_| slow())? {
            None => return Ok(None),
            // Never a refusal: the fault is not in the surveys, and a gateway would drop them.
            Some(Err(_)) => {
                let detail = "the body broke off on its way; send the same again";
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "broken-off", detail));
            }
            // Trailers say nothing that we ask for.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn waste(body: &mut Body, api: &Api, deadline: Instant) {
    let mut wasted = 0_usize;
    while wasted < api.limits.body_bytes.saturating_mul(MAX_WASTE) {
        match next(body, api, deadline).await {
            Ok(Some(piece)) => wasted = wasted.saturating_add(piece.len()),
            Ok(None) | Err(_) => return,
        }
    }
}
