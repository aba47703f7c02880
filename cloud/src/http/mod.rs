//! The HTTP side: surveys come in as SenML, questions are answered. One resource a file; every error is one
//! [`problem::Problem`].

mod accept;
mod access;
mod accounts;
mod alerts;
mod answer;
mod asked;
mod body;
mod channels;
mod check;
mod completeness;
mod conflicts;
mod days;
mod details;
mod devices;
mod events;
mod export;
mod fixed;
mod fleet;
mod gateway_status;
mod gateways;
mod health;
mod input;
mod json;
mod metrics;
mod number;
mod page;
mod paging;
mod plan;
mod problem;
mod quarantine;
mod query;
mod readings;
mod retention;
mod rules;
mod series;
mod server;
mod shown;
mod stall;
mod surveys;

pub use answer::{HttpAnswer, http_answer};
pub(crate) use export::Places;

use crate::{
    Limits,
    accounts::Accounts,
    alerts::post::Post,
    budget::Budget,
    connections::{Connections, Stop},
    intake::Intake,
    once::Once,
};
use axum::{
    Router,
    http::{StatusCode, Uri},
    middleware,
    routing::{delete, get, patch, post, put},
};
use problem::Problem;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) intake: Intake,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) budget: Budget,
    pub(crate) limits: Limits,
    pub(crate) once: Once,
    pub(crate) stop: Stop,
    /// Held by the one check of the store.
    pub(crate) checking: Arc<tokio::sync::Mutex<()>>,
    pub(crate) exports: Places,
    /// Delivers the messages of alerts.
    pub(crate) post: Post,
}

/// Serves requests until the stop.
pub(crate) async fn run(listener: TcpListener, api: Api) {
    let (limits, stop) = (api.limits, api.stop.clone());
    let connections = Connections {
        limit: limits.http_connections,
        counters: Arc::clone(&api.intake.counters.http),
        stop: stop.clone(),
        drain: limits.drain,
    };
    let router = router(api);
    let serve = |stream, peer| server::serve(stream, peer, router.clone(), limits, stop.clone());
    connections.serve(listener, serve).await;
}

fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let check = middleware::from_fn_with_state(Arc::clone(&api), access::check);
    Router::new()
        .route("/api/v1/surveys", post(surveys::post))
        .route("/api/v1/devices", get(devices::list))
        .route("/api/v1/devices/{id}", get(devices::one))
        .route("/api/v1/devices/{id}/readings", get(readings::list))
        .route("/api/v1/devices/{id}/conflicts", get(conflicts::list))
        .route("/api/v1/devices/{id}/details", put(details::put))
        .route("/api/v1/devices/{id}/series", get(series::get))
        .route("/api/v1/devices/{id}/days/{date}", get(days::one))
        .route("/api/v1/fleet", get(fleet::list))
        .route("/api/v1/completeness", get(completeness::list))
        .route("/api/v1/quarantine", get(quarantine::list))
        .route("/api/v1/export", get(export::get))
        .route("/api/v1/gateways", get(gateways::list))
        .route("/api/v1/events", get(events::get))
        .route("/api/v1/retention", get(retention::get).put(retention::put))
        .route("/api/v1/retention/preview", get(retention::preview))
        .route("/api/v1/check", post(check::post))
        .route("/api/v1/gateways/{name}/status", put(gateway_status::put))
        .route("/api/v1/plan", get(plan::get).put(plan::put).delete(plan::delete))
        .route("/api/v1/plan/image", get(plan::image))
        .route("/api/v1/me", get(accounts::me::get))
        .route("/api/v1/setup", post(accounts::session::set_up))
        .route("/api/v1/session", post(accounts::session::post).delete(accounts::session::delete))
        .route("/api/v1/users", get(accounts::users::list).post(accounts::users::post))
        .route("/api/v1/users/{name}", patch(accounts::users::patch).delete(accounts::users::delete))
        .route("/api/v1/tokens", get(accounts::tokens::list).post(accounts::tokens::post))
        .route("/api/v1/tokens/{id}", delete(accounts::tokens::delete))
        .route("/api/v1/rules", get(rules::list).post(rules::post))
        .route("/api/v1/rules/{id}", put(rules::put).delete(rules::delete))
        .route("/api/v1/alerts", get(alerts::list))
        .route("/api/v1/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/api/v1/channels", get(channels::list).post(channels::post))
        .route("/api/v1/channels/{id}", put(channels::put).delete(channels::delete))
        .route("/api/v1/channels/{id}/test", post(channels::test))
        .route("/healthz", get(health::get))
        .route("/metrics", get(metrics::get))
        .fallback(page::fallback)
        .method_not_allowed_fallback(wrong_method)
        // After the fallbacks: what there is not is nobody's business either.
        .layer(check)
        .layer(middleware::map_response(page::guard))
        .with_state(api)
}

async fn unknown(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

async fn wrong_method(method: axum::http::Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}
