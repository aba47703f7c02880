//! A gateway in a world: the shipped keeper, journal and uplink, on a disk that can fail, by a clock that can jump.

use super::{
    agenda::{HOUR, MINUTE, Millis, SECOND},
    context::{Context, Event, LOOKED_AT},
    machine::{Machine, Reports, SimDisk},
    oracle::{Came, Custody, Opened, Seq, Setup},
    plan::Plan,
};
use fieldpost_core::{DeviceId, UtcInstant, message::MAX_DATAGRAM, reply};
use fieldpost_gateway::{
    JournalError, UplinkWhen,
    parts::{
        Entry, Finding, Group, Inbox, Keeper, Limits, Moment, Outcome, Reader, Sender, Uplink, Wire,
        read_datagram,
    },
};
use fieldpost_simdisk::Snapshot;
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// Housekeeping is looked after this often; the shipped shell does so each minute.
const TEND_EVERY: Millis = 3 * HOUR;
/// What a journal may take beyond its limit: the counters and cursors of a full one.
const SLACK: u64 = 192 << 10;

/// What the gateway leaves free for them (P6), on its disk for each copy, and how often what it writes takes room: in the log, and in the file.
const RESERVE: u64 = 64 << 10;
const COPIES: u64 = 2;

/// What surveys take in a journal, at most.
fn weight(came: &[Came]) -> u64 {
    came.iter().map(|one| 512 + 4 * one.bytes.len() as u64).sum()
}

fn says(outcomes: &[Outcome], what: &str) -> bool {
    outcomes.iter().any(|outcome| outcome.text().contains(what))
}

/// A datagram that waits for the next commit.
#[derive(Debug)]
pub(super) struct Waiting {
    peer: SocketAddr,
    bytes: Rc<[u8]>,
    from: Option<(usize, u64)>,
    received: UtcInstant,
}

/// A gateway.
pub struct Gateway {
    pub(super) number: usize,
    /// Its machine.
    pub machine: Machine,
    /// How far its clock is ahead; behind, if negative.
    pub clock: Millis,
    /// The devices it waits for.
    pub roster: Vec<DeviceId>,
    pub(super) limits: Limits,
    /// The bytes that were free on its disk when it began with it, or when that became tight.
    pub(super) free_at_first: u64,
    pub(super) deadline: Duration,
    when: UplinkWhen,
    pub(super) text: bool,
    pub(super) running: Option<Running>,
    inbox: Inbox,
    /// What is in the inbox, as it came.
    waiting: Vec<Waiting>,
    /// How often a stranger's burst is to come just before a meter's datagram.
    pub(super) bursts: u64,
    /// What it said of damage since its journal was looked at, also if it died since.
    pub(super) findings: Vec<Finding>,
    /// An older copy of its disk, what the oracle knew of it, and the damage on it.
    pub copy: Option<(Snapshot, Custody, Reports)>,
}

/// A gateway's process.
pub(super) struct Running {
    pub(super) keeper: Keeper,
    pub(super) uplink: Uplink,
    pub(super) reader: Option<Reader>,
    pub(super) generation: u64,
    /// The offer that is on its way; zero is none.
    pub(super) offer: u64,
    wake: Millis,
    /// When housekeeping is due.
    tend: Millis,
    /// Its journal's file was damaged beneath it, and it has not said so yet: nobody can compare what cannot be read.
    pub(super) torn: bool,
}

impl Gateway {
    /// A gateway that has not been started.
    #[must_use]
    pub fn new(plan: &Plan, number: usize, roster: Vec<DeviceId>) -> Self {
        let limits = Limits { keep: plan.keep, journal_max: plan.journal_max, min_free_disk: plan.min_free };
        Self {
            number,
            machine: Machine::new(&format!("gateway-{number}")),
            clock: 0,
            roster,
            limits,
            free_at_first: u64::MAX,
            deadline: plan.deadline,
            when: plan.when,
            text: plan.text_uplink,
            running: None,
            inbox: Inbox::default(),
            waiting: Vec::new(),
            bursts: 0,
            findings: Vec::new(),
            copy: None,
        }
    }

    /// The name under which the cloud knows it.
    #[must_use]
    pub fn name(number: usize) -> String {
        format!("gateway-{number}")
    }

    pub(super) fn moment(&self, world: &Context) -> Moment {
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
        let strikes = self.machine.strikes();
        let opened = Keeper::open(disk, folder, self.limits, self.roster.clone(), self.deadline, random, now);
        if self.machine.disk.is_off() {
            drop(opened);
            return self.die(world, "died while it started");
        }
        match opened {
            Ok(keeper) => self.run(world, keeper),
            Err(error) => {
                world.trace(|| format!("gateway {} cannot start: {error}", self.number));
                let newer = self.machine.newer && matches!(error, JournalError::Newer { .. });
                if !newer && self.machine.strikes() == strikes {
                    world.oracle.fail(format!("gateway {} cannot start: {error}", self.number));
                }
                // As systemd would.
                world.agenda.after(10 * SECOND, Event::Start(self.number, self.machine.life));
            }
        }
    }

    fn run(&mut self, world: &mut Context, keeper: Keeper) {
        self.free_at_first = self.free();
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
            torn: false,
        });
        world.trace(|| format!("gateway {} runs, up to survey {}", self.number, progress.last_seq));
        self.inspect(world, true);
        self.wake_after(world, 0);
    }

    /// Compares the journal with what it must hold.
    pub fn look(&mut self, world: &mut Context) {
        self.inspect(world, false);
    }

    fn inspect(&mut self, world: &mut Context, started: bool) {
        let Some(running) = &mut self.running else { return };
        self.findings.extend(running.keeper.findings());
        if running.torn && self.findings.is_empty() {
            return;
        }
        running.torn = false;
        let findings = std::mem::take(&mut self.findings);
        let damaged = world.oracle.custody(self.number).damaged || !findings.is_empty();
        match self.machine.journal() {
            Ok(found) => world.oracle.opened(&Opened {
                gateway: self.number,
                started,
                now: world.now() + self.clock,
                found: &found,
                last: running.keeper.progress().last_seq,
                held_through: running.keeper.progress().held_through,
                closed_through: running.keeper.progress().closed_through,
                findings: &findings,
            }),
            Err(error) => {
                world.oracle.fail(format!("gateway {}: its journal cannot be read: {error}", self.number))
            }
        }
        if damaged {
            // All that could be read is read: what was damaged is reported.
            self.machine.reports = Reports { before: self.machine.quarantined(), ..Reports::default() };
        }
        match super::refused::by_gateway(&self.machine) {
            Ok(found) => {
                world.oracle.gateway_refusals(self.number, found, damaged, self.limits.journal_max);
            }
            Err(error) => world.oracle.fail(format!("gateway {}: its refusals: {error}", self.number)),
        }
        match super::rounds::facts(&self.machine) {
            Ok(facts) => world.oracle.round_facts(self.number, &facts, damaged),
            Err(error) => world.oracle.fail(format!("gateway {}: its rounds: {error}", self.number)),
        }
        if started {
            self.judge_files(world);
        }
        self.judge_size(world);
    }

    /// The journal stays within its limit (P6).
    fn judge_size(&self, world: &mut Context) {
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
        if from.is_some() && self.bursts > 0 {
            self.bursts -= 1;
            super::refused::burst(world, self);
        }
        if self.waiting.is_empty() {
            let delay = super::plan::below(&mut world.rng, 30);
            world.agenda.after(delay, Event::Commit(self.number, self.machine.life));
        }
        let received = self.moment(world).utc;
        let shown = bytes.get(..MAX_DATAGRAM).unwrap_or(&bytes);
        let datagram = read_datagram(shown, bytes.len(), peer.ip(), received, &world.zone);
        // In a world nobody shares a counter with anybody.
        let sender = match peer.ip() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(_) => 0,
        };
        let sender = Sender { address: sender, port: sender };
        if self.inbox.push(Entry { socket: 0, peer, datagram }, sender) {
            self.waiting.push(Waiting { peer, bytes, from, received });
        } else if from.is_some() {
            world.oracle.fail(format!("gateway {} had no place for what {peer} sent", self.number));
        }
    }

    /// Commits what has come, and answers it.
    pub fn commit(&mut self, world: &mut Context, life: u64) {
        if life != self.machine.life || self.running.is_none() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let group = self.inbox.take();
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
        self.judge_size(world);
        if world.rng.chance(LOOKED_AT) {
            self.look(world);
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
    pub(super) fn handle(&mut self, world: &mut Context, group: Group, waiting: &[Waiting]) -> Vec<String> {
        let torn = self.is_torn();
        if torn && !waiting.is_empty() {
            // If it finds out now, its journal is looked at before anything new is in it.
            self.handle(world, Group::default(), &[]);
        }
        let now = self.moment(world);
        let left = self.left();
        let came: Vec<Came> = waiting
            .iter()
            .map(|one| Came {
                bytes: Rc::clone(&one.bytes),
                peer: one.peer.ip(),
                received: one.received.as_millis(),
            })
            .collect();
        let scant = self.is_scant(left, &came);
        let Some(running) = &mut self.running else { return Vec::new() };
        let rounds = running.keeper.progress().rounds_closed;
        let strikes = self.machine.strikes();
        let outcomes = running.keeper.handle(group, now);
        let findings = running.keeper.findings();
        let salvaged = !findings.is_empty();
        self.findings.extend(findings);
        let troubled = self.machine.struck(strikes, world.now()) || torn;
        self.judge_room(world, &outcomes, salvaged, troubled);
        let texts: Vec<String> = outcomes.iter().map(|outcome| outcome.text().to_owned()).collect();
        let off = self.machine.disk.is_off();
        if !waiting.is_empty() {
            let roster: BTreeSet<DeviceId> = self.roster.iter().cloned().collect();
            let setup = Setup {
                gateway: self.number,
                now: now.utc.as_millis(),
                truth: world.now(),
                roster: &roster,
                zone: &world.zone.clone(),
                troubled,
                journal_full: says(&outcomes, "journal full")
                    && self.journal_is_full(&came)
                    && self.garbage_gave_way(world.now()),
                disk_full: says(&outcomes, "disk full") && self.is_short(left.min(self.left()), &came),
            };
            let said = (!off).then_some(outcomes.as_slice());
            let machine = &self.machine;
            world.oracle.group(&setup, &came, said, || machine.journal().ok());
            world.oracle.gateway_refused(self.number, &came, said, setup.zone, scant || troubled);
            world.trace(|| {
                let what: Vec<_> = came.iter().map(|one| super::oracle::shown(&one.bytes)).collect();
                format!("gateway {} at {}: {what:?} -> {said:?}", self.number, now.utc)
            });
        }
        if salvaged {
            world.oracle.custody(self.number).doubt_rounds();
        }
        self.judge_rounds(world, rounds, troubled);
        if torn && salvaged && !self.machine.disk.is_off() {
            self.look(world);
        }
        texts
    }

    /// Whether its journal's file was damaged beneath it, and it has not said so yet.
    pub(super) fn is_torn(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.torn)
    }

    /// Whether what came would take the journal beyond its limit, and room for small things is to be left.
    fn journal_is_full(&self, came: &[Came]) -> bool {
        self.machine.used() + RESERVE + COPIES * weight(came) > self.limits.journal_max
    }

    /// Whether the journal or its disk may lack room for what came. The file is as large as it ever was, so that is a generous guess.
    fn is_scant(&self, left: u64, came: &[Came]) -> bool {
        let journal = self.machine.size() + RESERVE + COPIES * weight(came) > self.limits.journal_max;
        journal || self.is_short(left, came)
    }

    /// Whether no garbage takes the room that surveys lack. A gateway that failed to make room leaves it for a minute.
    fn garbage_gave_way(&self, now: Millis) -> bool {
        self.machine.garbage() == 0 || self.machine.failed_since(now - MINUTE)
    }

    /// Whether so much is too little for it. The gateway measures before it makes room, so what was left before counts as well.
    fn is_short(&self, left: u64, came: &[Came]) -> bool {
        left < self.limits.min_free_disk + COPIES * (RESERVE + weight(came))
    }

    /// What is left on the disk once the log is folded: it must fit into the file, too.
    fn left(&self) -> u64 {
        self.free().saturating_sub(self.machine.log())
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
            let strikes = self.machine.strikes();
            running.keeper.tend(now);
            self.machine.struck(strikes, world.now());
        }
        if self.machine.disk.is_off() {
            return self.die(world, "died tidying up");
        }
        self.go_on(world);
    }

    pub(super) fn wake_for_keeper(&mut self, world: &mut Context) {
        let now = self.moment(world);
        let Some(running) = &self.running else { return };
        let delay = Millis::try_from(running.keeper.pause(now).as_millis()).unwrap_or(HOUR) + 1;
        // Most of these are for housekeeping, which can wait.
        self.wake_after(world, delay.max(TEND_EVERY / 6));
    }

    pub(super) fn wake_after(&mut self, world: &mut Context, delay: Millis) {
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

    /// The power is cut; or the process was killed, if that is what its disk saw.
    pub fn die(&mut self, world: &mut Context, how: &str) {
        if self.machine.disk.is_killed() {
            return self.kill(world, how);
        }
        self.machine.disk.cut_power();
        let rng = &mut world.rng;
        self.machine.disk.restart_after_power_cut(&mut |limit| rng.below(limit));
        self.end(world, how);
    }

    fn end(&mut self, world: &mut Context, how: &str) {
        world.trace(|| format!("gateway {} {how}", self.number));
        world.counts.deaths += 1;
        self.running = None;
        self.inbox = Inbox::default();
        self.waiting.clear();
        self.machine.life += 1;
        let pause = super::plan::below(&mut world.rng, 5 * MINUTE);
        world.agenda.after(pause, Event::Start(self.number, self.machine.life));
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its last survey; None if it does not run.
    #[must_use]
    pub fn last(&self) -> Option<Seq> {
        Some(self.running.as_ref()?.keeper.progress().last_seq)
    }

    /// What it has not passed on; None if it does not run.
    #[must_use]
    pub fn backlog(&self) -> Option<Seq> {
        let progress = self.running.as_ref()?.keeper.progress();
        Some(progress.last_seq - progress.held_through)
    }
}
