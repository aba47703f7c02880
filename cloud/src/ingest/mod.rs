//! Text uploads over TCP, as the reference gateway sends them.
//!
//! A connection carries one message, which ends when the sender closes its side, or pauses after a complete line,
//! since the format has no other end. The answer is exactly `Surveys received`, after the commit. The cloud then
//! closes its side and listens for a moment more: whatever still comes was not in the message that was answered, and is
//! taken as one of its own.

mod answer;
mod connection;
mod receive;

pub use answer::text_answer;

use crate::{
    Limits,
    budget::Budget,
    connections::{Connections, Stop},
    intake::Intake,
    once::Once,
};
use jiff::tz::TimeZone;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What every upload connection needs.
pub(crate) struct Ingest {
    pub(crate) intake: Intake,
    pub(crate) budget: Budget,
    pub(crate) limits: Limits,
    /// Times of day in uploads are those of this zone.
    pub(crate) zone: TimeZone,
    pub(crate) once: Once,
}

/// Serves uploads until the stop.
pub(crate) async fn run(listener: TcpListener, ingest: Ingest, stop: Stop) {
    let connections = Connections {
        limit: ingest.limits.upload_connections,
        counters: Arc::clone(&ingest.intake.counters.upload),
        stop: stop.clone(),
        drain: ingest.limits.drain,
    };
    let ingest = Arc::new(ingest);
    let serve = |stream, peer| connection::serve(stream, peer, Arc::clone(&ingest), stop.clone());
    connections.serve(listener, serve).await;
}
