//! `fieldpost demo`: the whole path in one process, over real sockets on loopback, with real measurements.
//!
//! A cloud, a gateway and four devices run as they would on machines of their own, through the same functions. First the
//! reference day of four meters, printed as it reaches the cloud; then a real year of four stations; then what the cloud's
//! own API says it holds, compared with what was sent, reading by reading.
//!
//! - `devices`: who sends what; `fleet`: sending it;
//! - `system`: gateway and cloud, started and stopped; `folder`: where they keep their data;
//! - `console`: what the cloud prints; `progress`: how far the year is;
//! - `api`: asking the cloud; `summary`: the table at the end.

mod api;
mod console;
mod devices;
mod fleet;
mod folder;
mod progress;
mod summary;
mod system;

use anyhow::{Context, Result};
use console::Console;
use folder::Folder;
use std::{
    convert::Infallible,
    future::Future,
    io::{Write, stdout},
    net::TcpListener,
    path::PathBuf,
    time::Instant,
};
use system::System;

/// Runs the demo and stays up until `shutdown`. Everything is kept in `data`, else in a temporary folder that is removed
/// at the end; the cloud's API is served on `http`.
pub(crate) async fn run(
    data: Option<PathBuf>,
    http: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let folder = Folder::open(data)?;
    let console = Console::default();
    let (system, mut tasks) = system::start(&folder, http, &console).await?;
    let ended = tokio::select! {
        biased;
        () = shutdown => Ok(()),
        died = tasks.died() => Err(died),
        failed = show(&system, &folder, &console) => failed.map(|never| match never {}),
    };
    let stopped = tasks.stop().await;
    folder.close()?;
    ended.and(stopped)
}

/// The demo itself; once everything is shown it stays, and only a failure ends it.
async fn show(system: &System, folder: &Folder, console: &Console) -> Result<Infallible> {
    let began = Instant::now();
    let api = system.api();
    let (reference, stations) = (devices::reference(folder)?, devices::stations(folder)?);
    let before = summary::held(&api, reference.iter().chain(&stations)).await?;

    tell("The reference day: four meters, through a gateway, onto the cloud's console:\n")?;
    let day = fleet::send_in_turn(&reference, system.gateway()).await?;
    fleet::wait_until_passed_on(system).await?;
    let now = summary::held(&api, reference.iter()).await?;
    let new = summary::gained(&before, &now);
    console.quiet_after(new).await;
    if new == 0 {
        tell("Nothing of it is new to the store in this folder, and the console shows no reading twice.")?;
    }

    tell("\nA real year, hour by hour: NOAA's stations (samples/PROVENANCE.md) on the same path:")?;
    for station in &stations {
        tell(&format!("  {}", station.title))?;
        if let Some(details) = &station.details {
            api.introduce(&station.id, details).await?;
        }
    }
    let year = fleet::send_at_once(&stations, system.gateway()).await?;
    fleet::wait_until_passed_on(system).await?;

    let sent = reference.iter().zip(day).chain(stations.iter().zip(year));
    let summary = summary::compare(&api, sent, &before).await?;
    tell(&format!("\n{summary}\n\n{:.1} s from the start to here.\n", began.elapsed().as_secs_f64()))?;
    summary.verdict()?;
    tell(&farewell(&api, folder))?;
    std::future::pending().await
}

/// What there is to look at now.
fn farewell(api: &api::Api, folder: &Folder) -> String {
    let (base, store) = (api.base(), folder.cloud().join("store.db"));
    let end = if folder.is_temporary() { "removes its data" } else { "keeps its data" };
    format!(
        "It stays up: open {base} in a browser. Or look at\n  {base}/api/v1/devices\n  {base}/api/v1/devices/mercury/readings?limit=24\n  \
         curl -H 'Accept: text/csv' {base}/api/v1/devices/ithaca/readings\n  {base}/metrics\n  \
         sqlite3 -readonly '{}' 'SELECT * FROM readings_plain LIMIT 10'\nCtrl-C ends it and {end}.",
        store.display()
    )
}

/// One more line on stdout.
fn tell(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot print")
}
