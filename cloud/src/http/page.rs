//! The dashboard's files, and the headers that every answer has.
//!
//! The files are embedded by `build.rs`, each with its compressed forms. Nothing is looked up on a disk: a path that is not in the table
//! does not exist. What is no file is the page itself, which reads its own address; `/api` and what has an ending are never that.

use super::{problem::Problem, unknown};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

/// A file of the page.
struct File {
    /// From the root, with its slash.
    path: &'static str,
    /// Changes with the content.
    tag: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// Files in here have a hash of their content in their names.
const HASHED: &str = "/assets/";
const INDEX: &str = "/index.html";
/// The page to read and try the API.
const DOCS: &str = "/docs/index.html";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// Scripts, styles and pictures of our own only, nothing inline, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                      connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for the page of the API: the element that shows it has its styles inline.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
                           connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer says to browsers, unless its handler knows better.
const GUARDS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers what no route answers: a file, the page, or that there is nothing.
pub(super) async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let path = uri.path();
    if method != Method::GET && method != Method::HEAD {
        return Err(unknown(uri).await);
    }
    match file_at(path) {
        Some(file) => Ok(answer(file, &headers)),
        None => Err(unknown(uri).await),
    }
}

/// The file at `path`, or the page where a page can be.
fn file_at(path: &str) -> Option<&'static File> {
    let find =
        |path: &str| FILES.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|at| FILES.get(at));
    if path == "/api" || path.starts_with("/api/") {
        return None;
    }
    let path = if matches!(path, "/docs" | "/docs/") { DOCS } else { path };
    find(path).or_else(|| {
        if path.starts_with(HASHED) || (is_file(path) && path != DOCS) { None } else { find(INDEX) }
    })
}

/// Whether `path` asks for a file, by an ending of letters and digits. A device's id may have dots too.
fn is_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    !path.starts_with("/devices/") && name.contains('.')
}

fn answer(file: &'static File, asked: &HeaderMap) -> Response {
    let (encoding, body) = form(file, asked);
    let tag = format!("\"{}{encoding}\"", file.tag);
    let caching = if file.path.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN };
    let mut headers = HeaderMap::new();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if file.path == DOCS {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
    }
    if let Ok(tag) = HeaderValue::try_from(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if is_known(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(file.path)));
    if !encoding.is_empty() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    (headers, body).into_response()
}

/// The smallest form that the client takes, and its name; the plain one has none.
fn form(file: &'static File, asked: &HeaderMap) -> (&'static str, &'static [u8]) {
    let takes = |encoding| accepts(asked, encoding);
    match (file.brotli, file.gzip) {
        (Some(body), _) if takes("br") => ("br", body),
        (_, Some(body)) if takes("gzip") => ("gzip", body),
        _ => ("", file.plain),
    }
}

/// Whether `Accept-Encoding` names `encoding`, and not with the weight 0.
fn accepts(asked: &HeaderMap, encoding: &str) -> bool {
    let named = |part: &str| {
        let mut parts = part.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        is_it && !parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)))
    };
    let lists = asked.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(named)
}

/// Whether the client has this version.
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    tags.any(|known| known == tag || known == "*")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Puts the guards on an answer that has none of its own.
pub(super) async fn guard(mut response: Response) -> Response {
    for (name, value) in GUARDS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
