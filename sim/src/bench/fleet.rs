//! How long the questions of the page take that shows many devices, each beside its limit; and ingest while browsers watch.
//!
//! The store is filled with copies of a real year of soil, hour by hour to the present, each shifted a little; day by day, as
//! surveys arrive; the cloud examines it before anything is asked. What is measured is the shipped program over HTTP, from the
//! request to the answer's last byte. It fails if the median of a question is over its limit.

use super::{
    browsers::Browsers,
    cloud, folder, median,
    packs::{self, Extent, Order},
    post::Client,
    procfs, thousands,
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
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
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
/// How long the cloud may take to examine what was filled in.
const EXAMINED_WITHIN: Duration = Duration::from_secs(900);
/// What asks for a compressed answer.
const GZIP: &str = "Accept-Encoding: gzip\r\n";

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
/// A store cannot be made, the cloud does not answer, or it answers too late.
pub fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let folder = folder()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let path = data.join("store.db");
    let began = Instant::now();
    let held = fill(&path, options)?;
    let each = || -> Result<f64> { Ok(std::fs::metadata(&path)?.len() as f64 / held as f64) };
    writeln!(
        out,
        "{} readings of {} devices stored in {:.0?}, day by day; {:.1} bytes on disk for each",
        thousands(held as f64),
        options.devices,
        began.elapsed(),
        each()?
    )?;
    let (cloud, address) = cloud(folder.path(), &data)?;
    let began = Instant::now();
    examined(&path)?;
    writeln!(out, "examined in {:.0?}; {:.1} bytes on disk for each\n", began.elapsed(), each()?)?;
    let id = cloud.id().context("the cloud runs")?;
    let late = ask(address, id, options, out)?;
    writeln!(out)?;
    for readers in [0, READERS, 0, READERS] {
        let Ingested { rate, used, what } = ingest(address, id, readers)?;
        let rate = thousands(rate);
        writeln!(
            out,
            "HTTP to commit, {what:<52} {rate:>10} readings/s; processor {used:>5.2} us a reading"
        )?;
    }
    ensure!(late.is_empty(), "over their limits: {}", late.join("; "));
    Ok(())
}

/// Waits until the cloud has flagged and counted all that is stored.
fn examined(path: &Path) -> Result<()> {
    let store = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    store.busy_timeout(Duration::from_secs(10))?;
    let deadline = Instant::now() + EXAMINED_WITHIN;
    let waits = || store.query_row("SELECT count(*) FROM unexamined", [], |row| row.get::<_, i64>(0));
    while waits()? > 0 {
        ensure!(Instant::now() < deadline, "the cloud does not come to an end of examining");
        thread::sleep(Duration::from_millis(200));
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
    /// Further lines of the request's head.
    head: &'static str,
    /// Where, each turn.
    path: Box<dyn Fn(i64) -> String>,
}

fn question(
    what: &'static str,
    limit: impl Into<Option<u32>>,
    path: impl Fn(i64) -> String + 'static,
) -> Question {
    Question { what, limit: limit.into(), head: "", path: Box::new(path) }
}

impl Question {
    /// The same, with a compressed answer.
    fn compressed(self, what: &'static str) -> Self {
        Self { what, head: GZIP, ..self }
    }
}

fn questions(options: &Options) -> Vec<Question> {
    let devices = options.devices;
    let last = (devices - 100).max(0);
    let one = move |n: i64| format!("/api/v1/devices/{}", id(n * 37 % devices));
    // Another instant of the year each turn.
    let then = |n: i64| {
        let now = jiff::Timestamp::now().as_second();
        let at = jiff::Timestamp::from_second(now - (n * 7_919 % 8_000 + 30) * 3_600).unwrap_or_default();
        format!("/api/v1/fleet?limit=1000&at={at}")
    };
    let first = || question("fleet, the first 100", 50, |_| "/api/v1/fleet?limit=100".into());
    let whole = move || {
        question("a device's whole series, 4,000 points", 10, move |n| {
            format!("{}/series?points=4000", one(n))
        })
    };
    vec![
        first(),
        first().compressed("the same, compressed"),
        question("fleet, 500 at once", 50, |_| "/api/v1/fleet?limit=500".into()),
        question("fleet by moisture, the last 100", 50, move |_| {
            format!("/api/v1/fleet?sort=moisture&offset={last}")
        }),
        question("fleet by completeness", 50, |_| "/api/v1/fleet?sort=completeness&limit=100".into()),
        question("a device's whole series, 800 points", 10, move |n| format!("{}/series?points=800", one(n))),
        whole(),
        whole().compressed("the same, compressed"),
        question("fleet at an instant, 1,000 devices", 50, then),
        question("fleet at an instant", 50, then).compressed("the same, compressed"),
        question("completeness, 1,000 devices x 30 days", 100, |_| "/api/v1/completeness?limit=1000".into()),
        question("a device by itself", None, one),
    ]
}

/// Asks each question again and again; prints how long the answers took, and the cloud's processor. Says which are over their
/// limits.
fn ask(address: SocketAddr, cloud: u32, options: &Options, out: &mut impl Write) -> Result<Vec<String>> {
    let mut late = Vec::new();
    let mut client = Client::connect(address)?;
    for Question { what, limit, head, path } in questions(options) {
        let (mut took, mut size) = (Vec::new(), 0);
        let before = procfs::processor_time(cloud)?;
        for turn in 0..options.turns {
            let path = path(i64::try_from(turn)?);
            let began = Instant::now();
            size = client.get_with(&path, head)?.len();
            took.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        let used = procfs::processor_time(cloud)?.saturating_sub(before).as_secs_f64() * 1_000.0;
        let used = used / options.turns.max(1) as f64;
        let worst = took.iter().copied().fold(0.0, f64::max);
        let median = median(took);
        if limit.is_some_and(|limit| median > f64::from(limit)) {
            late.push(format!("{what}, {median:.1} ms"));
        }
        let limit = limit.map_or("-".to_owned(), |limit| limit.to_string());
        writeln!(
            out,
            "{what:<38} {median:>6.1} ms, at worst {worst:>6.1}, limit {limit:>3}; processor {used:>5.1} ms; {:>4} KiB",
            size / 1_024
        )?;
    }
    Ok(late)
}

/// How ingest went.
struct Ingested {
    /// New readings a second from body to commit.
    rate: f64,
    /// The cloud's processor time for each, in microseconds, with what it did for the browsers meanwhile.
    used: f64,
    /// What the browsers saw.
    what: String,
}

/// Stores readings while `readers` browsers watch.
fn ingest(address: SocketAddr, cloud: u32, readers: usize) -> Result<Ingested> {
    /// Each turn brings devices of its own.
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let extent = Extent { devices: 1_000, days: 40, order: Order::Day };
    let turn = u64::try_from(TURN.fetch_add(1, Relaxed))?;
    let bodies = packs::bodies_from(extent, turn * extent.devices)?;
    let page = |number| {
        vec!["/api/v1/fleet?limit=100".into(), format!("/api/v1/devices/{}/series", id(number as i64))]
    };
    let browsers = Browsers::open(address, readers, page)?;
    let mut client = Client::connect(address)?;
    let (began, before) = (Instant::now(), procfs::processor_time(cloud)?);
    let sent = bodies.iter().try_for_each(|body| client.post(body));
    let rate = extent.readings() as f64 / began.elapsed().as_secs_f64();
    let used = procfs::processor_time(cloud)?.saturating_sub(before).as_secs_f64() * 1e6;
    let used = used / extent.readings() as f64;
    let seen = browsers.close();
    sent?;
    let seen = seen?;
    if readers == 0 {
        return Ok(Ingested { rate, used, what: "nobody watches".into() });
    }
    ensure!(seen.looks > 0, "the browsers were not answered");
    ensure!(seen.events > 0, "the browsers were not told of readings");
    let what = format!("{readers} browsers watch; {} events to each", seen.events);
    Ok(Ingested { rate, used, what })
}
