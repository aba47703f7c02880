//! The shell: puts intake, journal and uplink together, and ends them cleanly.

use std::{
    convert::Infallible,
    future::Future,
    io::Write,
    net::UdpSocket,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::sync::{mpsc, watch};

use crate::{
    Error, Settings, UplinkTarget,
    folder::Folder,
    intake::{Committer, Pending, Printer, Receiver},
    journal::{Limits, Orders, Progress},
    uplink::{self, Link, Uplink, http::Http, report},
};

/// Runs a gateway on bound UDP sockets until `shutdown` is over; with [`Settings::once`], until its first round is
/// acknowledged by the cloud. Everything acknowledged to a device is in the journal when this returns, and when it
/// never does.
///
/// # Errors
/// When it cannot start (the data folder, the journal, a socket), or, with [`Settings::once`], when the cloud did not
/// acknowledge.
pub async fn run(
    sockets: Vec<UdpSocket>,
    settings: Settings,
    out: Box<dyn Write + Send>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let folder = Folder::claim(&settings.data)?;
    let pending = Arc::new(Pending::new());
    let limits = Limits {
        keep: settings.keep,
        journal_max: settings.journal_max,
        min_free_disk: settings.min_free_disk,
    };
    let (committer, progress) = Committer::open(
        folder.path().to_path_buf(),
        limits,
        settings.expect.clone(),
        settings.round_deadline,
        Arc::clone(&pending),
    )
    .map_err(|source| Error::CannotStart { source })?;
    let link = Link::new(&settings.uplink, &settings.name, &settings.time_zone, settings.token.as_ref());
    let now = *progress.borrow();
    let machine =
        Uplink::new(settings.uplink.to_string(), link.wire(), settings.uplink_when, settings.once, now);
    let orders = orders(Arc::clone(&pending));
    let reports = reports(&settings, folder.path().to_path_buf(), progress.clone());
    let uplink = uplink::run(machine, link, folder.path().to_path_buf(), orders, progress);
    let (parts, mut stopped) = Parts::start(sockets, &settings, out, committer, pending)?;
    tracing::info!(data = %folder.path().display(), cloud = %settings.uplink, "gateway ready");
    let ended = tokio::select! {
        () = shutdown => Ok(()),
        ended = uplink => ended,
        never = reports => match never {},
        part = stopped.recv() => Err(Error::Stopped { part: part.unwrap_or("a part") }),
    };
    parts.end().await;
    drop(folder);
    ended
}

/// Tells the cloud how this gateway does, if the cloud is one that can be told.
async fn reports(settings: &Settings, folder: PathBuf, progress: watch::Receiver<Progress>) -> Infallible {
    match &settings.uplink {
        UplinkTarget::Tcp { .. } => std::future::pending().await,
        UplinkTarget::Http { host, port } => {
            let http =
                Http::new(host.clone(), *port, &settings.name, &settings.time_zone, settings.token.as_ref());
            report::run(http, &settings.name, folder, progress).await
        }
    }
}

/// The uplink's orders wait where datagrams do, for the one writer.
fn orders(pending: Arc<Pending>) -> Orders {
    Box::new(move |order| pending.order(order))
}

/// The threads of a gateway. Dropped before their time, they end by themselves.
struct Parts {
    pending: Arc<Pending>,
    threads: Vec<JoinHandle<()>>,
}

impl Parts {
    fn start(
        sockets: Vec<UdpSocket>,
        settings: &Settings,
        out: Box<dyn Write + Send>,
        committer: Committer,
        pending: Arc<Pending>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<&'static str>), Error> {
        let sockets: Vec<_> = sockets.into_iter().map(Arc::new).collect();
        let (alarm, stopped) = mpsc::unbounded_channel();
        let mut parts = Self { pending, threads: Vec::new() };
        // Its thread may be stuck in a pipe that nobody reads; nobody waits for it.
        let printer = settings.print.then(|| Printer::start(out).0);
        let mut receivers = Vec::new();
        for (index, socket) in sockets.iter().enumerate() {
            let (socket, pending) = (Arc::clone(socket), Arc::clone(&parts.pending));
            let zone = settings.time_zone.clone();
            receivers.push(Receiver::new(index, socket, pending, zone, printer.clone())?);
        }
        let watched = Alarm("the journal's writer", alarm.clone());
        parts.spawn("journal", watched, move || committer.run(sockets))?;
        for receiver in receivers {
            parts.spawn("receive", Alarm("a receiver", alarm.clone()), move || receiver.run())?;
        }
        Ok((parts, stopped))
    }

    fn spawn(&mut self, name: &str, alarm: Alarm, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let failed = |source| Error::Socket { operation: "start a thread", source };
        let watched = move || {
            let _alarm = alarm;
            work();
        };
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(watched).map_err(failed)?);
        Ok(())
    }

    /// What has come is committed and answered, then the journal is closed.
    async fn end(mut self) {
        self.pending.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so, and whoever waited for it was told.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.pending.close();
    }
}

/// Says which part has stopped, however it did.
struct Alarm(&'static str, mpsc::UnboundedSender<&'static str>);

impl Drop for Alarm {
    fn drop(&mut self) {
        // At the end nobody listens any more.
        let _ = self.1.send(self.0);
    }
}
