//! The HTTP side: surveys come in as SenML, questions are answered. One resource a file; every error is one
//! [`problem::Problem`].

mod accept;
mod answer;
mod body;
mod conflicts;
mod devices;
mod gateways;
mod health;
mod metrics;
mod number;
mod page;
mod paging;
mod problem;
mod query;
mod readings;
mod server;
mod stall;
mod surveys;

pub use answer::{HttpAnswer, http_answer};

use crate::{
    Limits,
    budget::Budget,
    connections::{Connections, Stop},
    intake::Intake,
    once::Once,
};
use axum::{
    Router,
    http::{StatusCode, Uri},
    routing::{get, post},
};
use problem::Problem;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) intake: Intake,
    pub(crate) budget: Budget,
    pub(crate) limits: Limits,
    pub(crate) once: Once,
}

/// Serves requests until the stop.
pub(crate) async fn run(listener: TcpListener, api: Api, stop: Stop) {
    let limits = api.limits;
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
    Router::new()
        .route("/api/v1/surveys", post(surveys::post))
        .route("/api/v1/devices", get(devices::list))
        .route("/api/v1/devices/{id}", get(devices::one))
        .route("/api/v1/devices/{id}/readings", get(readings::list))
        .route("/api/v1/devices/{id}/conflicts", get(conflicts::list))
        .route("/api/v1/gateways", get(gateways::list))
        .route("/healthz", get(health::get))
        .route("/metrics", get(metrics::get))
        .fallback(page::fallback)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::map_response(page::guard))
        .with_state(Arc::new(api))
}

async fn unknown(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

async fn wrong_method(method: axum::http::Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}
