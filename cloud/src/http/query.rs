//! The query part of a URL: known keys only, each once, each with a message that says how to mend it.

use super::problem::Problem;
use axum::{extract::Query, http::Uri};
use fieldpost_core::UtcInstant;

/// A request's query.
#[derive(Debug)]
pub(super) struct Keys(Vec<(String, String)>);

impl Keys {
    /// Reads the query of `uri`, which may have the keys `known`.
    pub(super) fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| bad("the query is not of the form key=value&key=value".into()))?;
        for (position, (key, _)) in pairs.iter().enumerate() {
            if !known.contains(&key.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(bad(format!("the query has an unknown key; known here: {known}")));
            }
            if pairs.iter().take(position).any(|(earlier, _)| earlier == key) {
                return Err(bad(format!("{key} stands twice in the query")));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of `key`.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The instant that `key` names.
    pub(super) fn instant(&self, key: &str) -> Result<Option<UtcInstant>, Problem> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                let hint = "write the + of an offset as %2B";
                bad(format!("{key} is not an RFC 3339 time such as 2025-07-01T08:00:00Z; {hint}"))
            })
        };
        self.text(key).map(parse).transpose()
    }

    /// The number of things asked for: `limit`, from 1 to `max`.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.text("limit") else { return Ok(default) };
        let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
        limit.ok_or_else(|| bad(format!("limit is a number from 1 to {max}")))
    }
}

fn bad(detail: String) -> Problem {
    Problem::bad_request("bad-query", detail)
}
