//! Bodies of requests that change something: small, whole, and of the one form that they have.

use super::{
    Api,
    body::{self, NoBody},
    problem::Problem,
};
use crate::seats::Seat;
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// What is told of a fault in JSON, in characters.
const MAX_FAULT: usize = 300;

/// The value of `Content-Type`, without parameters.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// A body of at most `limit` bytes, whole.
pub(super) async fn bytes(
    api: &Api,
    seat: &Seat,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Problem> {
    let mut share = api.budget.share();
    let received = body::receive_within(limit, headers, body, api, &mut share).await;
    // What is about to be written is answered, whoever else wants the place.
    seat.engage().await;
    received.map_err(|fault| match fault {
        NoBody::Problem(problem) => problem,
        NoBody::TooLong(..) => {
            let detail = format!("the body of this request has at most {limit} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", detail)
        }
    })
}

/// A JSON body of at most `limit` bytes.
pub(super) async fn json<T: DeserializeOwned>(
    api: &Api,
    seat: &Seat,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, Problem> {
    if content_type(headers) != "application/json" {
        let detail = "send application/json, and say so in Content-Type";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail));
    }
    let bytes = bytes(api, seat, headers, body, limit).await?;
    serde_json::from_slice(&bytes).map_err(|fault| {
        let fault = shown(&fault.to_string(), MAX_FAULT);
        Problem::bad_request("bad-body", format!("the body is not what belongs here: {fault}"))
    })
}

/// Foreign text as a problem's detail may have it: cut, and one line without anything that a terminal would obey.
pub(super) fn shown(text: &str, longest: usize) -> String {
    text.chars().take(longest).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p6_foreign_text_in_a_problem_is_one_printable_line_of_bounded_length() {
        assert_eq!(shown("a\u{1b}[2J\nb\u{85}", 10), "a [2J b ");
        assert_eq!(shown(&"\u{fc}".repeat(100), 3), "\u{fc}".repeat(3));
    }
}
