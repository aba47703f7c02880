//! What a sender of surveys is told, apart from the socket that it is told on.

use super::problem::Problem;
use crate::{
    SubmitError,
    store::{Outcome, Stored},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// The header in which a sender says its custody, and is told the mark.
pub(super) const CUSTODY: &str = "fieldpost-custody";
/// Seconds after which a sender that found us busy may come again.
const RETRY_AFTER: &str = "5";

/// An answer to a request, short of its bytes on the wire. One of status 503 says on the wire when to come again, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The value of `Fieldpost-Custody`: the mark as it was before, in decimal. Only if the request had one.
    pub custody: Option<String>,
    /// The body: JSON.
    pub body: String,
}

/// The answer to an upload of which this became: a report, or a problem.
#[must_use]
pub fn http_answer(result: &Result<Stored, SubmitError>) -> HttpAnswer {
    let stored = match result {
        Ok(stored) => stored,
        Err(error) => return Problem::from(error).answer(),
    };
    let Outcome { new, duplicate, conflict, expired } = stored.outcome;
    let expired = if expired > 0 { format!(",\"expired\":{expired}") } else { String::new() };
    HttpAnswer {
        status: 200,
        content_type: "application/json",
        custody: stored.mark.map(|mark| mark.to_string()),
        body: format!("{{\"new\":{new},\"duplicate\":{duplicate},\"conflict\":{conflict}{expired}}}"),
    }
}

impl IntoResponse for HttpAnswer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = [(header::CONTENT_TYPE, self.content_type)];
        let mut response = (status, content_type, self.body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        if let Some(mark) = self.custody.and_then(|mark| HeaderValue::try_from(mark).ok()) {
            response.headers_mut().insert(CUSTODY, mark);
        }
        response
    }
}
