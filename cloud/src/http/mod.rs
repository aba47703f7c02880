//! The HTTP side: surveys come in as SenML, questions are answered. One resource a file; every error is one
//! [`problem::Problem`].

mod accept;
mod access;
mod accounts;
mod alerts;
mod answer;
mod apart;
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
mod openapi;
mod page;
mod paging;
mod pieces;
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
mod squeeze;
mod stall;
mod surveys;

pub use answer::{HttpAnswer, http_answer};
pub use apart::{Answered, Routes};
pub(crate) use export::Places;
pub use export::{ExportError, export_file};

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
};
use problem::Problem;
use std::sync::Arc;
use tokio::net::TcpListener;

/// As much of a path or a method as a problem repeats, in characters.
const MAX_NAMED: usize = 200;

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
    let (routes, _) = openapi::routes().split_for_parts();
    routes
        .fallback(page::fallback)
        .method_not_allowed_fallback(wrong_method)
        // After the fallbacks: what there is not is nobody's business either.
        .layer(check)
        .layer(middleware::map_response(page::guard))
        .layer(middleware::map_response(squeeze::fuse))
        .layer(squeeze::layer())
        .with_state(api)
}

async fn unknown(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}", input::shown(uri.path(), MAX_NAMED));
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

async fn wrong_method(method: axum::http::Method, uri: Uri) -> Problem {
    let (path, method) = (input::shown(uri.path(), MAX_NAMED), input::shown(method.as_str(), MAX_NAMED));
    let detail = format!("{path} does not take {method}");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}
