//! What the cloud's answer means for the surveys that were offered.

use fieldpost_core::{
    Reason,
    reply::{self, Reply},
};
use serde::Deserialize;

/// What the cloud says of what it was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds all of it.
    Accepted,
    /// It will never take all of it as it is.
    Refused {
        /// Why, in its words.
        reason: String,
        /// It is a matter of the cloud's clock, so it may take it later.
        future: bool,
    },
    /// Nothing is known; the same may be accepted later.
    Later(String),
}

/// As much of a foreign reason as is kept.
const MAX_REASON: usize = 300;

/// The cloud's report of what it did, as far as it concerns custody.
#[derive(Deserialize)]
struct Report {
    new: u64,
    duplicate: u64,
    conflict: u64,
}

/// Problems with how the gateway asks, not with what it offers: mended on either side, the same is taken.
const NOT_OF_THE_SURVEYS: [&str; 2] = ["bad-header", "unsupported-media-type"];

/// RFC 9457, and our `reason`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    reason: String,
}

/// Understands an HTTP answer.
///
/// Any web server answers something. Only our cloud's own report counts as an acknowledgement, and only a problem
/// report as a refusal; else a wrong address would cost surveys.
pub(super) fn of_http(status: u16, content_type: &str, body: &[u8]) -> Verdict {
    let later = |why: &str| Verdict::Later(format!("HTTP status {status}{why}"));
    let is_problem = content_type.starts_with("application/problem+json");
    let problem: Problem =
        if is_problem { serde_json::from_slice(body).unwrap_or_default() } else { Problem::default() };
    match status {
        200 => match serde_json::from_slice::<Report>(body) {
            Ok(Report { new, duplicate, conflict }) => {
                tracing::debug!(new, duplicate, conflict, "batch acknowledged");
                Verdict::Accepted
            }
            Err(_) => later(", but not the report of a Fieldpost cloud; check the address"),
        },
        400 | 413 | 415 | 422 if is_problem && !NOT_OF_THE_SURVEYS.contains(&problem.reason.as_str()) => {
            let text = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
            Verdict::Refused { reason: bounded(text), future: problem.reason == Reason::Future.code() }
        }
        _ if problem.detail.is_empty() => later(""),
        _ => later(&format!(": {}", bounded(&problem.detail))),
    }
}

/// Understands an answer to a reference upload.
pub(super) fn of_reply(reply: &[u8]) -> Verdict {
    match reply::parse(reply) {
        Reply::Accepted if reply == reply::RECEIVED.as_bytes() => Verdict::Accepted,
        Reply::Refused { reason, again: false } => {
            let future = reason.contains("in the future");
            Verdict::Refused { reason: bounded(&reason), future }
        }
        Reply::Refused { reason, again: true } => Verdict::Later(bounded(&reason)),
        Reply::Accepted | Reply::Unknown => {
            let text = bounded(&String::from_utf8_lossy(reply));
            Verdict::Later(format!("the cloud answered `{text}`"))
        }
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_REASON).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &[u8] = br#"{"new":1,"duplicate":0,"conflict":0}"#;

    #[test]
    fn only_the_clouds_own_report_is_an_acknowledgement() {
        assert_eq!(of_http(200, "application/json", REPORT), Verdict::Accepted);
        for (status, kind, body) in [
            (200, "text/html", &b"<h1>It works!</h1>"[..]),
            (204, "", b""),
            (201, "application/json", REPORT),
        ] {
            assert!(matches!(of_http(status, kind, body), Verdict::Later(_)), "{status}");
        }
    }

    #[test]
    fn only_a_problem_report_refuses_for_good() {
        let problem =
            br#"{"type":"about:blank","title":"Unacceptable","detail":"record 3: too hot","reason":"x"}"#;
        for status in [400, 413, 415, 422] {
            let refused = Verdict::Refused { reason: "record 3: too hot".into(), future: false };
            assert_eq!(of_http(status, "application/problem+json; charset=utf-8", problem), refused);
            assert!(matches!(of_http(status, "text/html", b"no"), Verdict::Later(_)), "{status}");
        }
        let header = br#"{"detail":"this zone is not known","reason":"bad-header"}"#;
        assert!(matches!(of_http(400, "application/problem+json", header), Verdict::Later(_)));
        for status in [301, 401, 403, 404, 408, 429, 500, 502, 503] {
            assert!(
                matches!(of_http(status, "application/problem+json", problem), Verdict::Later(_)),
                "{status}"
            );
        }
    }

    #[test]
    fn a_quarrel_about_the_time_of_day_is_marked_as_such() {
        let problem = br#"{"title":"t","detail":"d","reason":"future"}"#;
        let refused = Verdict::Refused { reason: "d".into(), future: true };
        assert_eq!(of_http(422, "application/problem+json", problem), refused);
    }

    #[test]
    fn a_reference_upload_is_acknowledged_by_exactly_one_text() {
        assert_eq!(of_reply(b"Surveys received"), Verdict::Accepted);
        for other in [&b"Surveys received\n"[..], b"Surveys arrived", b"", b"\xff", b"An error is occurred"] {
            assert!(matches!(of_reply(other), Verdict::Later(_)), "{other:?}");
        }
        let refused = Verdict::Refused { reason: "line 1: no".into(), future: false };
        assert_eq!(of_reply(b"Surveys refused: line 1: no"), refused);
        assert_eq!(of_reply(b"Surveys refused: busy; try again later"), Verdict::Later("busy".into()));
    }
}
