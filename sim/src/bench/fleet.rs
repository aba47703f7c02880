//! How long the questions of the page take that shows many devices, each beside its limit; and ingest while browsers watch.
//!
//! The store is filled with copies of a real year of soil, hour by hour to the present, each shifted a little; day by day, as
//! surveys arrive. What is measured is the shipped program over HTTP, from the request to the answer's last byte.

use super::{
    folder, median,
    packs::{self, Extent, Order},
    post::Client,
    procfs, thousands,
};
use crate::{
    ports::{self, Kind},
    process::{self, Program},
};
use anyhow::{Context, Result, ensure};
use fieldpost_cloud::parts::{Format, Origin, Upload, Vault};
use fieldpost_core::{
    DeviceId, Moisture, Reading, Survey, Temperature, UtcInstant, Values, senml,
    station::{self, Depth},
};
use std::{
    io::Write,
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// A year of a real station.
const YEAR: &str = include_str!("../../../samples/ithaca.csv");
const HOURS: i64 = 24;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = HOURS * HOUR_MS;
/// Surveys of one transaction.
const SURVEYS: i64 = 512;
/// Browsers that watch.
const READERS: usize = 10;
/// How often each looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How much is stored, and how often is asked.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many devices.
    pub devices: i64,
    /// Days of each, 24 readings a day, at most a year.
    pub days: i64,
    /// How often each question is asked.
    pub turns: usize,
}

/// Fills a store, asks, and prints.
///
/// # Errors
/// A store cannot be made, or the cloud does not answer.
pub fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let folder = folder()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let path = data.join("store.db");
    let began = Instant::now();
    let held = fill(&path, options)?;
    let bytes = std::fs::metadata(&path)?.len();
    writeln!(
        out,
        "{} readings of {} devices stored in {:.0?}, day by day; {:.1} bytes on disk for each\n",
        thousands(held as f64),
        options.devices,
        began.elapsed(),
        bytes as f64 / held as f64
    )?;
    let address = ports::free()?;
    let arguments = [
        "cloud".to_owned(),
        format!("--http={address}"),
        format!("--data={}", data.display()),
        "--time-zone=UTC".to_owned(),
    ];
    let mut cloud = Program::new("cloud", &process::fieldpost()?, folder.path(), arguments);
    cloud.start()?;
    ports::wait_for_listener(Kind::Tcp, address, Duration::from_secs(10)).with_context(|| cloud.log())?;
    ask(address, cloud.id().context("the cloud runs")?, options, out)?;
    writeln!(out)?;
    for readers in [0, READERS, 0, READERS] {
        let rate = ingest(address, options, readers)?;
        writeln!(
            out,
            "{:<52} {:>10} readings/s",
            format!("HTTP to commit, {readers} browsers watch"),
            thousands(rate)
        )?;
    }
    Ok(())
}

/// The id of a device.
fn id(device: i64) -> String {
    format!("field-{device:05}")
}

/// Stores the devices' years; says how many readings are held.
fn fill(path: &Path, options: &Options) -> Result<u64> {
    let slots = station::parse(YEAR, Depth::Cm5).map_err(|fault| anyhow::anyhow!("the sample: {fault}"))?;
    let slots: Vec<Option<Values>> = slots.into_iter().map(|slot| slot.values).collect();
    // The last whole day ends an hour ago at least.
    let now = jiff::Timestamp::now().as_millisecond();
    let end = now.div_euclid(DAY_MS) * DAY_MS;
    Vault::create(path)?;
    let mut vault = Vault::open(path)?;
    for day in 0..options.days {
        let start = end - (options.days - day) * DAY_MS;
        let mut submissions = Vec::new();
        for first in (0..options.devices).step_by(usize::try_from(SURVEYS)?) {
            let mut records = Vec::new();
            for device in first..options.devices.min(first + SURVEYS) {
                let readings =
                    (0..HOURS).filter_map(|hour| reading(&slots, device, day, hour, start)).collect();
                records.push(senml::encode_records(
                    &Survey { device: DeviceId::new(&id(device))?, readings },
                    None,
                ));
            }
            let pack = senml::pack(records.iter().map(Vec::as_slice));
            let origin = Origin { gateway: "north".into(), time_zone: None, custody: None };
            let received = UtcInstant::from_millis(start + DAY_MS);
            let upload = Upload::new(Format::Cbor, pack.into(), origin, received);
            submissions.push(upload.read().map_err(|refusal| anyhow::anyhow!("{refusal}"))?);
        }
        for said in vault.store(submissions) {
            said?;
        }
    }
    let held = vault.readings();
    vault.close()?;
    Ok(held)
}

/// What a device measures in an hour of a day: the sample's, a little shifted; nothing where it has nothing.
fn reading(slots: &[Option<Values>], device: i64, day: i64, hour: i64, start: i64) -> Option<Reading> {
    let values = (*slots.get(usize::try_from(day * HOURS + hour).ok()? % slots.len())?)?;
    let shift = device % 200 - 100;
    let temperature =
        values.temperature().and_then(|t| Temperature::from_hundredths(t.hundredths() + 3 * shift));
    let moisture = values
        .moisture()
        .and_then(|m| Moisture::from_hundredths((m.hundredths() + 5 * shift).clamp(0, 10_000)));
    let time = UtcInstant::from_millis(start + hour * HOUR_MS);
    Some(Reading { time, values: Values::new(temperature, moisture)? })
}

/// What is asked, under which name, and within how many milliseconds it is to be answered.
struct Question {
    what: &'static str,
    limit: Option<u32>,
    /// Where, each turn.
    path: Box<dyn Fn(i64) -> String>,
}

fn question(
    what: &'static str,
    limit: impl Into<Option<u32>>,
    path: impl Fn(i64) -> String + 'static,
) -> Question {
    Question { what, limit: limit.into(), path: Box::new(path) }
}

fn questions(options: &Options) -> Vec<Question> {
    let devices = options.devices;
    let last = (devices - 100).max(0);
    let one = move |n: i64| format!("/api/v1/devices/{}", id(n * 37 % devices));
    vec![
        question("fleet, the first 100", 50, |_| "/api/v1/fleet?limit=100".into()),
        question("fleet, 500 at once", 50, |_| "/api/v1/fleet?limit=500".into()),
        question("fleet by moisture, the last 100", 50, move |_| {
            format!("/api/v1/fleet?sort=moisture&offset={last}")
        }),
        question("fleet by completeness", None, |_| "/api/v1/fleet?sort=completeness&limit=100".into()),
        question("a device's whole series, 800 points", 10, move |n| format!("{}/series?points=800", one(n))),
        question("a device's whole series, 4,000 points", 10, move |n| {
            format!("{}/series?points=4000", one(n))
        }),
        question("completeness, 1,000 devices x 30 days", 100, |_| "/api/v1/completeness?limit=1000".into()),
        question("a device by itself", None, one),
    ]
}

/// Asks each question again and again; prints how long the answers took, and the cloud's processor.
fn ask(address: SocketAddr, cloud: u32, options: &Options, out: &mut impl Write) -> Result<()> {
    let mut client = Client::connect(address)?;
    for Question { what, limit, path } in questions(options) {
        let (mut took, mut size) = (Vec::new(), 0);
        let before = procfs::processor_time(cloud)?;
        for turn in 0..options.turns {
            let path = path(i64::try_from(turn)?);
            let began = Instant::now();
            size = client.get(&path)?.len();
            took.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        let used = procfs::processor_time(cloud)?.saturating_sub(before).as_secs_f64() * 1_000.0;
        let used = used / options.turns.max(1) as f64;
        let worst = took.iter().copied().fold(0.0, f64::max);
        let limit = limit.map_or("-".to_owned(), |limit| limit.to_string());
        writeln!(
            out,
            "{what:<38} {:>6.1} ms, at worst {worst:>6.1}, limit {limit:>3}; processor {used:>5.1} ms; {:>4} KiB",
            median(took),
            size / 1_024
        )?;
    }
    Ok(())
}

/// New readings a second from body to commit, while `readers` browsers look at the page again and again.
fn ingest(address: SocketAddr, options: &Options, readers: usize) -> Result<f64> {
    /// Each turn brings devices of its own.
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let extent = Extent { devices: 1_000, days: 40, order: Order::Day };
    let turn = u64::try_from(TURN.fetch_add(1, Relaxed))?;
    let bodies = packs::bodies_from(extent, turn * extent.devices)?;
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let (stop, answered) = (&stop, &answered);
        let watch = move |reader: i64| -> Result<()> {
            let mut client = Client::connect(address)?;
            while !stop.load(Relaxed) {
                client.get("/api/v1/fleet?limit=100")?;
                client.get(&format!("/api/v1/devices/{}/series", id(reader * 7 % options.devices)))?;
                answered.fetch_add(1, Relaxed);
                thread::sleep(PAUSE);
            }
            Ok(())
        };
        let watching: Vec<_> =
            (0..i64::try_from(readers)?).map(|reader| scope.spawn(move || watch(reader))).collect();
        let mut client = Client::connect(address)?;
        let began = Instant::now();
        let sent = bodies.iter().try_for_each(|body| client.post(body));
        let took = began.elapsed();
        stop.store(true, Relaxed);
        for reader in watching {
            reader.join().map_err(|_| anyhow::anyhow!("a browser panicked"))??;
        }
        sent?;
        ensure!(answered.load(Relaxed) >= readers, "the browsers were not answered");
        Ok(extent.readings() as f64 / took.as_secs_f64())
    })
}
