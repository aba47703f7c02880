//! What both listeners do alike: accept within a limit, count, and stop.

use crate::{counters::Listener, seats::Seats, watched::Watched};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// How long to wait when the system gives no more connections (no file descriptors left, say).
const BREATH: Duration = Duration::from_millis(100);

/// Tells connections that the cloud is stopping.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The one that says stop, and the one that listens.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Waits until the cloud is stopping.
    pub(crate) async fn wait(&mut self) {
        // An error means that the shell itself is gone: stop then, too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// A listener's connections: how many there may be, how many there are, and when they end.
pub(crate) struct Connections {
    pub(crate) limit: usize,
    pub(crate) counters: Arc<Listener>,
    pub(crate) stop: Stop,
    /// How long they may go on after the stop.
    pub(crate) drain: Duration,
}

impl Connections {
    /// Serves each connection in a task of its own by `serve`, until the stop; returns when all have ended.
    pub(crate) async fn serve<F>(
        mut self,
        listener: TcpListener,
        serve: impl Fn(Watched<TcpStream>, SocketAddr) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let seats = Seats::new(self.limit);
        let mut open = JoinSet::new();
        loop {
            let accepted = async {
                let (stream, peer) = listener.accept().await?;
                // Who comes later waits in the kernel's queue.
                Ok((stream, peer, seats.take(peer.ip().to_canonical()).await))
            };
            let accepted: io::Result<_> = tokio::select! {
                accepted = accepted => accepted,
                () = self.stop.wait() => break,
            };
            match accepted {
                Ok((stream, peer, (seat, lost))) => {
                    let counted = Open::new(&self.counters);
                    let connection = serve(Watched::new(stream, Arc::new(seat)), peer);
                    open.spawn(async move {
                        let _counted = counted;
                        tokio::select! {
                            () = connection => {}
                            _ = lost => {}
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
            while open.try_join_next().is_some() {}
        }
        drop(listener);
        let ended = async { while open.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain, ended).await.is_err() {
            tracing::warn!("connections that did not end in time were cut");
        }
    }
}

/// Counts a connection as open until it is dropped.
struct Open(Arc<Listener>);

impl Open {
    fn new(counters: &Arc<Listener>) -> Self {
        counters.accepted.fetch_add(1, Relaxed);
        counters.open.fetch_add(1, Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
