//! What all parts of a world share: time, chance, the lines between them, and the oracle.

use super::{
    agenda::{Agenda, Millis},
    faults::Fault,
    hostile::Form,
    network::{Line, Road},
    oracle::Oracle,
    plan::Plan,
    tally::Counts,
};
use crate::rng::Rng;
use fieldpost_gateway::parts::{Answer, Offer};
use jiff::tz::TimeZone;
use std::{collections::VecDeque, net::SocketAddr, rc::Rc, time::Duration};

/// Behind so many of a hundred groups of a gateway, and transactions of the cloud, all that is held is compared; what is said of the others
/// is judged all the same.
pub const LOOKED_AT: u64 = 2;
/// The events that a trace holds.
const TRACED: usize = 60;

/// Something that happens in a world.
#[derive(Debug)]
pub enum Event {
    /// A meter's daily hour.
    Survey(usize),
    /// A meter's exchange of that number wants to be asked.
    Exchange(usize, u64),
    /// A meter tries again to get rid of what it has.
    Retry(usize),
    /// A datagram comes to a gateway, from a meter's exchange or a stranger.
    Datagram {
        /// Which gateway.
        gateway: usize,
        /// Who seems to have sent it.
        peer: SocketAddr,
        /// All of it.
        bytes: Rc<[u8]>,
        /// The meter, and the number of its exchange.
        from: Option<(usize, u64)>,
    },
    /// A reply comes to a meter's exchange.
    Reply(usize, u64, Vec<u8>),
    /// A gateway commits what has come. The second is its life, as in all that follow: another one knows nothing of it.
    Commit(usize, u64),
    /// A gateway's uplink and housekeeping want to be asked.
    Wake(usize, u64),
    /// A gateway's machine is started.
    Start(usize, u64),
    /// A request comes to the cloud.
    Upload(Upload),
    /// The cloud stores what has come; its life, as everywhere.
    Store(u64),
    /// An answer comes to a gateway: its life, and the offer's number.
    Answered(usize, u64, u64, Rc<Answer>),
    /// The cloud's machine is started.
    StartCloud(u64),
    /// Something goes wrong.
    Fault(Fault),
    /// The oracle looks at everything.
    Look,
}

/// A request on its way to the cloud.
#[derive(Debug, Clone)]
pub enum Upload {
    /// From a gateway: its place, its life, the number of the offer.
    Offer(usize, u64, u64, Rc<Offer>),
    /// From a gateway whose connection has ended: it hears no answer.
    Unheard(usize, Rc<Offer>),
    /// From a device without a clock: how often it has tried.
    Relative(Rc<[u8]>, u32),
    /// From a stranger: nothing that could be stored.
    Stranger(Form, Rc<[u8]>),
}

/// What all parts of a world share.
#[derive(Debug)]
pub struct Context {
    /// Time.
    pub agenda: Agenda<Event>,
    /// Chance.
    pub rng: Rng,
    /// Chance of its own for what came later to the simulator.
    pub more: Rng,
    /// The judge.
    pub oracle: Oracle,
    /// What decided this world.
    pub seed: u64,
    /// The site's zone.
    pub zone: TimeZone,
    /// When it began.
    pub start: Millis,
    /// When meters stop measuring and faults stop happening.
    pub calm: Millis,
    /// How many gateways there are.
    pub gateways: usize,
    /// Between meters and gateways.
    pub line: Line,
    /// Between gateways and cloud.
    pub road: Road,
    /// Of a hundred uploads so many come together with a stranger's.
    pub hostile: u64,
    /// Until when no meter reaches this gateway.
    pub line_cut: Vec<Millis>,
    /// Until when this gateway does not reach the cloud.
    pub road_cut: Vec<Millis>,
    /// All is settled, and nothing is to happen any more.
    pub quiet: bool,
    /// Faults so far.
    pub counts: Counts,
    /// Events so far.
    pub steps: u64,
    /// The last things that happened, if anybody wants to know.
    trace: Option<VecDeque<String>>,
}

impl Context {
    /// The shared part of the world of `plan`.
    #[must_use]
    pub fn new(plan: &Plan, zone: TimeZone, oracle: Oracle, traced: bool) -> Self {
        Self {
            agenda: Agenda::new(plan.start),
            rng: Rng::new(plan.seed).fork(),
            more: plan.more.clone(),
            oracle,
            seed: plan.seed,
            zone,
            start: plan.start,
            calm: plan.calm(),
            gateways: plan.gateways,
            line: plan.line.clone(),
            road: plan.road.clone(),
            hostile: plan.hostile,
            line_cut: vec![plan.start; plan.gateways],
            road_cut: vec![plan.start; plan.gateways],
            quiet: false,
            counts: Counts::default(),
            steps: 0,
            trace: traced.then(VecDeque::new),
        }
    }

    /// The present instant, truly.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.agenda.now()
    }

    /// How long the world has been.
    #[must_use]
    pub fn up(&self) -> Duration {
        Duration::from_millis((self.now() - self.start).unsigned_abs())
    }

    /// Whether no meter reaches the gateway now.
    #[must_use]
    pub fn is_cut(&self, gateway: usize) -> bool {
        self.line_cut.get(gateway).is_some_and(|until| self.now() < *until)
    }

    /// Whether the gateway does not reach the cloud now.
    #[must_use]
    pub fn is_cut_off(&self, gateway: usize) -> bool {
        self.road_cut.get(gateway).is_some_and(|until| self.now() < *until)
    }

    /// Notes what happened, if anybody wants to know.
    pub fn trace(&mut self, what: impl FnOnce() -> String) {
        let now = self.agenda.now();
        if let Some(trace) = &mut self.trace {
            let time = super::oracle::shown_time(now);
            if trace.len() == TRACED {
                trace.pop_front();
            }
            trace.push_back(format!("{time}  {}", what()));
        }
    }

    /// What was noted.
    #[must_use]
    pub fn traced(&self) -> Vec<String> {
        self.trace.iter().flatten().cloned().collect()
    }
}
