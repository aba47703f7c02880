//! `GET /api/v1/export`: the readings of any devices and times, in a format that others read.
//!
//! ```text
//! list -> Question (what is asked) -> Place (a client has few) -> walk, on a thread of its own:
//!         device by device, page by page -> an Encoder -> pieces -> the client, as fast as it takes them
//! ```
//!
//! What is in memory at once has a bound, however much is exported and however slowly it is read: a page of readings, what the
//! format holds back (Parquet: a row group), a piece in the making, and [`PIECES_AHEAD`] pieces before the client.

mod client;
mod csv;
mod file;
mod ismn;
#[cfg(feature = "parquet")]
mod parquet;
mod places;
mod question;
mod senml;
mod walk;
mod zip;

pub use file::{ExportError, export_file};
pub(crate) use places::Places;

use super::{Api, access::origin, pieces::pieces, problem::Problem, server::Peer};
use crate::{
    clock,
    store::{ExportDevice, FlaggedReading, Quantity, Shelf},
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use client::Client;
use fieldpost_core::UtcInstant;
use question::{Begun, Format, Question};
use std::sync::Arc;
use tokio::runtime::Handle;
use walk::Walk;

/// How many of the exported devices have readings that no rule has looked at yet: those have no flag, good or not.
const UNEXAMINED: &str = "fieldpost-unexamined";
/// Bytes that are sent together, unless a format makes more of them at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for a client.
const PIECES_AHEAD: usize = 2;
/// Readings that are read from the store together.
const PAGE: usize = 4_096;

/// What a format makes of readings; it adds to `out` what is ready to be sent.
trait Encoder: Send {
    /// Goes first.
    fn start(&mut self, out: &mut Vec<u8>) -> Result<(), Fault>;

    /// The parts in which each device comes: both values together, or one after the other.
    fn parts(&self) -> &'static [Part] {
        &[Part::Both]
    }

    /// A device's part begins, whose readings go from `span.0` to `span.1`.
    fn open(
        &mut self,
        _: &ExportDevice,
        _: Part,
        _: (UtcInstant, UtcInstant),
        _: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        Ok(())
    }

    /// Some more of the part's readings, in order of time.
    fn readings(
        &mut self,
        device: &ExportDevice,
        part: Part,
        readings: &[FlaggedReading],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault>;

    /// The part is over.
    fn close(&mut self, _: &mut Vec<u8>) -> Result<(), Fault> {
        Ok(())
    }

    /// Goes last.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Fault>;
}

/// Why an export breaks off: in words, for the log. Its client sees a broken connection.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// What of a device's readings a part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Both values.
    Both,
    /// This one.
    Of(Quantity),
}

/// Streams what is asked for.
#[utoipa::path(
    get,
    path = "/api/v1/export",
    operation_id = "get_export",
    tag = "Exports",
    summary = "Take readings away",
    params(
        ("format" = inline(Option<Format>), Query, description = "csv unless told"),
        ("devices" = Option<Vec<String>>, Query, style = Form, explode = false, description = "At most 1,000 ids; all devices unless told"),
        ("from" = Option<crate::http::openapi::Instant>, Query, description = "The earliest, inclusive; all unless told"),
        ("to" = Option<crate::http::openapi::Instant>, Query, description = "The end, exclusive; none unless told"),
    ),
    responses(
        (status = 200, description = "A file, streamed", headers(
            ("Fieldpost-Unexamined" = u64, description = "How many of its devices have readings that no rule has looked at yet, so that they have no flag for now; left out if there are none"),
        ), content((String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet"), (Vec<u8> = "application/zip"), (Vec<crate::http::surveys::SenmlRecord> = "application/senml+json"))),
        (status = 404, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "No device has one of the ids"),
        (status = 429, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "This client has as many exports as it may"),
    ),
)]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    asked: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let question = Question::of(&uri)?;
    let encoder = question.format.encoder()?;
    let runtime = Handle::current();
    let shelf = Shelf::Store(api.intake.store.clone(), runtime.clone());
    let beginning = move || {
        let begun = question.begin(&shelf);
        (question, shelf, begun)
    };
    let begun = tokio::task::spawn_blocking(beginning).await;
    let (question, shelf, begun) =
        begun.map_err(|_| Problem::unavailable("busy", "the cloud is busy; ask again"))?;
    let Begun { devices, unexamined } = begun?;
    let address = origin::address(&asked, peer.ip(), api.accounts.proxies());
    let place = api.exports.take(address, question.format.weight())?;
    let headers = headers(question.format, unexamined);
    let (sender, body) = pieces(PIECES_AHEAD);
    let counters = Arc::clone(&api.intake.counters);
    let taker = Client { counters, runtime, sender, _place: place };
    let walk = Walk { shelf, devices, range: question.range, taker, out: Vec::new() };
    tokio::task::spawn_blocking(move || walk.run(encoder));
    Ok((StatusCode::OK, headers, Body::new(body)).into_response())
}

fn headers(format: Format, unexamined: u64) -> HeaderMap {
    let date: String = clock::now().to_string().chars().take(10).collect();
    let name = format!("attachment; filename=\"fieldpost-{date}.{}\"", format.extension());
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    if unexamined > 0 {
        headers.insert(UNEXAMINED, unexamined.into());
    }
    headers
}
