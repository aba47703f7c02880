//! Accounts over HTTP: who I am, signing in and out, people, tokens.

pub(super) mod me;
pub(super) mod password;
pub(super) mod session;
pub(super) mod tokens;
pub(super) mod users;

use super::problem::Problem;
use crate::{
    accounts::{Fault, NoHash},
    store::accounts::Denied,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::time::Duration;

/// Why not, as the sender is told.
pub(super) struct NotDone(Problem, Option<Duration>);

impl IntoResponse for NotDone {
    fn into_response(self) -> Response {
        let Self(problem, wait) = self;
        let mut response = problem.into_response();
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        response
    }
}

impl From<Problem> for NotDone {
    fn from(problem: Problem) -> Self {
        Self(problem, None)
    }
}

impl From<Fault> for NotDone {
    fn from(fault: Fault) -> Self {
        let problem = match fault {
            Fault::Bad(detail) => Problem::bad_request("bad-body", detail),
            Fault::Denied(denied) => of_denied(denied),
            Fault::WrongCredentials => Problem::new(
                StatusCode::UNAUTHORIZED,
                "wrong-credentials",
                "the name or the password is wrong",
            ),
            Fault::TooOften(wait) => {
                let detail = format!("too many attempts failed; try again in {} s", seconds(wait));
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", detail);
                return Self(problem, Some(wait));
            }
            Fault::Hash(NoHash::Busy) => {
                Problem::unavailable("busy", "too many people sign in at once; try again")
            }
            Fault::Hash(error) => {
                tracing::error!(%error, "no password can be hashed, or no secret made");
                Problem::unavailable(
                    "no-secrets",
                    "no secret can be made at the moment; the cloud's log says why",
                )
            }
            Fault::Store(error) => Problem::from(&error),
            Fault::Read(error) => Problem::from(error),
        };
        problem.into()
    }
}

fn of_denied(denied: Denied) -> Problem {
    let conflict = |reason, detail: &str| Problem::new(StatusCode::CONFLICT, reason, detail);
    match denied {
        Denied::NameTaken => conflict("name-taken", "there is one of this name already; choose another name"),
        Denied::Unknown => {
            Problem::new(StatusCode::NOT_FOUND, "not-found", "there is none of this name or number")
        }
        Denied::TooMany(limit) => conflict(
            "too-many",
            &format!("there are {limit} already, the most there may be; remove one first"),
        ),
        Denied::LastAdministrator => conflict(
            "last-administrator",
            "an administrator must be there, or nobody could give anybody a right; make another one first",
        ),
        Denied::BadCode => Problem::new(
            StatusCode::FORBIDDEN,
            "bad-code",
            "this one-time link was used, or is older than a day, or another was made since; \
             `fieldpost cloud setup-link` makes a new one",
        ),
        Denied::Changed => conflict("changed", "it was changed meanwhile; try again"),
    }
}

/// Whole seconds, and enough of them.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}
