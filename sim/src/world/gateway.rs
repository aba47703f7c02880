//! A gateway in a world: the shipped keeper, journal and uplink, on a disk that can fail, by a clock that can jump.

use super::{
    agenda::{HOUR, MINUTE, Millis, SECOND},
    context::{Context, Event},
    intake::Waiting,
    machine::{Machine, Reports, SimDisk},
    oracle::{Custody, Seq},
    plan::Plan,
    tally::Strike,
};
use fieldpost_core::{DeviceId, UtcInstant};
use fieldpost_gateway::{
    JournalError, UplinkWhen,
    parts::{Finding, Group, Inbox, Keeper, Limits, Moment, Reader, Uplink, Wire},
};
use fieldpost_simdisk::Snapshot;
use std::{sync::Arc, time::Duration};

/// Housekeeping is looked after this often; the shipped shell does so each minute.
const TEND_EVERY: Millis = 3 * HOUR;

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
    pub(super) inbox: Inbox,
    /// What is in the inbox, as it came.
    pub(super) waiting: Vec<Waiting>,
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
    /// Whether the last answer refused what was offered, as anybody would understand it.
    pub(super) was_refused: bool,
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
            was_refused: false,
            wake,
            tend: Millis::MIN,
            torn: false,
        });
        world.trace(|| format!("gateway {} runs, up to survey {}", self.number, progress.last_seq));
        self.inspect(world, true);
        // What closed before was judged by the roster of its time.
        world.oracle.custody(self.number).expects(&self.roster);
        self.wake_after(world, 0);
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
            world.counts.hit(Strike::GatewayKillStep);
            return self.kill(world, how);
        }
        world.counts.hit(Strike::GatewayPower);
        self.machine.disk.cut_power();
        let rng = &mut world.rng;
        self.machine.disk.restart_after_power_cut(&mut |limit| rng.below(limit));
        self.end(world, how);
    }

    fn end(&mut self, world: &mut Context, how: &str) {
        world.trace(|| format!("gateway {} {how}", self.number));
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
