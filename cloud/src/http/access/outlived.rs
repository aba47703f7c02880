//! An answer without a known end (an export, a page of readings, events) is sent for as long as its client takes it, which may be days:
//! it must not outlive the right to have it. Who let it begin is asked again every [`look_again`](crate::Limits::look_again); when that one may
//! not any more, because a token was revoked, a session or an account has ended, or there are accounts now, the connection is
//! closed, whatever of the answer is still under way.

use super::{Api, admit};
use crate::http::server::Kept;
use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, Method},
    response::Response,
};
use http_body_util::BodyExt;
use std::{net::IpAddr, sync::Arc};
use tokio::{task::JoinSet, time::sleep};

/// What was asked, by whom, and the connection's seat.
pub(super) struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
    peer: IpAddr,
    kept: Kept,
}

impl Asked {
    /// As the request says it, if its answer may be a long one.
    pub(super) fn of(request: &Request, peer: IpAddr) -> Option<Self> {
        let kept = request.extensions().get::<Kept>()?.clone();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        (method == Method::GET).then(|| Self { method, path, headers: request.headers().clone(), peer, kept })
    }

    /// The answer, which is watched from now on until its last piece is taken.
    pub(super) fn watch(self, api: &Arc<Api>, answer: Response) -> Response {
        if answer.body().size_hint().exact().is_some() {
            return answer;
        }
        // It ends together with the body.
        let mut watch = JoinSet::new();
        watch.spawn(self.end_in_time(Arc::clone(api)));
        answer.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _ = &watch;
                frame
            }))
        })
    }

    async fn end_in_time(self, api: Arc<Api>) {
        while admit(&api.accounts, self.peer, &self.method, &self.path, &self.headers).is_ok() {
            sleep(api.limits.look_again).await;
        }
        tracing::info!(peer = %self.peer, path = self.path, "an answer was broken off: who asked for it may not have it any more");
        self.kept.0.give_up();
    }
}
