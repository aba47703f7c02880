//! What each request needs. A route that is added is covered by the rules for its method, never by none.

use crate::rights::Need;
use axum::http::Method;

/// What all of the API begins with.
const API: &str = "/api/v1/";
/// What concerns the cloud itself, and all that is below it.
const ADMINISTRATION: [&str; 5] = ["users", "tokens", "retention", "settings", "channels"];

/// What a request needs; None: anybody may.
pub(in crate::http) fn needed(method: &Method, path: &str) -> Option<Need> {
    let Some(rest) = path.strip_prefix(API) else {
        return match path {
            "/metrics" => Some(Need::Read),
            // Whatever else stands under /api is nothing, and that is nobody's business.
            _ if path == "/api" || path.starts_with("/api/") => Some(Need::Read),
            // Whether we are well, and the page itself, which has no data in it.
            _ => None,
        };
    };
    let reads = is_safe(method);
    let segments: Vec<&str> = rest.split('/').collect();
    match segments.as_slice() {
        // What there is to ask for says nothing of what is answered.
        ["me" | "session" | "setup" | "openapi.json"] => None,
        // One's own, whatever one may.
        ["me", "password"] if *method == Method::PUT => Some(Need::Read),
        ["surveys"] if *method == Method::POST => Some(Need::Ingest),
        ["gateways", _, "status"] if *method == Method::PUT => Some(Need::Ingest),
        [first, ..] if ADMINISTRATION.contains(first) => Some(Need::Administer),
        _ if reads => Some(Need::Read),
        _ => Some(Need::Operate),
    }
}

/// Whether a request with this method changes nothing.
pub(in crate::http) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_needs_what_its_path_and_method_say() {
        let said = |text: &str| {
            let (method, path) = text.split_once(' ').unwrap();
            needed(&method.parse().unwrap(), path)
        };
        for free in [
            "GET /healthz",
            "GET /",
            "GET /assets/page.js",
            "GET /setup",
            "GET /api/v1/me",
            "POST /api/v1/setup",
            "POST /api/v1/session",
            "DELETE /api/v1/session",
            "GET /api/v1/openapi.json",
            "GET /docs",
        ] {
            assert_eq!(said(free), None, "{free}");
        }
        for (need, requests) in [
            (
                Need::Read,
                &[
                    "GET /metrics",
                    "GET /api/v1/devices",
                    "HEAD /api/v1/devices",
                    "GET /api/v1/gateways/north/status",
                    "GET /api/v1/surveys",
                    "GET /api/v1/devices/users",
                    "GET /api/v1/nothing/there",
                    "GET /api/v1/",
                    "PUT /api/v1/me/password",
                    "GET /api/v2/users",
                    "GET /api",
                ][..],
            ),
            (Need::Ingest, &["POST /api/v1/surveys", "PUT /api/v1/gateways/north/status"]),
            (
                Need::Operate,
                &[
                    "PUT /api/v1/devices/m1/details",
                    "POST /api/v1/rules",
                    "PATCH /api/v1/rules/1",
                    "DELETE /api/v1/plan",
                    "POST /api/v1/check",
                    "PUT /api/v1/surveys",
                    "POST /api/v1/surveys/",
                    "POST /api/v1/gateways/north/status",
                    "PUT /api/v1/gateways/a/b/status",
                    "POST /api/v1/me/",
                    "BREW /api/v1/devices",
                ],
            ),
            (
                Need::Administer,
                &[
                    "GET /api/v1/users",
                    "POST /api/v1/users",
                    "DELETE /api/v1/users/ann",
                    "GET /api/v1/tokens",
                    "GET /api/v1/retention/preview",
                    "PUT /api/v1/retention",
                    "GET /api/v1/settings",
                    "POST /api/v1/channels/3/test",
                ],
            ),
        ] {
            for request in requests {
                assert_eq!(said(request), Some(need), "{request}");
            }
        }
    }
}
