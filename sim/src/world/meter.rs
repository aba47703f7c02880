//! The meters: each measures, sends its day through the shipped exchange, and keeps what was not acknowledged.

use super::{
    agenda::{DAY, HOUR, MINUTE, Millis},
    context::{Context, Event},
    network,
    oracle::{Line, Meaning, When},
    soil,
    tally::Strike,
};
use crate::rng::Rng;
use fieldpost_core::{
    DeviceId, Reading, UtcInstant, Values,
    exchange::{Exchange, Outcome, Step},
    message,
};
use jiff::tz::TimeZone;
use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

/// What a meter is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Writes a time of day and no date.
    Reference,
    /// Writes what our device program writes: a date where it must.
    Ours,
    /// Writes every date.
    Dated,
    /// Measures the same at the same times each day: its messages are alike to the byte.
    Steady,
    /// Has nothing to report every other day: an empty datagram.
    Empty,
    /// Sends another value for something it has sent before.
    Contradicting,
    /// Has no clock: says how long ago, over HTTP, to the cloud itself.
    Relative,
    /// Sends temperatures first, and everything later.
    Half,
    /// No meter at all.
    Hostile,
}

/// A meter before its world begins.
#[derive(Debug, Clone)]
pub struct MeterPlan {
    /// What it is like.
    pub kind: Kind,
    /// Its address; its id too, as in the reference system.
    pub address: Ipv4Addr,
    /// Between two readings.
    pub interval: Millis,
    /// When it sends, after each midnight UTC.
    pub sends_at: Millis,
    /// How far its clock is ahead.
    pub fast: Millis,
    /// How often of a hundred it forgets what was not acknowledged.
    pub careless: u64,
    /// How long it tries at a time.
    pub give_up: Duration,
}

/// Undated messages are sent again for so long; then their readings are sent with dates.
const UNDATED_FOR: Millis = 4 * HOUR;
/// Between two attempts to get rid of a message.
const RETRY: Millis = HOUR;

/// A meter at work.
#[derive(Debug)]
pub struct Meter {
    plan: MeterPlan,
    /// Its place among the meters.
    number: usize,
    /// Who it is.
    pub id: DeviceId,
    /// Up to here it has sent its readings.
    reported: Millis,
    /// What was not acknowledged yet, the oldest first.
    waiting: VecDeque<Message>,
    exchange: Option<(u64, Exchange)>,
    exchanges: u64,
}

#[derive(Debug)]
struct Message {
    bytes: Rc<[u8]>,
    readings: Vec<Reading>,
    dated: bool,
    /// When it was first sent.
    since: Option<Millis>,
}

impl Meter {
    /// A meter that has not measured yet.
    #[must_use]
    pub fn new(plan: MeterPlan, number: usize, start: Millis) -> Option<Self> {
        let id = DeviceId::new(&plan.address.to_string()).ok()?;
        let (waiting, exchange, exchanges) = (VecDeque::new(), None, 0);
        Some(Self { plan, number, id, reported: start, waiting, exchange, exchanges })
    }

    /// When it sends for the first time.
    #[must_use]
    pub fn first_survey(&self, start: Millis) -> Millis {
        let today = start - start.rem_euclid(DAY) + self.plan.sends_at;
        if today > start { today } else { today + DAY }
    }

    /// Whether everything that it wants to be rid of is acknowledged.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Its daily hour has come.
    pub fn survey(&mut self, world: &mut Context) {
        if world.now() >= world.calm {
            return;
        }
        world.agenda.after(DAY, Event::Survey(self.number));
        let readings = self.measure(world);
        match self.plan.kind {
            Kind::Hostile => return self.attack(world),
            Kind::Relative => return super::relative::send(world, &self.id, &readings),
            Kind::Empty if world.rng.chance(50) => self.say_nothing(world),
            Kind::Contradicting => {
                let other = contradict(&mut world.rng, &readings);
                self.say(world, readings);
                self.say(world, other);
            }
            Kind::Half => {
                let half = readings.iter().filter_map(|reading| {
                    Values::new(reading.values.temperature(), None)
                        .map(|values| Reading { values, ..*reading })
                });
                self.say(world, half.collect());
                self.say(world, readings);
            }
            _ => self.say(world, readings),
        }
        self.go_on(world);
    }

    /// The readings since the last survey, by its own clock.
    fn measure(&mut self, world: &mut Context) -> Vec<Reading> {
        let now = world.now() + self.plan.fast;
        let interval = self.plan.interval;
        let from = if self.plan.kind == Kind::Steady { now - DAY } else { self.reported.max(now - DAY) };
        self.reported = now;
        let first = from.div_euclid(interval) + 1;
        let mut steady = Rng::new(world.seed ^ self.number as u64);
        (first..=now.div_euclid(interval))
            .filter_map(|slot| {
                let rng = if self.plan.kind == Kind::Steady { &mut steady } else { &mut world.rng };
                let values = soil::values(rng)?;
                Some(Reading { time: UtcInstant::from_millis(slot * interval), values })
            })
            .collect()
    }

    fn say_nothing(&mut self, world: &mut Context) {
        let bytes: Rc<[u8]> = Rc::from(&b""[..]);
        world.oracle.said(&bytes, Meaning::Empty);
        self.waiting.push_back(Message { bytes, readings: Vec::new(), dated: true, since: None });
    }

    fn say(&mut self, world: &mut Context, readings: Vec<Reading>) {
        let dated = match self.plan.kind {
            Kind::Dated | Kind::Contradicting => true,
            Kind::Half => world.rng.chance(50),
            _ => false,
        };
        if !readings.is_empty() {
            let bytes = self.write(world, &readings, dated);
            self.waiting.push_back(Message { bytes, readings, dated, since: None });
        }
    }

    /// Writes a message, and lets the oracle know what it means.
    fn write(&self, world: &mut Context, readings: &[Reading], dated: bool) -> Rc<[u8]> {
        let ours = self.plan.kind == Kind::Ours && !dated;
        let now = UtcInstant::from_millis(world.now());
        let mut text = String::new();
        let mut lines = Vec::new();
        for reading in readings {
            let line = match () {
                () if dated => message::dated_line(&self.id, reading),
                () if ours => message::line(&self.id, reading, now, &world.zone),
                () => reference_line(&self.id, reading, &world.zone),
            };
            let says_date = line.split(' ').nth(1).is_some_and(|word| word.contains('-'));
            let when = if says_date {
                When::Instant(reading.time.as_millis())
            } else {
                When::Minute(world.oracle.wall.minute_of_day(reading.time.as_millis()))
            };
            lines.push(Line { device: self.id.clone(), when, values: reading.values });
            text.push_str(&line);
        }
        let bytes: Rc<[u8]> = Rc::from(text.into_bytes());
        world.oracle.said(&bytes, Meaning::Lines(lines));
        bytes
    }

    /// Sends the next message, if none is on its way.
    pub fn go_on(&mut self, world: &mut Context) {
        if self.exchange.is_some() {
            return;
        }
        let now = world.now();
        let Some(message) = self.waiting.front() else { return };
        if !message.dated && message.since.is_some_and(|since| now - since > UNDATED_FOR) {
            let readings = message.readings.clone();
            let bytes = self.write(world, &readings, true);
            if let Some(message) = self.waiting.front_mut() {
                (message.bytes, message.dated) = (bytes, true);
            }
        }
        if let Some(message) = self.waiting.front_mut() {
            message.since.get_or_insert(now);
        }
        self.exchanges += 1;
        let exchange = Exchange::new(world.up(), self.plan.give_up, world.rng.number());
        self.exchange = Some((self.exchanges, exchange));
        self.poll(world, self.exchanges);
    }

    /// Does what the exchange wants done.
    pub fn poll(&mut self, world: &mut Context, number: u64) {
        let Some((_, exchange)) = self.exchange.as_mut().filter(|(current, _)| *current == number) else {
            return;
        };
        match exchange.poll(world.up()) {
            Step::Send => {
                if let Some(bytes) = self.waiting.front().map(|message| Rc::clone(&message.bytes)) {
                    self.send(world, &bytes, Some(number));
                }
                world.agenda.after(0, Event::Exchange(self.number, number));
            }
            Step::WaitUntil(until) => {
                // A millisecond more: time is counted in them here.
                let delay = Millis::try_from(until.saturating_sub(world.up()).as_millis()).unwrap_or(DAY) + 1;
                world.agenda.after(delay, Event::Exchange(self.number, number));
            }
            Step::Done(outcome) => {
                self.exchange = None;
                self.ended(world, outcome);
            }
        }
    }

    /// A reply has come to the socket of that exchange.
    pub fn hear(&mut self, world: &mut Context, number: u64, bytes: &[u8]) {
        let Some((_, exchange)) = self.exchange.as_mut().filter(|(current, _)| *current == number) else {
            return;
        };
        exchange.handle_reply(bytes);
        self.poll(world, number);
    }

    fn ended(&mut self, world: &mut Context, outcome: Outcome) {
        let Some(message) = self.waiting.front() else { return };
        world.trace(|| format!("{}: {outcome:?} of {}", self.id, super::oracle::shown(&message.bytes)));
        match outcome {
            Outcome::Acknowledged => {
                world.oracle.acknowledged(&message.bytes);
                self.waiting.pop_front();
            }
            Outcome::Refused(why) => {
                world.oracle.refused(&self.id, &message.bytes, &why);
                self.waiting.pop_front();
            }
            Outcome::GaveUp(_) if world.rng.chance(self.plan.careless) => {
                self.waiting.pop_front();
            }
            Outcome::GaveUp(_) => {
                world.agenda.after(RETRY, Event::Retry(self.number));
                return;
            }
        }
        self.go_on(world);
    }

    /// Puts a datagram on the line to every gateway.
    fn send(&self, world: &mut Context, bytes: &Rc<[u8]>, exchange: Option<u64>) {
        let port = u16::try_from(10_000 + exchange.unwrap_or(0) % 50_000).unwrap_or(1);
        let peer = SocketAddr::new(IpAddr::V4(self.plan.address), port);
        let from = exchange.map(|exchange| (self.number, exchange));
        for gateway in 0..world.gateways {
            if world.is_cut(gateway) {
                world.counts.hit(Strike::CutLine);
                continue;
            }
            for delay in world.line.carry(&mut world.rng, &mut world.counts) {
                let bytes = Rc::clone(bytes);
                world.agenda.after(delay, Event::Datagram { gateway, peer, bytes, from });
            }
            if world.rng.chance(world.line.damaged) {
                let damaged = network::damage(&mut world.rng, bytes);
                let cut = damaged.len() < bytes.len();
                world.counts.hit(if cut { Strike::DatagramCut } else { Strike::DatagramDamaged });
                let bytes = Rc::from(damaged);
                let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 6, 6, 6)), 666);
                let delay = super::plan::below(&mut world.rng, MINUTE);
                world.agenda.after(delay, Event::Datagram { gateway, peer, bytes, from: None });
            }
        }
    }

    /// What is no survey at all.
    fn attack(&mut self, world: &mut Context) {
        for _ in 0..=world.rng.below(5) {
            let bytes: Rc<[u8]> = Rc::from(garbage(&mut world.rng, &self.id));
            world.oracle.said(&bytes, Meaning::Bad);
            self.send(world, &bytes, None);
        }
    }
}

/// `<id> HH:MM - T - H%`, and the two newlines of a line that is not the file's last.
fn reference_line(id: &DeviceId, reading: &Reading, zone: &TimeZone) -> String {
    let time = zone.to_datetime(reading.time.to_timestamp()).time();
    let number = |hundredths: Option<i64>| hundredths.map_or("-".into(), soil::number);
    let temperature = number(reading.values.temperature().map(fieldpost_core::Temperature::hundredths));
    let moisture = number(reading.values.moisture().map(fieldpost_core::Moisture::hundredths));
    format!("{id} {:02}:{:02} - {temperature} - {moisture}%\n\n", time.hour(), time.minute())
}

fn contradict(rng: &mut Rng, readings: &[Reading]) -> Vec<Reading> {
    let some = readings.iter().filter(|_| rng.chance(40)).copied().collect::<Vec<_>>();
    some.into_iter().filter_map(|reading| Some(Reading { values: soil::values(rng)?, ..reading })).collect()
}

fn garbage(rng: &mut Rng, id: &DeviceId) -> Vec<u8> {
    let good = format!("{id} 08:00 - 20 - 30%\n\n");
    match rng.below(7) {
        0 => (0..1 + rng.below(300)).map(|_| rng.below(256).to_le_bytes()[0] | 0x80).collect(),
        1 => good.repeat(300).into_bytes(),
        2 => format!("{good}{id} 25:00 - 20 - 30%\n").into_bytes(),
        3 => format!("{good}{id} 08:01 - 20 - 130%\n{good}").into_bytes(),
        4 => format!("{good}{id} 2199-01-01 08:00Z - 20 - 30%\n").into_bytes(),
        5 => format!("{id} 1999-12-31 23:59Z - 20 - 30%\n").into_bytes(),
        _ => format!("{good}utter nonsense\n").into_bytes(),
    }
}
