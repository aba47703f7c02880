//! `POST /api/v1/surveys`: SenML in, an acknowledgement out after the commit.

use super::{
    Api, HttpAnswer,
    answer::CUSTODY,
    body::{self, NoBody},
    http_answer,
    problem::Problem,
    server::{Kept, Peer},
};
use crate::{
    Origin, SubmitError, clock,
    custody::{BadCustody, Custody, parse_custody},
    seats::Seat,
    submission::{Format, Upload},
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// The longest name of a sender, in bytes.
pub(super) const MAX_NAME: usize = 128;
/// The sender's name: visible ASCII.
const GATEWAY: &str = "fieldpost-gateway";
/// The IANA zone of the sender's site.
const TIME_ZONE: &str = "fieldpost-time-zone";

/// A record of SenML (RFC 8428), of those members that are known here. The base members hold for what follows, too.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is read by fieldpost_core::senml; this says how it looks")]
pub(super) struct SenmlRecord {
    /// Base name: goes before each name.
    #[schema(nullable = false, example = "m1/")]
    bn: Option<String>,
    /// Base time in seconds; below 2^28 relative to now.
    #[schema(nullable = false)]
    bt: Option<f64>,
    /// Base unit.
    #[schema(nullable = false)]
    bu: Option<String>,
    /// Base value, which each value is added to.
    #[schema(nullable = false)]
    bv: Option<f64>,
    /// Version.
    #[schema(nullable = false)]
    bver: Option<u32>,
    /// `temperature` or `moisture`, behind the device's id and a slash.
    #[schema(nullable = false)]
    n: Option<String>,
    /// `Cel`, or `/` for a ratio.
    #[schema(nullable = false)]
    u: Option<String>,
    /// The value.
    #[schema(nullable = false)]
    v: Option<f64>,
    /// Time in seconds, added to the base time.
    #[schema(nullable = false)]
    t: Option<f64>,
}

/// A meter's reading of both values, and another an hour later of one.
fn example() -> Value {
    json!([
        {"bn": "m1/", "bt": 1_751_356_800, "n": "temperature", "u": "Cel", "v": 20.5},
        {"n": "moisture", "u": "/", "v": 0.3},
        {"n": "temperature", "u": "Cel", "v": 20.75, "t": 3600},
    ])
}

/// What became of the readings of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is printed by hand, where no socket is; this says how it looks")]
struct Taken {
    /// That were not held before.
    new: u64,
    /// That were held already.
    duplicate: u64,
    /// That contradict what is held, which stays.
    conflict: u64,
    /// That are older than the operator keeps, and were not stored; left out if there are none. Sending them again is of no use.
    #[schema(nullable = false)]
    expired: Option<u64>,
}

/// Takes a pack.
#[utoipa::path(
    post,
    path = "/api/v1/surveys",
    operation_id = "post_surveys",
    tag = "Surveys",
    summary = "Hand surveys in",
    description = "One transaction: stored whole, or refused whole. What is there already is a duplicate, so sending again does no harm; a value that contradicts is recorded beside the first, which stays.",
    params(
        ("Fieldpost-Gateway" = Option<String>, Header, description = "Who hands them in; the address unless told", max_length = 128),
        ("Fieldpost-Time-Zone" = Option<String>, Header, description = "The IANA zone of the site, for the console", example = "Europe/Rome"),
        ("Fieldpost-Custody" = Option<String>, Header, description = "Gateways only: how far this takes the cloud in a journal; docs/PROTOCOL.md has it"),
    ),
    request_body(description = "A SenML pack (RFC 8428) of one or many devices, at most 16 MiB: names are `<device>/temperature` \
        in Cel and `<device>/moisture` as a ratio (unit `/`)", content(
        (Vec<SenmlRecord> = "application/senml+json", example = json!(example())),
        (Vec<u8> = "application/senml+cbor")
    )),
    responses(
        (status = 200, body = Taken, description = "All of it is on disk, or was before, or is older than is kept"),
        (status = 422, body = super::problem::JsonProblem, content_type = "application/problem+json", description = "It is SenML, and refused whole: no reading of it was taken"),
    ),
)]
pub(super) async fn post(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    Extension(Kept(seat)): Extension<Kept>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let peer = format!("http:{}", peer.ip().to_canonical());
    let result = take(&api, peer, &seat, &headers, body).await;
    let answer = result.unwrap_or_else(Problem::answer);
    api.once.answered(answer.status == 200);
    answer.into_response()
}

async fn take(
    api: &Api,
    peer: String,
    seat: &Seat,
    headers: &HeaderMap,
    body: Body,
) -> Result<HttpAnswer, Problem> {
    let refused = |problem, reason| {
        api.intake.counters.refused(reason);
        problem
    };
    let format = format(headers).map_err(|problem| refused(problem, "unsupported-media-type"))?;
    let origin = origin(headers, peer).map_err(|problem| refused(problem, "bad-header"))?;
    let mut share = api.budget.share();
    let upload = |bytes, share| Upload::new(format, bytes, origin, clock::now()).within(share);
    let received = body::receive(headers, body, api, &mut share).await;
    seat.engage().await;
    let bytes = match received {
        Ok(bytes) => bytes,
        Err(NoBody::Problem(problem)) => return Err(problem),
        Err(NoBody::TooLong(start, refusal)) => {
            api.intake.refuse(&upload(start, share), &refusal).await;
            return Ok(http_answer(&Err(SubmitError::Refused(refusal))));
        }
    };
    Ok(http_answer(&api.intake.take(upload(bytes, share)).await))
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/senml+json" => Ok(Format::Json),
        "application/senml+cbor" => Ok(Format::Cbor),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "send application/senml+json or application/senml+cbor, and say so in Content-Type",
        )),
    }
}

fn origin(headers: &HeaderMap, peer: String) -> Result<Origin, Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let bad = |detail: String| Problem::bad_request("bad-header", detail);
    let gateway = match headers.get(GATEWAY) {
        Some(name) => match name.to_str().map(str::trim) {
            Ok(name) if is_name(name) => name.to_owned(),
            _ => {
                let rule = format!("a name has 1 to {MAX_NAME} visible ASCII characters");
                return Err(bad(format!("Fieldpost-Gateway: {rule}")));
            }
        },
        None => peer,
    };
    let zone = |name| {
        TimeZone::get(name).map_err(|_| {
            bad("Fieldpost-Time-Zone: this zone is not known; name it as IANA does, such as Europe/Rome"
                .into())
        })
    };
    let custody = custody(headers).map_err(|fault| bad(fault.to_string()))?;
    Ok(Origin { gateway, time_zone: text(TIME_ZONE).map(zone).transpose()?, custody })
}

/// Whether a sender may have this name, which must be the same in a header and in a path.
pub(super) fn is_name(name: &str) -> bool {
    let visible = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (1..=MAX_NAME).contains(&name.len()) && name.trim() == name && visible
}

fn custody(headers: &HeaderMap) -> Result<Option<Custody>, BadCustody> {
    let mut said = headers.get_all(CUSTODY).iter();
    match (said.next(), said.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => parse_custody(one.to_str().unwrap_or("?")).map(Some),
        (Some(_), Some(_)) => Err(BadCustody::Words),
    }
}
