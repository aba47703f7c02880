//! The simulator: the whole system in one thread and in virtual time.
//!
//! ```text
//! meter (core's exchange) --line--> gateway (keeper, journal, uplink) --road--> cloud (rules of ingest, vault)
//!          faults strike everywhere                     the oracle judges every step
//! ```
//!
//! The cores are those that ship, on the real SQLite, on disks in memory that lose what was not synced ([`fieldpost_simdisk`]).
//! [`plan`] makes a world of a seed; [`World`] lets it happen; [`oracle`] says what must hold. What is written here is
//! only what lies between the cores: lines, roads, disks, clocks, people.

#![expect(
    clippy::indexing_slicing,
    reason = "a part that is not there is an error of the simulator, and its panic a failed world"
)]

pub mod agenda;
mod aside;
pub mod bugs;
pub mod cloud;
pub mod context;
mod damage;
pub mod faults;
pub mod gateway;
pub mod hostile;
mod ingest;
mod inspect;
mod intake;
mod late;
pub mod machine;
pub mod meter;
pub mod network;
mod onlooker;
pub mod oracle;
pub mod page;
pub mod plan;
mod refused;
pub mod regressions;
pub mod relative;
mod room;
mod rounds;
pub mod run;
pub mod soil;
pub mod stories;
mod strike;
pub mod tally;
mod uplink;
mod want;

pub use bugs::{Catch, WITHIN, prove};
pub use regressions::REGRESSIONS;
pub use run::{Failure, Many, listen_for_panics, many, one};
pub use stories::STORIES;
pub use tally::{Counts, Strike};

use agenda::{DAY, HOUR, Millis};
use cloud::Cloud;
use context::{Context, Event};
use faults::Who;
use fieldpost_core::DeviceId;
use gateway::Gateway;
use jiff::tz::TimeZone;
use machine::Machine;
use meter::Meter;
use oracle::{Oracle, Seq, Wall};
use plan::Plan;

/// When the faults have stopped, everything must be in order within this time: six hours until an idle gateway asks the
/// cloud how far it is, an hour between a meter's attempts, two and a bit for a round, and the same again.
const SETTLED: Millis = 14 * HOUR;
/// And when everything is, nothing happens any more: for this time, in which an idle gateway asks the cloud once how far it is.
const QUIET: Millis = 7 * HOUR;
/// More steps than this in one world, and it goes round in circles.
const MAX_EVENTS: u64 = 2_000_000;

/// A world.
pub struct World {
    shared: Context,
    meters: Vec<Meter>,
    gateways: Vec<Gateway>,
    cloud: Cloud,
}

impl World {
    /// The world of a seed. Its disks belong to this thread: one world a thread.
    ///
    /// # Errors
    /// It cannot be made: an error of the simulator.
    pub fn new(seed: u64, days: u32, traced: bool) -> anyhow::Result<Self> {
        fieldpost_simdisk::install();
        let cloud = Cloud::new(seed)?;
        // Behind the making of a store: whether this world's is made or copied is to make no difference.
        fieldpost_simdisk::seed_randomness(seed);
        let plan = Plan::new(seed, days);
        let zone = TimeZone::get(plan.zone)?;
        let wall = Wall::new(zone.clone(), plan.start - 3 * DAY, plan.calm() + SETTLED + QUIET + DAY);
        let oracle = Oracle::new(wall, plan.gateways);
        let mut shared = Context::new(&plan, zone, oracle, traced);
        let meters = plan.meters.iter().enumerate();
        let meters: Vec<_> =
            meters.filter_map(|(number, one)| Meter::new(one.clone(), number, plan.start)).collect();
        for (number, meter) in meters.iter().enumerate() {
            shared.agenda.at(meter.first_survey(plan.start), Event::Survey(number));
        }
        let roster: Vec<DeviceId> =
            meters.iter().filter(|_| plan.roster).map(|meter| meter.id.clone()).collect();
        let gateways: Vec<_> =
            (0..plan.gateways).map(|number| Gateway::new(&plan, number, roster.clone())).collect();
        for number in 0..gateways.len() {
            let prunes = plan.journal_max < 1 << 20 || plan.keep.as_millis() < 864_000_000;
            shared.oracle.custody(number).prunes = prunes;
            shared.agenda.after(0, Event::Start(number, 0));
        }
        shared.agenda.after(0, Event::StartCloud(0));
        faults::schedule(&mut shared, &plan.faults);
        (1..=i64::from(days) / 4).for_each(|turn| shared.agenda.at(plan.start + 4 * turn * DAY, Event::Look));
        Ok(Self { shared, meters, gateways, cloud })
    }

    /// Lets the world happen. The promise that was broken, if one was.
    pub fn run(&mut self) -> Option<String> {
        let calm = self.shared.calm;
        self.until(calm);
        self.calm_down();
        self.until(calm + SETTLED);
        self.look();
        self.finish();
        self.stay_quiet(calm + SETTLED + QUIET);
        self.shared.oracle.broken.clone()
    }

    fn until(&mut self, end: Millis) {
        while self.shared.oracle.broken.is_none() {
            let Some(event) = self.shared.agenda.next(end) else { return };
            self.shared.steps += 1;
            if self.shared.steps > MAX_EVENTS {
                return self.shared.oracle.fail(bugs::IN_CIRCLES);
            }
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        let shared = &mut self.shared;
        match event {
            Event::Survey(meter) => self.meters[meter].survey(shared),
            Event::Exchange(meter, number) => self.meters[meter].poll(shared, number),
            Event::Retry(meter) => self.meters[meter].go_on(shared),
            Event::Reply(meter, number, bytes) => self.meters[meter].hear(shared, number, &bytes),
            Event::Datagram { gateway, peer, bytes, from } => {
                if shared.quiet {
                    shared.oracle.fail(format!("{peer} still sends to gateway {gateway}"));
                }
                self.gateways[gateway].receive(shared, peer, bytes, from);
            }
            Event::Commit(gateway, life) => self.gateways[gateway].commit(shared, life),
            Event::Wake(gateway, life) => self.gateways[gateway].wake(shared, life),
            Event::Start(gateway, life) => self.gateways[gateway].start(shared, life),
            Event::Answered(gateway, life, id, answer) => {
                self.gateways[gateway].answered(shared, life, id, &answer);
            }
            Event::Upload(upload) => self.cloud.receive(shared, upload),
            Event::Store(life) => self.cloud.store(shared, life),
            Event::StartCloud(life) => self.cloud.start(shared, life),
            Event::Fault(fault) => self.strike(&fault),
            Event::Look => self.look(),
        }
    }

    fn look(&mut self) {
        self.cloud.look(&mut self.shared);
        self.gateways.iter_mut().for_each(|gateway| gateway.look(&mut self.shared));
    }

    /// A settled world leaves everybody alone: no meter sends, nothing is passed on or stored.
    fn stay_quiet(&mut self, end: Millis) {
        let before = self.settled();
        self.shared.quiet = true;
        self.until(end);
        let after = self.settled();
        if before != after {
            self.shared.oracle.fail(format!("a settled world went on from {before:?} to {after:?}"));
        }
        self.look();
    }

    /// The last survey of each gateway.
    fn settled(&self) -> Vec<Option<Seq>> {
        self.gateways.iter().map(Gateway::last).collect()
    }

    /// At the end everything is where it belongs.
    fn finish(&mut self) {
        if self.shared.oracle.broken.is_some() {
            return;
        }
        let now = self.shared.now();
        let backlogs: Vec<_> = self.gateways.iter().map(Gateway::backlog).collect();
        for (gateway, backlog) in backlogs.into_iter().enumerate() {
            match backlog {
                Some(0) => self.shared.oracle.all_delivered(gateway, now),
                Some(rest) => {
                    self.shared.oracle.fail(format!("gateway {gateway} still has {rest} surveys to pass on"))
                }
                None => self.shared.oracle.fail(format!("gateway {gateway} does not run")),
            }
        }
        if !self.cloud.is_running() {
            self.shared.oracle.fail("the cloud does not run");
        }
        if let Some(meter) = self.meters.iter().find(|meter| !meter.is_done()) {
            self.shared.oracle.fail(format!("meter {} could not get rid of its messages", meter.id));
        }
        self.check_damage();
    }

    /// Surveys that were damaged on the disk are reported, each once, and no others.
    fn check_damage(&mut self) {
        for (number, gateway) in self.gateways.iter().enumerate() {
            let machine = &gateway.machine;
            if let Some(wrong) = machine.reports.wrong(machine.quarantined()) {
                self.shared.oracle.fail(format!("gateway {number}: {wrong}"));
            }
        }
    }

    fn machine(&mut self, who: Who) -> &mut Machine {
        match who {
            Who::Gateway(gateway) => &mut self.gateways[gateway].machine,
            Who::Cloud => &mut self.cloud.machine,
        }
    }

    /// Faults that struck.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.shared.counts;
        let mut disk = |machine: &Machine, [full, io, reads, torn]: [Strike; 4]| {
            let disk = machine.disk.counts();
            counts.hits(full, disk.full);
            counts.hits(io, disk.io);
            counts.hits(reads, disk.reads);
            counts.hits(torn, disk.torn);
        };
        let kinds = [Strike::GatewayFull, Strike::GatewayIo, Strike::GatewayUnreadable, Strike::GatewayTorn];
        self.gateways.iter().for_each(|gateway| disk(&gateway.machine, kinds));
        disk(
            &self.cloud.machine,
            [Strike::CloudFull, Strike::CloudIo, Strike::CloudUnreadable, Strike::CloudTorn],
        );
        counts
    }

    /// A number that two runs of one seed have in common only if everything in them was the same.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let steps: u64 = self.gateways.iter().map(|gateway| gateway.machine.disk.steps()).sum();
        let held = self.shared.oracle.held() as u64;
        let chance = self.shared.rng.clone().number();
        crate::rng::mix(self.shared.steps ^ steps << 20 ^ held << 40 ^ chance)
    }

    /// The last things that happened.
    #[must_use]
    pub fn traced(&self) -> Vec<String> {
        self.shared.traced()
    }
}
