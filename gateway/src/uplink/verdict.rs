//! What the cloud's answer means for the surveys that were offered.

use fieldpost_core::{
    Reason,
    bug::{self, Bug},
    reply::{self, Reply},
};
use serde::{Deserialize, de::DeserializeOwned};

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

/// What the types of our cloud's problems start with.
const OUR_PROBLEM: &str = "urn:fieldpost:problem:";

/// RFC 9457, and our `reason`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    r#type: String,
    detail: String,
    reason: String,
}

/// Understands an HTTP answer.
///
/// Any web server answers something. Only our cloud's own report counts as an acknowledgement, and only its own problem
/// with what stands in the surveys as a refusal; else a wrong address, a proxy or a quarrel about headers would cost
/// surveys.
pub(super) fn of_http(status: u16, content_type: &str, body: &[u8]) -> Verdict {
    let later = |why: &str| Verdict::Later(format!("HTTP status {status}{why}"));
    let is_problem = content_type.starts_with("application/problem+json");
    let problem: Problem = if is_problem { object(body).unwrap_or_default() } else { Problem::default() };
    match status {
        200 if bug::on(Bug::AnyAnswerCounts) => Verdict::Accepted,
        200 => match object(body) {
            Some(Report { new, duplicate, conflict }) => {
                tracing::debug!(new, duplicate, conflict, "batch acknowledged");
                Verdict::Accepted
            }
            None => later(", but not the report of a Fieldpost cloud; check the address"),
        },
        400 | 413 | 422 if final_reason(&problem).is_some() || bug::on(Bug::AnyRefusalCounts) => {
            let future = final_reason(&problem) == Some(Reason::Future);
            Verdict::Refused { reason: bounded(&problem.detail), future }
        }
        401 | 403 => {
            let detail = bounded(&problem.detail);
            let said = if detail.is_empty() { String::new() } else { format!(": {detail}") };
            later(&format!(", the cloud does not let this gateway in{said} (gateway --token-file)"))
        }
        _ if problem.detail.is_empty() => later(""),
        _ => later(&format!(": {}", bounded(&problem.detail))),
    }
}

/// The JSON object that a body is. Three numbers in a list would be read as a report too, and name nothing; and in members that are not
/// looked at any bytes would pass.
fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let body = std::str::from_utf8(body).ok().filter(|body| body.trim_start().starts_with('{'))?;
    serde_json::from_str(body).ok()
}

/// What our cloud finds wrong with the surveys; None if the problem is another's, or not with the surveys.
fn final_reason(problem: &Problem) -> Option<Reason> {
    let ours = problem.r#type.starts_with(OUR_PROBLEM);
    Reason::from_code(&problem.reason).filter(|reason| ours && reason.is_final())
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
        Reply::Unknown if bug::on(Bug::AnyAnswerCounts) => Verdict::Accepted,
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
        let expired = br#"{"new":0,"duplicate":0,"conflict":0,"expired":96}"#;
        assert_eq!(of_http(200, "application/json", expired), Verdict::Accepted, "it will never want them");
        for (status, kind, body) in [
            (200, "text/html", &b"<h1>It works!</h1>"[..]),
            (204, "", b""),
            (201, "application/json", REPORT),
            (200, "application/json", b"[1,0,0]"),
            (200, "application/json", b"{\"new\":1,\"duplicate\":0,\"conflict\":0,\"x\":\"\xff\"}"),
        ] {
            assert!(matches!(of_http(status, kind, body), Verdict::Later(_)), "{status}");
        }
    }

    fn problem(status: u16, reason: &str) -> Verdict {
        let body = format!(
            r#"{{"type":"urn:fieldpost:problem:{reason}","detail":"record 3: no","reason":"{reason}"}}"#
        );
        of_http(status, "application/problem+json; charset=utf-8", body.as_bytes())
    }

    #[test]
    fn only_our_clouds_problem_with_the_surveys_refuses_for_good() {
        for (status, reason) in [(400, "malformed"), (413, "too-long"), (422, "bad-temperature")] {
            let refused = Verdict::Refused { reason: "record 3: no".into(), future: false };
            assert_eq!(problem(status, reason), refused);
        }
        for (status, reason) in [
            (400, "bad-header"),
            (415, "unsupported-media-type"),
            (400, "truncated"),
            (503, "busy"),
            (503, "full"),
        ] {
            assert!(matches!(problem(status, reason), Verdict::Later(_)), "{reason}");
        }
        for status in [301, 401, 403, 404, 408, 429, 500, 502, 503] {
            assert!(matches!(problem(status, "malformed"), Verdict::Later(_)), "{status}");
        }
        let anothers =
            br#"{"type":"about:blank","title":"Unsupported Media Type","detail":"no","reason":"malformed"}"#;
        let list = br#"["urn:fieldpost:problem:malformed","no","malformed"]"#;
        for status in [400, 413, 415, 422] {
            for body in [&anothers[..], list] {
                let verdict = of_http(status, "application/problem+json", body);
                assert!(matches!(verdict, Verdict::Later(_)), "{status}");
            }
            assert!(matches!(of_http(status, "text/html", b"no"), Verdict::Later(_)), "{status}");
        }
    }

    #[test]
    fn a_gateway_that_is_not_let_in_is_told_of_the_token_and_keeps_its_surveys() {
        for (status, content_type, body) in [
            (401, "application/problem+json", &br#"{"detail":"no such token","reason":"bad-token"}"#[..]),
            (403, "text/html", b"<h1>Forbidden</h1>"),
        ] {
            let Verdict::Later(why) = of_http(status, content_type, body) else { panic!("{status}") };
            assert!(why.contains(&status.to_string()) && why.contains("--token-file"), "{why}");
            assert_eq!(why.contains("no such token"), status == 401);
        }
    }

    #[test]
    fn a_quarrel_about_the_time_of_day_is_marked_as_such() {
        let refused = Verdict::Refused { reason: "record 3: no".into(), future: true };
        assert_eq!(problem(422, "future"), refused);
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
