//! The one error of the HTTP side: problem details (RFC 9457), with our reason code beside the standard's members.

use super::answer::HttpAnswer;
use crate::{SubmitError, store::ReadError};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fieldpost_core::{Reason, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request failed, as its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    reason: &'static str,
    detail: String,
}

/// Why a request failed (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct JsonProblem {
    #[serde(rename = "type")]
    #[schema(example = "urn:fieldpost:problem:bad-query")]
    kind: String,
    title: &'static str,
    status: u16,
    /// What is wrong, and how to mend it.
    detail: String,
    /// Stable, for machines.
    #[schema(example = "bad-query")]
    reason: &'static str,
}

impl Problem {
    /// `reason` is stable, for machines; `detail` says to people how to mend it.
    pub(crate) fn new(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { status, reason, detail: detail.into() }
    }

    /// The request cannot be understood.
    pub(crate) fn bad_request(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, detail)
    }

    /// Through no fault of the request.
    pub(crate) fn unavailable(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, detail)
    }

    /// The reason, for machines.
    pub(super) fn reason(&self) -> &'static str {
        self.reason
    }

    /// The detail, for people.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "The request cannot be understood",
            StatusCode::UNAUTHORIZED => "Say who you are",
            StatusCode::FORBIDDEN => "This is not allowed",
            StatusCode::CONFLICT => "This cannot be as things are",
            StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
            StatusCode::NOT_FOUND => "There is no such thing",
            StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here",
            StatusCode::NOT_ACCEPTABLE => "This form is not offered",
            StatusCode::REQUEST_TIMEOUT => "The request did not arrive whole in time",
            StatusCode::CONFLICT => "This does not go together with what is there",
            StatusCode::PAYLOAD_TOO_LARGE => "The request is too large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "This form is not taken",
            StatusCode::TOO_MANY_REQUESTS => "Too much at once",
            StatusCode::UNPROCESSABLE_ENTITY => "The surveys were refused",
            _ => "Not possible at the moment; try again later",
        }
    }

    /// As it is told.
    pub(super) fn answer(self) -> HttpAnswer {
        let (status, title) = (self.status.as_u16(), self.title());
        let kind = format!("urn:fieldpost:problem:{}", self.reason);
        let body = JsonProblem { kind, title, status, detail: self.detail, reason: self.reason };
        // Texts and a number can always be printed.
        let body = serde_json::to_string(&body).unwrap_or_default();
        HttpAnswer { status, content_type: "application/problem+json", custody: None, body }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.answer().into_response()
    }
}

/// What is no SenML is a bad request; SenML that we do not accept is unprocessable.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.reason() {
            Reason::Malformed | Reason::Truncated | Reason::NotUtf8 => StatusCode::BAD_REQUEST,
            Reason::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::Full => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refusal.reason().code(), refusal.to_string())
    }
}

impl From<&SubmitError> for Problem {
    fn from(error: &SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.clone().into(),
            SubmitError::Busy => Self::unavailable("busy", "the store is busy; send the same again"),
            SubmitError::Store(_) => Self::unavailable(
                "store-failing",
                "the store cannot be written; nothing was stored, send the same again",
            ),
            SubmitError::Closed => {
                Self::unavailable("stopping", "the cloud is stopping; send the same again")
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Busy => Self::unavailable("busy", "too many questions at once; ask again"),
            ReadError::Store(error) => {
                tracing::error!(%error, "the store cannot be read");
                Self::unavailable("store-failing", "the store cannot be read; the cloud's log says why")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

    /// A gateway takes 400, 413 and 422 with a reason of ours that is final for the end of its surveys.
    fn is_final(problem: &Problem) -> bool {
        let status = matches!(problem.status.as_u16(), 400 | 413 | 422);
        status && Reason::from_code(problem.reason).is_some_and(Reason::is_final)
    }

    #[test]
    fn what_is_not_the_surveys_fault_never_refuses_them_for_good_and_says_when_to_come_again() {
        for problem in [
            (&SubmitError::Busy).into(),
            (&SubmitError::Store("full".into())).into(),
            (&SubmitError::Closed).into(),
            (&SubmitError::Refused(Refusal::new(Reason::Full, "no room"))).into(),
            ReadError::Busy.into(),
            Problem::unavailable("busy", "too many uploads at once"),
        ] {
            assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE, "{problem:?}");
            assert!(!is_final(&problem), "{problem:?}");
            assert!(Reason::from_code(problem.reason).is_none_or(|reason| !reason.is_final()), "{problem:?}");
            assert_eq!(problem.into_response().headers()[header::RETRY_AFTER], "5");
        }
        assert!(is_final(&Refusal::new(Reason::TooLong, "200,001 records").into()));
        assert!(is_final(&Refusal::new(Reason::BadMoisture, "101").into()));
        assert!(!is_final(&Problem::bad_request("bad-header", "no such zone")));
    }
}
