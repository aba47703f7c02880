//! Lists that come page by page: `next` in the body and the `Link` header (RFC 8288) say where they go on.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};

/// The headers of a page that goes on at `next`.
pub(super) fn headers(content_type: &'static str, next: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let link = next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        headers.insert(header::LINK, link);
    }
    headers
}

/// A page as JSON.
pub(super) fn json(page: &impl serde::Serialize, next: Option<&str>) -> Response {
    match serde_json::to_string(page) {
        Ok(body) => (headers("application/json", next), body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be printed");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Text as part of a query. Ids need nothing else.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                escaped.push(byte.into())
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}
