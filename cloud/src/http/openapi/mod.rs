//! `GET /api/v1/openapi.json`: what can be asked, for programs that make clients and for people who read.
//!
//! Each handler says its own part beside itself (`#[utoipa::path]`), with the schemas of the very types that are read and printed, and
//! [`routes()`] takes path, method and description from there: what is routed is described, and the other way round. What is alike
//! for all comes from one place, too: [`finish`] adds who may from the table that lets requests in, and the problems.

mod finish;

use super::{
    Api, accounts, alerts, channels, check, completeness, conflicts, days, details, devices, events, export,
    fleet, gateway_status, gateways, health, metrics, plan, problem::Problem, quarantine, query::Keys,
    readings, retention, rules, series, surveys,
};
use axum::{
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use std::sync::{Arc, LazyLock};
use utoipa::{
    OpenApi, PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::Type,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What there is to know before asking.
const ABOUT: &str = "Measurements of the soil, as this cloud holds them.

- Instants are RFC 3339 in UTC, with `Z`. Temperatures are in °C, moisture is volumetric, in %.
- What is not known is `null`. A query key or a member that is not known is an error: nothing is misunderstood in silence.
- Errors are problem details (RFC 9457): `reason` is stable and for machines, `detail` says to people how to mend it.
- Lists come page by page where they have `next`, which is also in the header `Link`.
- `x-needs` says what a request needs: `read` (a viewer), `ingest` (a gateway), `operate` (an operator), `administer` (an
  administrator). While nobody has an account, a cloud on loopback lets everybody on its machine do everything.
- Programs send a token in `Authorization: Bearer`. Browsers have a cookie; what changes something needs the header
  `X-CSRF-Token` beside it, whose value `GET /api/v1/me` says.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Fieldpost", description = ABOUT, version = env!("CARGO_PKG_VERSION")),
    servers((url = "/", description = "This cloud")),
    tags(
        (name = "Surveys", description = "Readings come in"),
        (name = "Devices", description = "Meters, and what they measured"),
        (name = "Exports", description = "Readings go out, as files"),
        (name = "Gateways", description = "Those who bring surveys"),
        (name = "Plan", description = "The picture under the field's map"),
        (name = "Alerts", description = "What somebody wants to hear of, and where that goes"),
        (name = "Accounts", description = "People and programs"),
        (name = "Care", description = "What the cloud keeps"),
        (name = "Operations", description = "How the cloud does"),
    )
)]
struct About;

/// Every route, with its description.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(About::openapi())
        .routes(routes!(surveys::post))
        .routes(routes!(devices::list))
        .routes(routes!(devices::one))
        .routes(routes!(readings::list))
        .routes(routes!(conflicts::list))
        .routes(routes!(details::put))
        .routes(routes!(series::get))
        .routes(routes!(days::one))
        .routes(routes!(fleet::list))
        .routes(routes!(completeness::list))
        .routes(routes!(quarantine::list))
        .routes(routes!(export::get))
        .routes(routes!(gateways::list))
        .routes(routes!(gateway_status::put))
        .routes(routes!(events::get))
        .routes(routes!(retention::get, retention::put))
        .routes(routes!(retention::preview))
        .routes(routes!(check::post))
        .routes(routes!(plan::get, plan::put, plan::delete))
        .routes(routes!(plan::image))
        .routes(routes!(rules::list, rules::post))
        .routes(routes!(rules::put, rules::delete))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(channels::list, channels::post))
        .routes(routes!(channels::put, channels::delete))
        .routes(routes!(channels::test))
        .routes(routes!(health::get))
        .routes(routes!(metrics::get))
        .routes(routes!(get))
        .merge(people())
}

/// Those about accounts.
fn people() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(accounts::me::get))
        .routes(routes!(accounts::password::put))
        .routes(routes!(accounts::session::set_up))
        .routes(routes!(accounts::session::post, accounts::session::delete))
        .routes(routes!(accounts::users::list, accounts::users::post))
        .routes(routes!(accounts::users::patch, accounts::users::delete))
        .routes(routes!(accounts::tokens::list, accounts::tokens::post))
        .routes(routes!(accounts::tokens::delete))
}

/// The document; made when somebody first asks for it.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let (_, mut openapi) = routes().split_for_parts();
    let components = openapi.components.get_or_insert_default();
    let cookie = ApiKeyValue::with_description(
        "fieldpost_session",
        "Set by signing in; over TLS its name is `__Host-fieldpost_session`.",
    );
    let csrf = ApiKeyValue::with_description("X-CSRF-Token", "The `csrf` of GET /api/v1/me.");
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    components.add_security_scheme("csrf", SecurityScheme::ApiKey(ApiKey::Header(csrf)));
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut document = serde_json::to_value(&openapi).unwrap_or_default();
    finish::finish(&mut document);
    document.to_string().into()
});

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "get_openapi",
    tag = "Operations",
    summary = "This document",
    responses((status = 200, body = serde_json::Value, description = "OpenAPI 3.1")),
)]
pub(super) async fn get(uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, DOCUMENT.clone()).into_response())
}

/// An instant, as JSON has it.
pub(super) struct Instant;

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Instant {}

/// The direction of a list.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "these say how words of JSON and queries look")]
pub(super) enum Order {
    Asc,
    Desc,
}

/// How a gateway does.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "these say how words of JSON and queries look")]
pub(super) enum GatewayState {
    Fresh,
    Silent,
}

/// By which way a channel's messages go.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "these say how words of JSON and queries look")]
pub(super) enum ChannelKind {
    Webhook,
    Email,
    Mqtt,
}
