//! New readings a second, from the body of a POST to the commit on disk, against a bare insert loop.

use super::{
    bare, folder,
    packs::{self, Extent},
    post::Client,
    thousands,
};
use crate::{
    ports::{self, Kind},
    process::{self, Program},
};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use fieldpost_cloud::{Origin, Store};
use fieldpost_core::UtcInstant;
use std::{
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub use super::packs::Order;

/// After the last reading of the benchmark: 2060-01-01.
const NOW: UtcInstant = UtcInstant::from_millis(2_840_140_800_000);

/// What is stored.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many devices.
    pub devices: u64,
    /// Days of each, 24 readings a day.
    pub days: u64,
    /// How surveys follow each other.
    pub order: Order,
    /// How often everything is repeated, each time into a new store.
    pub turns: usize,
}

/// Runs the comparison and prints it.
///
/// # Errors
/// A store cannot be made, or does not hold what was sent.
pub fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let Options { devices, days, order, turns } = *options;
    let extent = Extent { devices, days, order };
    let bodies: Vec<_> = packs::bodies(extent)?.into_iter().map(Bytes::from).collect();
    let size = bodies.iter().map(Bytes::len).sum::<usize>() / bodies.len().max(1) / 1024;
    writeln!(
        out,
        "{} readings of {devices} devices, {days} days each, order by {order:?}; {} bodies of some {size} KiB\n",
        extent.readings(),
        bodies.len()
    )?;
    for _ in 0..turns {
        let mut print = |what: &str, took: Duration| -> Result<()> {
            #[expect(clippy::cast_precision_loss, reason = "a rate to be read by people")]
            let rate = extent.readings() as f64 / took.as_secs_f64();
            Ok(writeln!(out, "{what:<44} {:>10} readings/s", thousands(rate))?)
        };
        print("bare insert loop", bare(extent, bodies.len())?)?;
        for at_once in [1, 4] {
            print(&format!("body to commit, {at_once} at once"), through_store(extent, &bodies, at_once)?)?;
        }
        for at_once in [1, 4] {
            print(
                &format!("HTTP to commit, {at_once} connections, console too"),
                through_http(&bodies, at_once)?,
            )?;
        }
    }
    Ok(())
}

fn bare(extent: Extent, bodies: usize) -> Result<Duration> {
    let folder = folder()?;
    let path = folder.path().join("store.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(Store::open(&path)?.close());
    bare::insert(&path, extent, bodies)
}

fn through_store(extent: Extent, bodies: &[Bytes], at_once: usize) -> Result<Duration> {
    let folder = folder()?;
    let store = Store::open(&folder.path().join("store.db"))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(at_once).enable_time().build()?;
    let next = Arc::new(AtomicUsize::new(0));
    let bodies: Arc<[Bytes]> = bodies.into();
    let began = Instant::now();
    let took = runtime.block_on(async {
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..at_once {
            let (store, next, bodies) = (store.clone(), next.clone(), bodies.clone());
            senders.spawn(async move {
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let origin = Origin { gateway: "bench".into(), time_zone: None, custody: None };
                    store.ingest_cbor(body.clone(), NOW, origin).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = senders.join_next().await {
            ended??;
        }
        anyhow::Ok(began.elapsed())
    })?;
    ensure!(store.readings() == extent.readings(), "only {} readings are held", store.readings());
    runtime.block_on(store.close());
    Ok(took)
}

fn through_http(bodies: &[Bytes], at_once: usize) -> Result<Duration> {
    let folder = folder()?;
    let address = ports::free()?;
    let mut cloud = Program::new(
        "cloud",
        &process::fieldpost()?,
        folder.path(),
        [
            "cloud".to_owned(),
            format!("--http={address}"),
            format!("--data={}", folder.path().join("data").display()),
            "--time-zone=UTC".to_owned(),
        ],
    );
    cloud.start()?;
    ports::wait_for_listener(Kind::Tcp, address, Duration::from_secs(10)).with_context(|| cloud.log())?;
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                let work = || -> Result<()> {
                    let mut client = Client::connect(address)?;
                    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                        client.post(body)?;
                    }
                    Ok(())
                };
                if let Err(error) = work() {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
        }
    });
    let took = began.elapsed();
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error.context(cloud.log())),
        None => Ok(took),
    }
}
