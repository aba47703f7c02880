//! The shell: starts what was asked for, and ends it in the order in which nothing is lost.

use crate::{
    Error, Limits, Settings, Sockets, Store,
    accounts::Accounts,
    alerts::{post::Post, watch},
    budget::Budget,
    clock,
    connections::Stop,
    console::Console,
    counters::Counters,
    folder, http, ingest,
    intake::Intake,
    mqtt,
    network::Proxies,
    once::Once,
    retention,
};
use std::{io, io::Write, sync::Arc};
use tokio::net::TcpListener;

/// Runs the cloud until `shutdown` (or, with `once`, until one upload was answered), then ends cleanly: what was
/// taken is committed and answered, and the console has shown it.
///
/// New readings are printed on `console`; logs go through `tracing`.
///
/// # Errors
/// If the data folder, the store or a socket cannot be used; if the store's writer stops; with `once`, if the
/// upload was not accepted.
pub async fn run(
    sockets: Sockets,
    settings: Settings,
    console: Box<dyn Write + Send>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    run_within(Limits::default(), sockets, settings, console, shutdown).await
}

/// As [`run`], with limits other than the usual ones.
///
/// # Errors
/// As [`run`].
pub async fn run_within(
    limits: Limits,
    sockets: Sockets,
    settings: Settings,
    console: Box<dyn Write + Send>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let upload = sockets.upload.map(listener).transpose()?;
    let http = sockets.http.map(listener).transpose()?;
    let unusable = |source| Error::Folder { path: settings.data.clone(), source };
    folder::create(&settings.data).map_err(unusable)?;
    let console = Console::start(console).map_err(Error::Thread)?;
    let path = settings.store_path();
    let zone = settings.time_zone.clone();
    let store = Store::open_with(&path, Some(console), zone, limits.commit_deadline)?;
    tracing::info!(store = %path.display(), readings = store.readings(), "the cloud is ready");

    let accounts = match &http {
        Some(listener) => Some(accounts(&store, &settings, listener).await?),
        None => None,
    };
    let (stopping, stop) = Stop::new();
    let intake = Intake { store: store.clone(), counters: Arc::new(Counters::default()) };
    let (budget, once) = (Budget::new(limits.bytes_in_flight), Once::new());
    let publishing = settings
        .mqtt
        .map(|broker| tokio::spawn(mqtt::run(broker, store.clone(), limits.mqtt_look, stop.clone())));
    let uploads = upload.map(|listener| {
        let (intake, budget, once) = (intake.clone(), budget.clone(), once.clone());
        let ingest = ingest::Ingest { intake, budget, limits, zone: settings.time_zone.clone(), once };
        tokio::spawn(ingest::run(listener, ingest, stop.clone()))
    });
    let post = Post::new();
    let requests = http.zip(accounts).map(|(listener, accounts)| {
        let (once, checking, exports) = (once.clone(), Arc::default(), http::Places::default());
        let post = post.clone();
        let api =
            http::Api { intake, accounts, budget, limits, once, stop: stop.clone(), checking, exports, post };
        tokio::spawn(http::run(listener, api))
    });
    let pace = watch::Pace {
        gather: limits.alert_gather,
        look: limits.alert_look,
        settle: limits.alert_settle,
        first_pause: limits.alert_first_pause,
    };
    let alerts = tokio::spawn(watch::run(store.clone(), post, settings.data.clone(), pace, stop.clone()));

    let asked = store.clone();
    let live = store.live.clone().run(move |devices| {
        let store = asked.clone();
        async move {
            let heard = store.heard(devices, clock::now()).await;
            heard.inspect_err(|error| tracing::warn!(%error, "watchers are told to ask again")).ok()
        }
    });
    let beside = [tokio::spawn(live), tokio::spawn(retention::run(store.clone()))];
    let result = tokio::select! {
        () = shutdown => Ok(()),
        accepted = once.wait(), if settings.once => if accepted { Ok(()) } else { Err(Error::NotAccepted) },
        () = store.stopped() => Err(Error::WriterStopped),
    };
    // Nobody is left to hear it if both listeners have ended already.
    let _ = stopping.send(true);
    for task in [uploads, requests, publishing, Some(alerts)].into_iter().flatten() {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task ended badly");
        }
    }
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    store.close().await;
    tracing::info!("the cloud has ended");
    result
}

/// The accounts, and word of how to make the first one.
async fn accounts(
    store: &Store,
    settings: &Settings,
    listener: &TcpListener,
) -> Result<Arc<Accounts>, Error> {
    let rows = store.accounts().await;
    let rows =
        rows.map_err(|error| Error::Open { path: settings.store_path(), detail: error.to_string() })?;
    let accounts = Accounts::new(
        store.clone(),
        rows,
        settings.access,
        listener.local_addr()?,
        Proxies::new(settings.trusted_proxies.clone()),
    );
    if let Some(announce) = &settings.announce {
        accounts.announce(announce).await;
    }
    Ok(Arc::new(accounts))
}

fn listener(socket: std::net::TcpListener) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}
