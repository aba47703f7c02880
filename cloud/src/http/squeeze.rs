//! Answers of text go compressed to whoever accepts that: a page of the fleet shrinks to a quarter.
//!
//! Files are left as they are: the page's come compressed already, exports are, or are read by machines that can say so. A stream of
//! events is not kept back by a compressor either.

use axum::{
    body::{Body, HttpBody},
    http::{Response, header},
};
use http_body_util::BodyExt;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, predicate::Predicate},
};

/// Shorter bodies fit one packet anyway, in bytes.
const WORTH: u64 = 1_024;
/// What is compressed.
const TEXTS: [&str; 3] = ["application/json", "application/problem+json", "text/csv"];

/// Which answers are worth it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worth;

/// Compresses answers.
pub(super) fn layer() -> CompressionLayer<Worth> {
    // A curve has milliseconds in all: the time counts more than the last bytes.
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(Worth)
}

/// Makes an answer's body one that may be asked again when it has ended: the compressor does, and streams are not made for it.
pub(super) async fn fuse(response: Response<Body>) -> Response<Body> {
    match Worth.should_compress(&response) {
        true => response.map(|body| Body::new(body.fuse())),
        false => response,
    }
}

impl Predicate for Worth {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = content_type.split(';').next().unwrap_or("").trim();
        let short = response.body().size_hint().upper().is_some_and(|length| length < WORTH);
        TEXTS.contains(&essence) && !short
    }
}
