//! A field of meters: careful devices on real sockets, each sending survey after survey until it is told to stop.
//!
//! A careful device takes a new socket for each datagram, because replies do not say what they answer, and sends
//! the same bytes again until they are acknowledged. Some send a copy too many, and some give up, as real ones do.

use crate::{
    ledger::{Ledger, Told},
    rng::{Rng, mix},
};
use anyhow::{Context, Result, bail};
use fieldpost_core::{
    UtcInstant,
    reply::{self, Reply},
};
use std::{
    fmt::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{net::UdpSocket, task::JoinSet, time::Instant};

const MINUTE: i64 = 60_000;
/// 2024-01-01T00:00:00Z: where dated readings start.
const DATED_FROM: i64 = 1_704_067_200_000;
/// How far back readings without a date start, and how many there can be: what is left of the 24 hours keeps them
/// away from midnight's two meanings while the test runs.
const UNDATED_FROM: i64 = 23 * 60 * MINUTE;
const UNDATED_READINGS: u64 = 22 * 60;

/// The first pause before a copy, and the longest. Real meters wait longer; a test must not.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// What a field is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// How many meters that write the date into each line.
    pub dated: u64,
    /// How many that do not, as the reference device. They run out of a day's minutes at last.
    pub undated: u64,
    /// Readings a survey.
    pub readings: u64,
    /// Surveys a meter; it sends them all unless it is stopped before.
    pub surveys: u64,
    /// Each meter rests up to this long between two surveys.
    pub rest: Duration,
    /// How often of a hundred a meter gives up after one copy, and how often it sends a copy too many.
    pub careless: u64,
    /// How long a meter tries, once the field is told to stop, before that is an error.
    pub patience: Duration,
    /// Decides everything that is random.
    pub seed: u64,
}

/// What a field has done.
#[derive(Debug, Default)]
pub struct Tally {
    /// Surveys acknowledged.
    pub acknowledged: AtomicU64,
    /// Datagrams sent, copies too.
    pub datagrams: AtomicU64,
    /// Surveys given up on, on purpose.
    pub abandoned: AtomicU64,
}

/// Meters at work.
#[derive(Debug)]
pub struct Field {
    stop: Arc<AtomicBool>,
    /// Counts while they work.
    pub tally: Arc<Tally>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Field {
    /// Starts all meters of the plan; they write what they do into the ledger.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn start(plan: Plan, ledger: Arc<Ledger>) -> Result<Self> {
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let shared = Shared { plan, ledger, stop: stop.clone(), tally: tally.clone() };
        let thread = std::thread::Builder::new().name("meters".into()).spawn(move || work(&shared.into()))?;
        Ok(Self { stop, tally, thread: Some(thread) })
    }

    /// Lets every meter deliver the survey that it is at, and no more.
    ///
    /// # Errors
    /// A survey was refused, or was not acknowledged in time.
    pub fn stop(mut self) -> Result<Arc<Tally>> {
        self.stop.store(true, Ordering::Relaxed);
        self.join()
    }

    /// Waits until every meter has delivered all its surveys.
    ///
    /// # Errors
    /// A survey was refused.
    pub fn finish(mut self) -> Result<Arc<Tally>> {
        self.join()
    }

    fn join(&mut self) -> Result<Arc<Tally>> {
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow::anyhow!("the meters' thread panicked"))??;
        }
        Ok(self.tally.clone())
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn work(shared: &Arc<Shared>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut rng = Rng::new(shared.plan.seed);
        let now = UtcInstant::from_millis(i64::try_from(
            SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
        )?);
        let undated_from = now.as_millis() / MINUTE * MINUTE - UNDATED_FROM;
        let mut meters = JoinSet::new();
        for number in 0..shared.plan.dated + shared.plan.undated {
            let dated = number < shared.plan.dated;
            let (kind, from) = if dated { ("dated", DATED_FROM) } else { ("undated", undated_from) };
            let meter = Meter {
                id: Arc::from(format!("{kind}-{number:04}")),
                dated,
                from,
                rng: rng.fork(),
                shared: shared.clone(),
            };
            meters.spawn(meter.work());
        }
        while let Some(ended) = meters.join_next().await {
            ended??;
        }
        Ok(())
    })
}

struct Meter {
    id: Arc<str>,
    dated: bool,
    from: i64,
    rng: Rng,
    shared: Arc<Shared>,
}

impl Meter {
    async fn work(mut self) -> Result<()> {
        let plan = &self.shared.plan;
        let (rest, careless) = (plan.rest, plan.careless);
        let possible = if self.dated { u64::MAX } else { UNDATED_READINGS / plan.readings };
        for survey in 0..plan.surveys.min(possible) {
            tokio::time::sleep(self.rng.within(rest)).await;
            if self.shared.stopped() {
                break;
            }
            let readings = self.measure(survey);
            let datagram = self.datagram(&readings);
            self.shared.ledger.sent(&self.id, &readings);
            if self.rng.chance(careless) {
                self.abandon(&datagram).await?;
                continue;
            }
            self.deliver(&datagram).await?;
            self.shared.ledger.acknowledged(&self.id, &readings);
            self.shared.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
            if self.rng.chance(careless) {
                self.abandon(&datagram).await?;
            }
        }
        Ok(())
    }

    /// The readings of the survey of that number: no two of a meter have the same time.
    fn measure(&mut self, survey: u64) -> Vec<Told> {
        let first = survey * self.shared.plan.readings;
        (first..first + self.shared.plan.readings)
            .map(|number| {
                let noise = mix(self.rng.number());
                let temperature = Some(i64::try_from(noise % 7_000).unwrap_or_default() - 2_000);
                let moisture = Some(i64::try_from(noise / 7_000 % 10_001).unwrap_or_default());
                let time = self.from + i64::try_from(number).unwrap_or_default() * MINUTE;
                match noise >> 60 {
                    0 => Told { time, temperature: None, moisture },
                    1 => Told { time, temperature, moisture: None },
                    _ => Told { time, temperature, moisture },
                }
            })
            .collect()
    }

    /// Printed by hand: an oracle that shares the product's printer would share its mistakes.
    fn datagram(&self, readings: &[Told]) -> String {
        let mut text = String::new();
        for told in readings {
            let stamp = UtcInstant::from_millis(told.time).to_string();
            let (date, time) = (stamp.get(..10).unwrap_or_default(), stamp.get(11..16).unwrap_or_default());
            let when = if self.dated { format!("{date} {time}Z") } else { time.to_owned() };
            let (temperature, moisture) = (hundredths(told.temperature), hundredths(told.moisture));
            // Writing into a string cannot fail.
            let _ = write!(text, "{} {when} - {temperature} - {moisture}%\n\n", self.id);
        }
        text
    }

    /// One copy, and nobody waits for its reply.
    async fn abandon(&self, datagram: &str) -> Result<()> {
        let socket = self.socket().await?;
        // Nobody may listen at the moment, which is part of the game.
        let _ = socket.send(datagram.as_bytes()).await;
        self.shared.tally.datagrams.fetch_add(1, Ordering::Relaxed);
        self.shared.tally.abandoned.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Sends copies until one is acknowledged.
    async fn deliver(&mut self, datagram: &str) -> Result<()> {
        let socket = self.socket().await?;
        let (mut pause, mut stopped) = (FIRST_PAUSE, None);
        loop {
            let _ = socket.send(datagram.as_bytes()).await;
            self.shared.tally.datagrams.fetch_add(1, Ordering::Relaxed);
            let until = Instant::now() + pause + self.rng.within(pause);
            match hear(&socket, until).await {
                Some(Reply::Accepted) => return Ok(()),
                Some(Reply::Refused { reason, again: false }) => {
                    bail!("a good survey of {} was refused: {reason}\n{datagram}", self.id)
                }
                Some(_) | None => tokio::time::sleep_until(until).await,
            }
            pause = LONGEST_PAUSE.min(pause * 2);
            if self.shared.stopped() {
                let since = *stopped.get_or_insert_with(Instant::now);
                if since.elapsed() > self.shared.plan.patience {
                    bail!("a survey of {} was not acknowledged within {:?}", self.id, since.elapsed());
                }
            }
        }
    }

    async fn socket(&self) -> Result<UdpSocket> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no socket for a meter")?;
        socket.connect(self.shared.plan.gateway).await?;
        Ok(socket)
    }
}

/// The next reply, if one comes before `until`. Nobody listening is no reply.
async fn hear(socket: &UdpSocket, until: Instant) -> Option<Reply> {
    let mut buffer = [0; 512];
    let heard = tokio::time::timeout_at(until, socket.recv(&mut buffer)).await.ok()?;
    let length = heard.ok()?;
    buffer.get(..length).map(reply::parse)
}

fn hundredths(value: Option<i64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", value.abs() / 100, value.abs() % 100)
}
