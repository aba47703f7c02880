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
use std::sync::Arc;

/// The longest name of a sender, in bytes.
pub(super) const MAX_NAME: usize = 128;
/// The sender's name: visible ASCII.
const GATEWAY: &str = "fieldpost-gateway";
/// The IANA zone of the sender's site.
const TIME_ZONE: &str = "fieldpost-time-zone";

/// Takes a pack.
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
