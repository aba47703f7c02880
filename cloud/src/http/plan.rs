//! `GET`, `PUT` and `DELETE /api/v1/plan`: the picture under the field's map.

use super::{
    Api, asked,
    fixed::{Fixed, Millionths, parts},
    input, paging,
    problem::Problem,
    query::Keys,
    server::Kept,
};
use crate::{clock, store::Plan};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The largest picture, in bytes.
const MAX_IMAGE: usize = 2 * 1024 * 1024;
/// Forms of pictures, and how each begins; of WebP, what stands behind the length. None that may hold a script.
const FORMS: [(&str, usize, &[u8]); 3] =
    [("image/png", 0, b"\x89PNG\r\n\x1a\n"), ("image/jpeg", 0, b"\xff\xd8\xff"), ("image/webp", 8, b"WEBP")];

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanAnswer)]
struct Answer {
    plan: Option<JsonPlan>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
struct JsonPlan {
    content_type: String,
    south: Millionths,
    west: Millionths,
    north: Millionths,
    east: Millionths,
    #[schema(format = DateTime)]
    updated: String,
}

impl From<Plan> for JsonPlan {
    fn from(plan: Plan) -> Self {
        let [south, west, north, east] = plan.edges.map(Fixed);
        Self { content_type: plan.content_type, south, west, north, east, updated: plan.updated.to_string() }
    }
}

/// Where the picture lies; null if there is none.
#[utoipa::path(
    get,
    path = "/api/v1/plan",
    operation_id = "get_plan",
    tag = "Plan",
    summary = "Where the plan of the field lies",
    responses(
        (status = 200, body = Answer, description = "As it is now"),
    ),
)]
pub(super) async fn get(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let plan = api.intake.store.plan().await?.map(JsonPlan::from);
    Ok(paging::json(&Answer { plan }, None))
}

/// The picture itself.
#[utoipa::path(
    get,
    path = "/api/v1/plan/image",
    operation_id = "get_plan_image",
    tag = "Plan",
    summary = "The picture of the field",
    responses(
        (status = 200, description = "The picture", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
        (status = 404, body = super::problem::JsonProblem, content_type = "application/problem+json", description = "There is none"),
    ),
)]
pub(super) async fn image(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let found = api.intake.store.plan_image().await?;
    let (plan, image) = found.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no-plan", "there is no plan; PUT one to /api/v1/plan")
    })?;
    let content_type = HeaderValue::try_from(plan.content_type);
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, content_type),
        // Whatever it is, it is nothing but a picture.
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, image).into_response())
}

/// Puts a picture in the place of what there is.
#[utoipa::path(
    put,
    path = "/api/v1/plan",
    operation_id = "put_plan",
    tag = "Plan",
    summary = "Put a picture under the field's map",
    params(
        ("south" = f64, Query, description = "Degrees", minimum = -90.0, maximum = 90.0),
        ("west" = f64, Query, description = "Degrees", minimum = -180.0, maximum = 180.0),
        ("north" = f64, Query, description = "Degrees", minimum = -90.0, maximum = 90.0),
        ("east" = f64, Query, description = "Degrees", minimum = -180.0, maximum = 180.0),
    ),
    request_body(description = "At most 2 MiB", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
    responses(
        (status = 200, body = Answer, description = "As it is now"),
    ),
)]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    Extension(Kept(seat)): Extension<Kept>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let keys = Keys::of(&uri, &["south", "west", "north", "east"])?;
    let edges = edges(&keys)?;
    let content_type = input::content_type(&headers);
    let form = FORMS.into_iter().find(|(known, ..)| *known == content_type).ok_or_else(|| {
        let detail = "a plan is image/png, image/jpeg or image/webp; say which in Content-Type";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
    })?;
    let image = input::bytes(&api, &seat, &headers, body, MAX_IMAGE).await?;
    let (_, at, start) = form;
    if !image.get(at..).is_some_and(|image| image.starts_with(start)) {
        let detail = format!("the body is no {content_type}, though Content-Type says so");
        return Err(Problem::bad_request("bad-plan", detail));
    }
    let plan = Plan { content_type, edges, updated: clock::now() };
    let stored = api.intake.store.set_plan(plan.clone(), image).await;
    stored.map_err(|error| Problem::from(&error))?;
    Ok(paging::json(&Answer { plan: Some(plan.into()) }, None))
}

/// Removes it.
#[utoipa::path(
    delete,
    path = "/api/v1/plan",
    operation_id = "delete_plan",
    tag = "Plan",
    summary = "Remove the picture",
    responses(
        (status = 204, description = "Done"),
    ),
)]
pub(super) async fn delete(State(api): State<Arc<Api>>, uri: Uri) -> Result<StatusCode, Problem> {
    Keys::of(&uri, &[])?;
    let removed = api.intake.store.remove_plan().await;
    removed.map(|()| StatusCode::NO_CONTENT).map_err(|error| Problem::from(&error))
}

fn edges(keys: &Keys) -> Result<[i64; 4], Problem> {
    let edge = |key: &str, most: f64| {
        let degrees = keys.text(key).and_then(|text| text.parse().ok());
        let degrees = degrees.and_then(|degrees| parts(degrees, 1e6, -most, most));
        degrees
            .ok_or_else(|| asked::bad(format!("{key} is needed: a number of degrees from -{most} to {most}")))
    };
    let edges @ [south, west, north, east] =
        [edge("south", 90.0)?, edge("west", 180.0)?, edge("north", 90.0)?, edge("east", 180.0)?];
    if south >= north || west >= east {
        return Err(asked::bad("south lies below north, and west below east"));
    }
    Ok(edges)
}
