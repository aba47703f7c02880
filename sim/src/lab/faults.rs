//! What goes wrong, in an order that the seed decides.

use super::{
    network::{self, HOSTS, Link},
    world::World,
};
use crate::rng::Rng;
use anyhow::Result;
use std::{fmt, time::Duration};

/// The longest that a cut lasts; the shortest is half of it.
const CUT: Duration = Duration::from_millis(1_500);

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A link is cut, and mended. Meanwhile the victim is killed, if there is one.
    Cut(Link, Option<Victim>),
    /// A part is killed and started again.
    Kill(Victim),
    /// The gateway's disk is full, with a kill while it is.
    FullDisk,
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Gateway,
    Cloud,
    /// Both are dead at once.
    Both,
    /// The meters of a host.
    Meters(u8),
}

/// Every fault at least once, shuffled.
pub(super) fn schedule(rng: &mut Rng) -> Vec<Fault> {
    let any =
        |rng: &mut Rng| usize::try_from(rng.below(4)).ok().and_then(|at| HOSTS.get(at).copied()).unwrap_or(2);
    let (first, second) = (any(rng), any(rng));
    let mut faults = vec![
        Fault::Cut(Link::Meter(first), None),
        Fault::Cut(Link::Meter(second), Some(Victim::Meters(second))),
        Fault::Cut(Link::Switch, Some(Victim::Gateway)),
        Fault::Cut(Link::Uplink, None),
        Fault::Cut(Link::Uplink, Some(Victim::Gateway)),
        Fault::Cut(Link::Uplink, Some(Victim::Cloud)),
        Fault::Kill(Victim::Gateway),
        Fault::Kill(Victim::Gateway),
        Fault::Kill(Victim::Cloud),
        Fault::Kill(Victim::Both),
        Fault::FullDisk,
    ];
    faults.extend(HOSTS.map(|host| Fault::Kill(Victim::Meters(host))));
    for last in (1..faults.len()).rev() {
        let other = usize::try_from(rng.below(last as u64 + 1)).unwrap_or(0);
        faults.swap(last, other);
    }
    faults
}

/// Lets it happen, and mends it.
pub(super) fn strike(world: &mut World, fault: Fault, rng: &mut Rng) -> Result<()> {
    match fault {
        Fault::Cut(link, victim) => {
            network::cut(link)?;
            world.tally.cuts += 1;
            let lasts = CUT / 2 + rng.within(CUT / 2);
            world.live(lasts / 2)?;
            if let Some(victim) = victim {
                kill(world, victim, rng)?;
            }
            world.live(lasts / 2)?;
            network::mend(link)
        }
        Fault::Kill(victim) => kill(world, victim, rng),
        Fault::FullDisk => super::full::strike(world, rng),
    }
}

fn kill(world: &mut World, victim: Victim, rng: &mut Rng) -> Result<()> {
    match victim {
        Victim::Gateway => world.gateway.restart()?,
        Victim::Cloud => world.cloud.restart()?,
        Victim::Both => {
            world.gateway.kill()?;
            world.cloud.kill()?;
            world.live(rng.within(CUT / 2))?;
            world.gateway.start()?;
            world.live(rng.within(CUT / 2))?;
            world.cloud.start()?;
        }
        Victim::Meters(host) => world.tally.meters += world.field.restart(Some(host), rng, &world.ledger)?,
    }
    world.tally.gateway += u64::from(matches!(victim, Victim::Gateway | Victim::Both));
    world.tally.cloud += u64::from(matches!(victim, Victim::Cloud | Victim::Both));
    Ok(())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(link, None) => write!(f, "{link} is cut"),
            Self::Cut(link, Some(victim)) => write!(f, "{link} is cut, and meanwhile kill -9 of {victim}"),
            Self::Kill(victim) => write!(f, "kill -9 of {victim}"),
            Self::FullDisk => f.write_str("the gateway's disk is full, and meanwhile kill -9 of the gateway"),
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("the gateway"),
            Self::Cloud => f.write_str("the cloud"),
            Self::Both => f.write_str("the gateway and the cloud"),
            Self::Meters(host) => write!(f, "the meters of {}", network::address(*host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_the_order_and_nothing_is_left_out() {
        let order = |seed| schedule(&mut Rng::new(seed));
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        for seed in 0..100 {
            let faults = order(seed);
            assert_eq!(faults.len(), 15);
            assert!(faults.contains(&Fault::FullDisk), "seed {seed}");
            for host in HOSTS {
                assert!(faults.contains(&Fault::Kill(Victim::Meters(host))), "seed {seed}");
            }
        }
    }
}
