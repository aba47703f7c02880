//! The routes apart from listeners and connections: a request in, its answer out.

use super::{
    Api, Places,
    server::{Kept, Peer},
};
use crate::{
    Access, Error, Limits, Store,
    accounts::Accounts,
    alerts::post::Post,
    budget::Budget,
    connections::Stop,
    counters::Counters,
    intake::Intake,
    network::Proxies,
    once::Once,
    seats::{Lost, Seats},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use bytes::Bytes;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};
use tokio::sync::watch;

/// Where requests would come in, and from where.
const BOUND: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// The longest answer that is read.
const MAX_ANSWER: usize = 16 << 20;

/// A cloud's routes over a store, as somebody on the same machine finds them. Needs a runtime around it.
pub struct Routes {
    router: Router,
    store: Store,
    seat: Kept,
    _kept: Lost,
    _running: watch::Sender<bool>,
}

/// What a request is answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The status code.
    pub status: u16,
    /// The value of `Content-Type`; empty if there is none.
    pub content_type: String,
    /// The body; none if it has no end, or not within 16 MiB.
    pub body: Option<Bytes>,
}

impl Routes {
    /// The routes over `store.db` in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// If the store cannot be used.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let (limits, path) = (Limits::default(), folder.join("store.db"));
        let store = Store::open(&path)?;
        let rows = store.accounts().await;
        let rows = rows.map_err(|error| Error::Open { path, detail: error.to_string() })?;
        let (running, stop) = Stop::new();
        let (seat, kept) = Seats::new(1).take(BOUND.ip()).await;
        let router = super::router(Api {
            intake: Intake { store: store.clone(), counters: Arc::new(Counters::default()) },
            accounts: Arc::new(Accounts::new(
                store.clone(),
                rows,
                Access::Guarded,
                BOUND,
                Proxies::default(),
            )),
            budget: Budget::new(limits.bytes_in_flight),
            limits,
            once: Once::new(),
            stop,
            checking: Arc::default(),
            exports: Places::default(),
            post: Post::new(),
        });
        Ok(Self { router, store, seat: Kept(Arc::new(seat)), _kept: kept, _running: running })
    }

    /// What is answered to a request; None if it is none that a connection would hand on.
    pub async fn answer(
        &self,
        method: &str,
        target: &str,
        headers: &[(&[u8], &[u8])],
        body: Bytes,
    ) -> Option<Answered> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).ok()?;
        request.extensions_mut().insert(Peer(BOUND));
        request.extensions_mut().insert(self.seat.clone());
        let Ok(answer) = TowerToHyperService::new(self.router.clone()).call(request).await;
        let (head, body) = answer.into_parts();
        let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let endless = content_type.starts_with("text/event-stream");
        let body = if endless { None } else { to_bytes(body, MAX_ANSWER).await.ok() };
        Some(Answered { status: head.status.as_u16(), content_type, body })
    }

    /// Closes the store.
    pub async fn close(self) {
        self.store.close().await;
    }
}
