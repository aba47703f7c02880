//! Stopping when asked to.

use crate::failure::Failure;
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` with a shutdown that SIGINT and SIGTERM set off.
pub(crate) fn until_asked<W, F>(work: W) -> Result<(), Failure>
where
    W: FnOnce(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let cannot = |error: std::io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        work(Box::pin(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }))
        .await
    })
}

/// Set when SIGINT or SIGTERM comes, for work that waits for nothing. A second signal does not wait for the work.
pub(crate) fn asked() -> Result<Arc<AtomicBool>, Failure> {
    let cannot = |error: std::io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let listening = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    drop(listening);
    let asked = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&asked);
    let listen = move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if heard.swap(true, Ordering::Relaxed) {
                    std::process::exit(1);
                }
            }
        });
    };
    std::thread::Builder::new().name("signals".into()).spawn(listen).map_err(cannot)?;
    Ok(asked)
}
