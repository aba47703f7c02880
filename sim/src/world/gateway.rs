//! A gateway in a world: the shipped keeper, journal and uplink, on a disk that can fail, by a clock that can jump.

use super::{
    agenda::{HOUR, MINUTE, Millis, SECOND},
    context::{Context, Event, Upload},
    machine::{Machine, SimDisk},
    network::{Passage, Road},
    oracle::{Came, Custody, Row, Seq, Setup},
    plan::Plan,
};
use fieldpost_core::{DeviceId, UtcInstant, message::MAX_DATAGRAM, reply, senml};
use fieldpost_gateway::{
    UplinkWhen,
    parts::{
        Answer, Entry, Group, Keeper, Limits, MAX_BATCH, MAX_BATCH_BYTES, Moment, Note, Noted, Offer, Order,
        Page, Reader, Step, Uplink, Wire, read_datagram,
    },
};
use fieldpost_simdisk::Snapshot;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::sync::oneshot;

/// What wakes later than this is not urgent, and may come this many times later still: a world need not count minutes
/// in which nothing happens.
const IDLE: Millis = 2 * MINUTE;
const IDLE_FACTOR: Millis = 10;
/// Housekeeping is looked after this often; the shipped shell does so each minute.
const TEND_EVERY: Millis = 3 * HOUR;
/// What an uplink may want done without time passing: more, and it goes round in circles.
const MAX_STEPS: usize = 20_000;
/// What a journal may take beyond its limit: the counters and cursors of a full one.
const SLACK: u64 = 192 << 10;

/// A datagram that waits for the next commit.
#[derive(Debug)]
struct Waiting {
    peer: SocketAddr,
    bytes: Rc<[u8]>,
    from: Option<(usize, u64)>,
    received: UtcInstant,
}

/// A gateway.
pub struct Gateway {
    number: usize,
    /// Its machine.
    pub machine: Machine,
    /// How far its clock is ahead; behind, if negative.
    pub clock: Millis,
    /// The devices it waits for.
    pub roster: Vec<DeviceId>,
    limits: Limits,
    deadline: Duration,
    when: UplinkWhen,
    text: bool,
    running: Option<Running>,
    inbox: Vec<Waiting>,
    /// An older copy of its disk, and what the oracle knew of it.
    pub copy: Option<(Snapshot, Custody)>,
}

/// A gateway's process.
struct Running {
    keeper: Keeper,
    uplink: Uplink,
    reader: Option<Reader>,
    generation: u64,
    /// The offer that is on its way; zero is none.
    offer: u64,
    wake: Millis,
    /// When housekeeping is due.
    tend: Millis,
    salvages: usize,
}

impl Gateway {
    /// A gateway that has not been started.
    #[must_use]
    pub fn new(plan: &Plan, number: usize, roster: Vec<DeviceId>) -> Self {
        let limits = Limits { keep: plan.keep, journal_max: plan.journal_max, min_free_disk: 0 };
        Self {
            number,
            machine: Machine::new(&format!("gateway-{number}")),
            clock: 0,
            roster,
            limits,
            deadline: plan.deadline,
            when: plan.when,
            text: plan.text_uplink,
            running: None,
            inbox: Vec::new(),
            copy: None,
        }
    }

    /// The name under which the cloud knows it.
    #[must_use]
    pub fn name(number: usize) -> String {
        format!("gateway-{number}")
    }

    fn moment(&self, world: &Context) -> Moment {
        Moment { utc: UtcInstant::from_millis(world.now() + self.clock), up: world.up() }
    }

    /// Starts its process, if that life is still the one.
    pub fn start(&mut self, world: &mut Context, life: u64) {
        if life != self.machine.life || self.running.is_some() {
            return;
        }
        let (disk, folder) = (Arc::new(SimDisk), self.machine.disk.folder());
        let random = world.rng.number();
        let now = self.moment(world);
        let opened = Keeper::open(disk, folder, self.limits, self.roster.clone(), self.deadline, random, now);
        if self.machine.disk.is_off() {
            drop(opened);
            return self.die(world, "died while it started");
        }
        match opened {
            Ok(keeper) => self.run(world, keeper),
            Err(error) => {
                world.trace(|| format!("gateway {} cannot start: {error}", self.number));
                if !self.machine.is_troubled(world.now()) {
                    world.oracle.fail(format!("gateway {} cannot start: {error}", self.number));
                }
                // As systemd would.
                world.agenda.after(10 * SECOND, Event::Start(self.number, self.machine.life));
            }
        }
    }

    fn run(&mut self, world: &mut Context, keeper: Keeper) {
        let progress = keeper.progress();
        let wire = if self.text { Wire::Tcp(world.zone.clone()) } else { Wire::Http };
        let uplink = Uplink::new("http://cloud".into(), wire, self.when, false, progress);
        let (generation, wake) = (progress.generation, Millis::MAX);
        self.running = Some(Running {
            keeper,
            uplink,
            reader: None,
            generation,
            offer: 0,
            wake,
            tend: Millis::MIN,
            salvages: 0,
        });
        world.trace(|| format!("gateway {} runs, up to survey {}", self.number, progress.last_seq));
        self.look(world);
        self.wake_after(world, 0);
    }

    /// Compares the journal with what it must hold.
    pub fn look(&mut self, world: &mut Context) {
        let Some(running) = &mut self.running else { return };
        let salvages = running.keeper.findings().len() + std::mem::take(&mut running.salvages);
        let last = running.keeper.progress().last_seq;
        match self.machine.journal() {
            Ok(found) => {
                let now = world.now() + self.clock;
                world.oracle.opened(self.number, &found, last, now, salvages > 0);
            }
            Err(error) => {
                world.oracle.fail(format!("gateway {}: its journal cannot be read: {error}", self.number))
            }
        }
        world.oracle.custody(self.number).damaged = false;
        let size = self.machine.size();
        if size > self.limits.journal_max + SLACK {
            world.oracle.fail(format!("gateway {}: its journal takes {size} bytes", self.number));
        }
    }

    /// A datagram comes.
    pub fn receive(
        &mut self,
        world: &mut Context,
        peer: SocketAddr,
        bytes: Rc<[u8]>,
        from: Option<(usize, u64)>,
    ) {
        if self.running.is_none() {
            return;
        }
        if self.inbox.is_empty() {
            let delay = super::plan::below(&mut world.rng, 30);
            world.agenda.after(delay, Event::Commit(self.number, self.machine.life));
        }
        let received = self.moment(world).utc;
        self.inbox.push(Waiting { peer, bytes, from, received });
    }

    /// Commits what has come, and answers it.
    pub fn commit(&mut self, world: &mut Context, life: u64) {
        if life != self.machine.life || self.running.is_none() {
            return;
        }
        let waiting = std::mem::take(&mut self.inbox);
        let entries = waiting.iter().map(|one| {
            let shown = one.bytes.get(..MAX_DATAGRAM).unwrap_or(&one.bytes);
            let datagram = read_datagram(shown, one.bytes.len(), one.peer.ip(), one.received, &world.zone);
            Entry { socket: 0, peer: one.peer, datagram }
        });
        let group = Group { entries: entries.collect(), orders: Vec::new(), dropped: 0 };
        let texts = self.handle(world, group, &waiting);
        if self.machine.disk.is_off() {
            return self.die(world, "died in a commit");
        }
        // The last step at which it can die: all is durable, and nobody has heard of it.
        if world.now() < world.calm && world.rng.below(1_000) < self.machine.fragile {
            return self.kill(world, "died before it answered");
        }
        for (one, text) in waiting.iter().zip(texts) {
            self.answer(world, one, text);
        }
        self.go_on(world);
    }

    fn answer(&self, world: &mut Context, one: &Waiting, text: String) {
        let Some((meter, exchange)) = one.from else { return };
        if world.is_cut(self.number) {
            world.counts.line += 1;
            return;
        }
        let Some(delay) = world.line.carry_reply(&mut world.rng) else {
            world.counts.line += 1;
            return;
        };
        let garbled = world.rng.chance(world.line.garbled);
        world.counts.line += u64::from(garbled);
        let bytes =
            if garbled { super::network::damage(&mut world.rng, text.as_bytes()) } else { text.into_bytes() };
        // A cut `Surveys arrived` is none; a cut refusal may still be one.
        let misleading = garbled && matches!(reply::parse(&bytes), reply::Reply::Refused { .. });
        if !misleading {
            world.agenda.after(delay, Event::Reply(meter, exchange, bytes));
        }
    }

    /// Hands a group to the keeper, and tells the oracle. The answers.
    fn handle(&mut self, world: &mut Context, group: Group, waiting: &[Waiting]) -> Vec<String> {
        let now = self.moment(world);
        let Some(running) = &mut self.running else { return Vec::new() };
        let outcomes = running.keeper.handle(group, now);
        running.salvages += running.keeper.findings().len();
        let texts: Vec<String> = outcomes.iter().map(|outcome| outcome.text().to_owned()).collect();
        let off = self.machine.disk.is_off();
        if !waiting.is_empty() {
            let came: Vec<Came> = waiting
                .iter()
                .map(|one| Came {
                    bytes: Rc::clone(&one.bytes),
                    peer: one.peer.ip(),
                    received: one.received.as_millis(),
                })
                .collect();
            let roster: BTreeSet<DeviceId> = self.roster.iter().cloned().collect();
            let setup = Setup {
                gateway: self.number,
                now: now.utc.as_millis(),
                truth: world.now(),
                roster: &roster,
                zone: &world.zone.clone(),
                troubled: self.machine.is_troubled(world.now()) || self.limits.journal_max < 1 << 20,
            };
            let said = (!off).then_some(outcomes.as_slice());
            let machine = &self.machine;
            world.oracle.group(&setup, &came, said, || machine.journal().ok());
            world.trace(|| {
                let what: Vec<_> = came.iter().map(|one| super::oracle::shown(&one.bytes)).collect();
                format!("gateway {} at {}: {what:?} -> {said:?}", self.number, now.utc)
            });
        }
        texts
    }

    /// Its uplink and housekeeping want to be asked.
    pub fn wake(&mut self, world: &mut Context, life: u64) {
        let due = self.running.as_ref().is_some_and(|running| running.wake <= world.now());
        if life != self.machine.life || !due {
            return;
        }
        if let Some(running) = &mut self.running {
            running.wake = Millis::MAX;
        }
        // Rounds close also when nothing comes.
        self.handle(world, Group::default(), &[]);
        let now = self.moment(world);
        if let Some(running) = self.running.as_mut().filter(|running| running.tend <= world.now()) {
            running.tend = world.now() + TEND_EVERY;
            running.keeper.tend(now);
        }
        if self.machine.disk.is_off() {
            return self.die(world, "died tidying up");
        }
        self.go_on(world);
    }

    /// Does what the uplink wants done until it waits.
    fn go_on(&mut self, world: &mut Context) {
        for _ in 0..MAX_STEPS {
            let now = self.moment(world);
            let Some(running) = &mut self.running else { return };
            if running.offer != 0 {
                return self.wake_for_keeper(world);
            }
            let step = running.uplink.poll(now, running.keeper.progress());
            match step {
                Step::Wait { until, .. } => {
                    let delay =
                        Millis::try_from(until.saturating_sub(now.up).as_millis()).unwrap_or(HOUR) + 1;
                    self.wake_after(world, if delay > IDLE { delay * IDLE_FACTOR } else { delay });
                    return self.wake_for_keeper(world);
                }
                Step::Offer(offer) => {
                    self.offer(world, offer);
                    return self.wake_for_keeper(world);
                }
                Step::Done(result) => {
                    return world
                        .oracle
                        .fail(format!("gateway {}: its uplink ended: {result:?}", self.number));
                }
                step => self.serve(world, step, now),
            }
            if self.machine.disk.is_off() {
                return self.die(world, "died in its uplink");
            }
        }
        world.oracle.fail(format!("gateway {}: its uplink goes round in circles", self.number));
    }

    /// What an uplink wants of the journal.
    fn serve(&mut self, world: &mut Context, step: Step, now: Moment) {
        match step {
            Step::Read { after, through } => {
                let page = self.with_reader(|reader| reader.page(after, through, MAX_BATCH, MAX_BATCH_BYTES));
                if let Ok(Page::Damaged(seq)) = &page {
                    world.trace(|| format!("gateway {}: survey {seq} is damaged", self.number));
                }
                self.with_uplink(|uplink| uplink.handle_page(page, now));
            }
            Step::ReadAgain => {
                let found = self.with_reader(|reader| {
                    let survey = reader.again(now.utc)?;
                    survey.map(|survey| Ok((reader.tries(survey.seq)?, survey))).transpose()
                });
                let found = found.map(|found| found.map(|(tries, survey)| (survey, tries)));
                self.with_uplink(|uplink| uplink.handle_again(found, now));
            }
            Step::Note { generation, custody } => {
                world.trace(|| format!("gateway {} notes {custody:?}", self.number));
                let (done, mut noted) = oneshot::channel();
                let order = Order::Note(Note { generation, custody, done });
                self.order(world, order);
                let noted = noted.try_recv().unwrap_or(Noted::Failed);
                self.with_uplink(|uplink| uplink.handle_noted(noted, now));
            }
            Step::Salvage => {
                let (done, mut saved) = oneshot::channel();
                self.order(world, Order::Salvage { done });
                let saved = saved.try_recv().unwrap_or(false);
                self.with_uplink(|uplink| uplink.handle_salvaged(saved, now));
                if !self.machine.disk.is_off() {
                    self.look(world);
                }
            }
            _ => {}
        }
    }

    fn order(&mut self, world: &mut Context, order: Order) {
        let group = Group { entries: Vec::new(), orders: vec![order], dropped: 0 };
        self.handle(world, group, &[]);
    }

    fn with_uplink(&mut self, act: impl FnOnce(&mut Uplink)) {
        if let Some(running) = &mut self.running {
            act(&mut running.uplink);
        }
    }

    fn with_reader<T>(
        &mut self,
        read: impl FnOnce(&Reader) -> Result<T, fieldpost_gateway::JournalError>,
    ) -> Result<T, fieldpost_gateway::JournalError> {
        let folder = self.machine.disk.folder();
        let Some(running) = &mut self.running else { return read(&Reader::open(&folder)?) };
        let generation = running.keeper.progress().generation;
        if generation != running.generation {
            (running.generation, running.reader) = (generation, None);
        }
        let reader = match running.reader.take() {
            Some(reader) => reader,
            None => Reader::open(&folder)?,
        };
        let found = read(&reader)?;
        running.reader = Some(reader);
        Ok(found)
    }

    fn offer(&mut self, world: &mut Context, offer: Offer) {
        let (number, life) = (self.number, self.machine.life);
        let Some(running) = &mut self.running else { return };
        world.steps += 1;
        let id = world.steps;
        running.offer = id;
        let failed = |why: &str| Rc::new(Answer::Failed(why.to_owned()));
        if world.is_cut_off(number) {
            world.counts.road += 1;
            return world.agenda.after(SECOND, Event::Answered(number, life, id, failed("cannot connect")));
        }
        world.agenda.after(Road::PATIENCE, Event::Answered(number, life, id, failed("no answer in time")));
        match world.road.carry(&mut world.rng) {
            Passage::Lost => world.counts.road += 1,
            Passage::Stranger => {
                world.counts.road += 1;
                let answer = Rc::new(super::cloud::stranger(&mut world.rng, self.text));
                world.agenda.after(SECOND, Event::Answered(number, life, id, answer));
            }
            Passage::Arrives(delays) => {
                let odd = delays.len() > 1 || delays.iter().any(|delay| *delay > Road::PATIENCE);
                world.counts.road += u64::from(odd);
                let offer = Rc::new(offer);
                for delay in delays {
                    let upload = Upload::Offer(number, life, id, Rc::clone(&offer));
                    world.agenda.after(delay, Event::Upload(upload));
                }
            }
        }
    }

    /// An answer has come to an offer of this life.
    pub fn answered(&mut self, world: &mut Context, life: u64, id: u64, answer: &Answer) {
        let now = self.moment(world);
        let random = world.rng.number();
        let Some(running) = self.running.as_mut().filter(|running| running.offer == id) else { return };
        if life != self.machine.life {
            return;
        }
        running.offer = 0;
        world.trace(|| format!("gateway {} hears {answer:?}", self.number));
        if let Some(running) = &mut self.running {
            running.uplink.handle_answer(answer.clone(), now, random);
        }
        self.go_on(world);
    }

    fn wake_for_keeper(&mut self, world: &mut Context) {
        let now = self.moment(world);
        let Some(running) = &self.running else { return };
        let delay = Millis::try_from(running.keeper.pause(now).as_millis()).unwrap_or(HOUR) + 1;
        // Most of these are for housekeeping, which can wait.
        self.wake_after(world, delay.max(TEND_EVERY / 6));
    }

    fn wake_after(&mut self, world: &mut Context, delay: Millis) {
        let at = world.now() + delay;
        let Some(running) = self.running.as_mut().filter(|running| at < running.wake) else { return };
        running.wake = at;
        world.agenda.at(at, Event::Wake(self.number, self.machine.life));
    }

    /// The process is killed; its machine lives.
    pub fn kill(&mut self, world: &mut Context, how: &str) {
        self.machine.disk.restart_after_kill();
        self.end(world, how);
    }

    /// The power is cut.
    pub fn die(&mut self, world: &mut Context, how: &str) {
        self.machine.disk.cut_power();
        let rng = &mut world.rng;
        self.machine.disk.restart_after_power_cut(&mut |limit| rng.below(limit));
        self.end(world, how);
    }

    fn end(&mut self, world: &mut Context, how: &str) {
        world.trace(|| format!("gateway {} {how}", self.number));
        world.counts.deaths += 1;
        self.running = None;
        self.inbox.clear();
        self.machine.life += 1;
        let pause = super::plan::below(&mut world.rng, 5 * MINUTE);
        world.agenda.after(pause, Event::Start(self.number, self.machine.life));
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// What it has not passed on; None if it does not run.
    #[must_use]
    pub fn backlog(&self) -> Option<Seq> {
        let progress = self.running.as_ref()?.keeper.progress();
        Some(progress.last_seq - progress.held_through)
    }
}

/// The rows of a journal, as anybody may read them.
pub(super) fn rows(reader: &Reader) -> Result<BTreeMap<Seq, Row>, fieldpost_gateway::JournalError> {
    let (mut rows, mut after) = (BTreeMap::new(), 0);
    loop {
        match reader.page(after, Seq::MAX, MAX_BATCH, MAX_BATCH_BYTES)? {
            Page::Empty => return Ok(rows),
            Page::Damaged(seq) => after = seq,
            Page::Surveys(surveys) => {
                for survey in &surveys {
                    after = survey.seq;
                    let pack =
                        senml::decode_cbor(&senml::pack([survey.records.as_slice()]), UtcInstant::LATEST);
                    let Some(one) = pack.ok().and_then(|pack| pack.surveys.into_iter().next()) else {
                        continue;
                    };
                    let received = one.received.map_or(0, UtcInstant::as_millis);
                    let (device, readings) = (one.survey.device, one.survey.readings);
                    rows.insert(survey.seq, Row { device, received, readings });
                }
            }
        }
    }
}
