//! What a seed decides: the site, its meters, its network, and what will go wrong.
//!
//! Each world has a few kinds of faults, and those often, rather than all kinds rarely: faults that hide each other
//! are then apart in some world (swarm testing, Groce and others, 2012).

use super::{
    agenda::{DAY, HOUR, MINUTE, Millis},
    faults::{self, Fault},
    meter::{Kind, MeterPlan},
    network::{Line, Road},
};
use crate::rng::Rng;
use fieldpost_core::UtcInstant;
use fieldpost_gateway::UplinkWhen;
use std::{net::Ipv4Addr, time::Duration};

/// A world before it begins.
#[derive(Debug)]
pub struct Plan {
    /// What decided all of this.
    pub seed: u64,
    /// When it begins.
    pub start: Millis,
    /// How long meters measure and faults happen.
    pub days: u32,
    /// The site's zone, by its IANA name.
    pub zone: &'static str,
    /// The meters.
    pub meters: Vec<MeterPlan>,
    /// How many gateways hear them.
    pub gateways: usize,
    /// Whether the uplink is the reference upload.
    pub text_uplink: bool,
    /// When surveys are passed on.
    pub when: UplinkWhen,
    /// Whether gateways have a roster.
    pub roster: bool,
    /// How long a round waits.
    pub deadline: Duration,
    /// The most bytes of a journal.
    pub journal_max: u64,
    /// The bytes of free disk that a journal leaves alone.
    pub min_free: u64,
    /// How long acknowledged surveys are kept.
    pub keep: Duration,
    /// Between meters and gateways.
    pub line: Line,
    /// Between gateways and cloud.
    pub road: Road,
    /// Of a hundred uploads so many come together with a stranger's.
    pub hostile: u64,
    /// What goes wrong, and when.
    pub faults: Vec<(Millis, Fault)>,
    /// Chance of its own for what came later to the simulator.
    pub more: Rng,
}

/// Where clocks are changed, and where they never are.
const ZONES: [&str; 7] = [
    "Europe/Rome",
    "UTC",
    "Europe/Rome",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/New_York",
];

/// Days on which clocks or calendars do something: the worlds begin a little before.
const DATES: [&str; 9] = [
    "2026-03-29T00:00:00Z", // Rome, forward
    "2026-10-25T00:00:00Z", // Rome, back
    "2028-02-29T00:00:00Z", // leap day
    "2026-12-31T00:00:00Z", // new year
    "2026-04-04T00:00:00Z", // Lord Howe, back by half an hour
    "2026-10-03T00:00:00Z", // Lord Howe, forward
    "2026-11-01T00:00:00Z", // New York and St John's, back
    "2026-03-08T00:00:00Z", // New York and St John's, forward
    "2026-07-01T00:00:00Z", // nothing at all
];

impl Plan {
    /// What `seed` decides for a world of `days`.
    #[must_use]
    pub fn new(seed: u64, days: u32) -> Self {
        let mut rng = Rng::new(seed);
        let date = pick(&mut rng, &DATES).parse().map_or(0, UtcInstant::as_millis);
        let lead = Millis::from(days.min(10)) * DAY;
        let start = date - below(&mut rng, lead);
        let text_uplink = rng.chance(20);
        let gateways = if rng.chance(25) && !text_uplink { 2 } else { 1 };
        let mut meters: Vec<_> = (1..=2 + rng.below(4)).map(|number| meter(&mut rng, number)).collect();
        // On an uplink without dates a day that reads like the one before may pass for its copy if that came late: nobody can
        // tell them apart there (docs/PROTOCOL.md), so nobody measures the same every day there.
        for meter in meters.iter_mut().filter(|meter| text_uplink && meter.kind == Kind::Steady) {
            meter.kind = Kind::Reference;
        }
        let small = rng.chance(16);
        let mut plan = Self {
            seed,
            start,
            days,
            zone: pick(&mut rng, &ZONES),
            meters,
            gateways,
            text_uplink,
            when: if rng.chance(50) { UplinkWhen::Round } else { UplinkWhen::Always },
            roster: rng.chance(60),
            deadline: Duration::from_secs(60 * (5 + rng.below(120))),
            journal_max: if small { 320 << 10 } else { 64 << 20 },
            min_free: 0,
            keep: Duration::from_secs(24 * 3600 * if rng.chance(10) { 1 } else { 30 }),
            line: Line::new(&mut rng),
            road: Road::new(&mut rng, text_uplink),
            hostile: 0,
            faults: Vec::new(),
            more: rng.clone(),
        };
        plan.faults = faults::choose(&mut rng, &plan);
        if rng.chance(15) && !small && !faults::restores(&plan.faults) {
            // The log takes an eighth of the journal: well below what is left alone.
            (plan.min_free, plan.journal_max) = (2 << 20, 4 << 20);
            let tight = faults::tight(&mut rng, &plan);
            plan.faults.extend(tight);
        }
        plan.hostile = if rng.chance(20) { 1 + rng.below(30) } else { 0 };
        if rng.chance(4) {
            let moment = plan.start + below(&mut rng, Millis::from(days) * DAY);
            plan.faults.push((moment, Fault::FloodCloud));
        }
        // What came later to the simulator has chance of its own, so that older worlds are what they were as far as it leaves them alone.
        let mut more = rng.fork();
        plan.road.add_more(&mut more, text_uplink);
        let ahead = faults::ahead(&mut more, &plan);
        plan.faults.extend(ahead);
        plan.more = more;
        plan
    }

    /// When meters stop measuring and faults stop happening.
    #[must_use]
    pub fn calm(&self) -> Millis {
        self.start + Millis::from(self.days) * DAY
    }
}

fn meter(rng: &mut Rng, number: u64) -> MeterPlan {
    let kind = match rng.below(20) {
        0..7 => Kind::Reference,
        7..10 => Kind::Ours,
        10..12 => Kind::Dated,
        12..15 => Kind::Steady,
        15 => Kind::Empty,
        16 => Kind::Contradicting,
        17 => Kind::Relative,
        18 => Kind::Half,
        _ => Kind::Hostile,
    };
    let octet = u8::try_from(number + 1).unwrap_or(255);
    MeterPlan {
        kind,
        address: Ipv4Addr::new(192, 168, 1, octet),
        interval: [1, 1, 2, 3, 6].get(usize::try_from(rng.below(5)).unwrap_or(0)).copied().unwrap_or(1)
            * HOUR,
        sends_at: below(rng, DAY / MINUTE) * MINUTE,
        fast: if rng.chance(15) { below(rng, 4) * MINUTE } else { 0 },
        careless: if rng.chance(20) { 30 } else { 0 },
        give_up: Duration::from_secs(30 + rng.below(300)),
    }
}

/// One of `choices`.
pub fn pick<T: Copy, const N: usize>(rng: &mut Rng, choices: &[T; N]) -> T {
    let place = usize::try_from(rng.below(N as u64)).unwrap_or(0) % N;
    choices[place]
}

/// A place among so many.
pub fn place(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.below(count as u64)).unwrap_or(0)
}

/// A number below `limit`.
pub fn below(rng: &mut Rng, limit: Millis) -> Millis {
    Millis::try_from(rng.below(limit.max(0).cast_unsigned())).unwrap_or(0)
}
