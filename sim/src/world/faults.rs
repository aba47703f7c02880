//! What goes wrong: chosen before the world begins, so that one seed is one world.

use super::{
    agenda::{DAY, HOUR, MINUTE, Millis},
    context::{Context, Event},
    plan::{Plan, below, place},
};
use crate::rng::Rng;

/// So many reads fail in a row at most: a gateway that has tried oftener takes what it cannot read for damaged.
pub(super) const UNREADABLE_TIMES: u64 = 4;

/// A machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A gateway's.
    Gateway(usize),
    /// The cloud's.
    Cloud,
}

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The power is cut after so many more changes of the disk.
    PowerCut(Who, u64),
    /// The process is killed.
    Kill(Who),
    /// The process is killed after so many more changes of the disk.
    KillStep(Who, u64),
    /// Somebody floods the gateway with garbage.
    Flood(usize),
    /// From now on it dies so often of a thousand times between committing and answering.
    Fragile(Who, u64),
    /// Somebody floods the cloud with garbage.
    FloodCloud,
    /// The disk is full for a while.
    Full(Who, Millis),
    /// The disk is filled nearly to what a gateway leaves alone.
    Tight(usize),
    /// After so many more changes of the disk so many fail.
    Io(Who, u64, u32),
    /// After so many more reads of the disk so many fail.
    Unreadable(Who, u64, u32),
    /// The disk is well again.
    Well(Who),
    /// A survey's bytes change on the disk.
    DamageRow(usize),
    /// So they do while the gateway runs.
    FlipLive(usize),
    /// A page of the journal's file with surveys that are still to be passed on becomes zeroes while the gateway runs.
    ZeroLive(usize),
    /// The journal's file is cut short.
    CutFile(usize),
    /// A page of the journal's file is zeroes.
    ZeroFile(usize),
    /// The journal's file is something else.
    Garbage(usize),
    /// The journal's file is of a version to come, until the operator puts the old one back.
    Newer(usize),
    /// He does.
    Older(usize),
    /// The gateway's clock jumps.
    Clock(usize, Millis),
    /// It is put right.
    ClockRight(usize),
    /// The roster is another one.
    Roster(usize),
    /// A new gateway with an empty disk takes the place of the old one.
    Replace(usize),
    /// The gateway's disk is copied.
    Copy(usize),
    /// The copy is put back.
    PutBack(usize),
    /// The cloud is backed up.
    Backup,
    /// The backup is put back.
    Restore,
    /// No meter reaches the gateway for a while.
    CutLine(usize, Millis),
    /// The gateway does not reach the cloud for a while.
    CutRoad(usize, Millis),
}

/// Chooses the faults of a world.
pub fn choose(rng: &mut Rng, plan: &Plan) -> Vec<(Millis, Fault)> {
    let mut list = List { rng, plan, faults: Vec::new() };
    for gateway in 0..plan.gateways {
        list.machine(Who::Gateway(gateway));
        list.disk_damage(gateway);
        list.people(gateway);
        list.network(gateway);
    }
    list.machine(Who::Cloud);
    for gateway in 0..plan.gateways {
        list.kills(Who::Gateway(gateway));
        list.flood(gateway);
    }
    list.kills(Who::Cloud);
    list.faults
}

/// Chooses when disks are nearly full, where gateways leave some of them alone.
pub fn tight(rng: &mut Rng, plan: &Plan) -> Vec<(Millis, Fault)> {
    let mut list = List { rng, plan, faults: Vec::new() };
    for gateway in 0..plan.gateways {
        for _ in 0..list.often(90, 4) {
            let span = below(list.rng, 2 * DAY);
            let from = list.add(Fault::Tight(gateway));
            list.faults.push((from + span, Fault::Well(Who::Gateway(gateway))));
        }
    }
    list.faults
}

/// Chooses when clocks are ahead just while a meter sends, whose answer is lost: it comes again when they have been put right.
pub fn ahead(rng: &mut Rng, plan: &Plan) -> Vec<(Millis, Fault)> {
    let mut list = List { rng, plan, faults: Vec::new() };
    if plan.text_uplink || restores(&plan.faults) {
        return Vec::new();
    }
    for gateway in 0..plan.gateways {
        let times = list.often(35, 3);
        if !plan.faults.iter().any(|(_, fault)| changes_journals(fault, gateway)) {
            (0..times).for_each(|_| list.ahead(gateway));
        }
    }
    list.faults
}

/// Whether it gives a gateway another journal. With a wrong clock that is not combined ([`List::people`]).
fn changes_journals(fault: &Fault, gateway: usize) -> bool {
    matches!(fault, Fault::Replace(one) | Fault::PutBack(one) if *one == gateway)
}

struct List<'a> {
    rng: &'a mut Rng,
    plan: &'a Plan,
    faults: Vec<(Millis, Fault)>,
}

impl List<'_> {
    /// A moment at which faults may begin; the last hours are left to what they lead to.
    fn moment(&mut self) -> Millis {
        self.plan.start + below(self.rng, (self.plan.calm() - self.plan.start - 6 * HOUR).max(HOUR))
    }

    fn add(&mut self, fault: Fault) -> Millis {
        let moment = self.moment();
        self.faults.push((moment, fault));
        moment
    }

    /// How often a fault happens in this world, if it is one of its kinds.
    fn often(&mut self, percent: u64, most: u64) -> u64 {
        if self.rng.chance(percent) { 1 + self.rng.below(most) } else { 0 }
    }

    fn machine(&mut self, who: Who) {
        for _ in 0..self.often(50, 12) {
            let steps = self.rng.below(40);
            self.add(Fault::PowerCut(who, steps));
        }
        for _ in 0..self.often(30, 8) {
            self.add(Fault::Kill(who));
        }
        if self.rng.chance(30) {
            let often = 1 + self.rng.below(150);
            self.faults.push((self.plan.start, Fault::Fragile(who, often)));
        }
        for _ in 0..self.often(20, 3) {
            let span = below(self.rng, 12 * HOUR);
            // A gateway whose disk is full lets go early of what the cloud has.
            if who != Who::Cloud && restores(&self.faults) {
                continue;
            }
            let from = self.add(Fault::Full(who, span));
            self.faults.push((from + span, Fault::Well(who)));
        }
        for _ in 0..self.often(25, 6) {
            let (steps, times) = (self.rng.below(20), 1 + self.rng.below(4));
            self.add(Fault::Io(who, steps, u32::try_from(times).unwrap_or(1)));
        }
        for _ in 0..self.often(30, 8) {
            let (reads, times) = (self.rng.below(30), 1 + self.rng.below(UNREADABLE_TIMES));
            self.add(Fault::Unreadable(who, reads, u32::try_from(times).unwrap_or(1)));
        }
    }

    fn kills(&mut self, who: Who) {
        for _ in 0..self.often(30, 10) {
            let steps = self.rng.below(40);
            self.add(Fault::KillStep(who, steps));
        }
    }

    fn flood(&mut self, gateway: usize) {
        // Where it could take a whole journal, often.
        let percent = if self.plan.journal_max < 1 << 20 { 30 } else { 8 };
        for _ in 0..self.often(percent, 2) {
            self.add(Fault::Flood(gateway));
        }
    }

    fn disk_damage(&mut self, gateway: usize) {
        for _ in 0..self.often(15, 3) {
            let moment = self.add(Fault::DamageRow(gateway));
            // Only what is still to be passed on is read again.
            self.faults.push((moment - 9 * HOUR, Fault::CutRoad(gateway, 10 * HOUR)));
        }
        for _ in 0..self.often(10, 2) {
            let fault = if self.rng.chance(60) { Fault::ZeroLive(gateway) } else { Fault::FlipLive(gateway) };
            let moment = self.add(fault);
            self.faults.push((moment - 9 * HOUR, Fault::CutRoad(gateway, 10 * HOUR)));
        }
        let one = self.rng.below(100);
        match one {
            0..12 => {
                let fault = if one < 4 { Fault::CutFile(gateway) } else { Fault::ZeroFile(gateway) };
                let moment = self.add(fault);
                // What the cloud has already is no loss.
                if self.rng.chance(60) {
                    self.faults.push((moment - 9 * HOUR, Fault::CutRoad(gateway, 10 * HOUR)));
                }
            }
            // Some disks are damaged again and again.
            12..15 => (0..=self.rng.below(6)).for_each(|_| _ = self.add(Fault::Garbage(gateway))),
            15..18 => {
                let from = self.add(Fault::Newer(gateway));
                self.faults.push((from + 2 * HOUR, Fault::Older(gateway)));
            }
            _ => {}
        }
    }

    /// Clocks and people. Not combined is what nobody could be blamed for: a wrong clock and an uplink that says no dates; a
    /// cloud put back when a gateway has let go of what it lacks, for want of room or by a clock years ahead. Nor is
    /// what the custody mark is known not to see (docs/PROTOCOL.md): a journal put back, and then the cloud, too.
    fn people(&mut self, gateway: usize) {
        let full = |(_, fault): &(Millis, Fault)| matches!(fault, Fault::Full(Who::Gateway(_), _));
        let prunes = self.plan.journal_max < 1 << 20
            || self.plan.keep < std::time::Duration::from_secs(864_000)
            || self.faults.iter().any(full);
        let restores = restores(&self.faults);
        let mut kinds = Vec::new();
        if !self.plan.text_uplink && !restores {
            kinds.push(0);
        }
        if !self.plan.text_uplink && !prunes && gateway == 0 {
            kinds.push(1);
        }
        if !restores {
            kinds.push(2);
        }
        kinds.extend([3, 4, 5]);
        let kind = kinds.get(usize::try_from(self.rng.below(kinds.len() as u64)).unwrap_or(0)).copied();
        match kind {
            Some(0) => self.clock(gateway),
            Some(1) => {
                let from = self.add(Fault::Backup);
                let span = below(self.rng, 7 * DAY);
                self.faults.push(((from + span).min(self.plan.calm() - HOUR), Fault::Restore));
            }
            Some(2) => {
                let from = self.add(Fault::Copy(gateway));
                let span = below(self.rng, 5 * DAY);
                self.faults.push(((from + span).min(self.plan.calm() - HOUR), Fault::PutBack(gateway)));
            }
            Some(3) => _ = self.add(Fault::Replace(gateway)),
            _ => {}
        }
        for _ in 0..self.often(20, 4) {
            self.add(Fault::Roster(gateway));
        }
    }

    fn clock(&mut self, gateway: usize) {
        for _ in 0..self.often(90, 3) {
            let far = match self.rng.below(10) {
                0..4 => HOUR,
                4..8 => 3 * DAY,
                _ => 900 * DAY,
            };
            let by = below(self.rng, 2 * far) - far;
            let from = self.add(Fault::Clock(gateway, by));
            let span = below(self.rng, 2 * DAY);
            // What was dated rightly and what was not then go to the cloud together.
            if self.rng.chance(50) {
                self.faults.push((
                    from - 6 * HOUR,
                    Fault::CutRoad(gateway, 8 * HOUR + below(self.rng, span.min(16 * HOUR))),
                ));
            }
            self.faults.push((from + span, Fault::ClockRight(gateway)));
        }
    }

    fn ahead(&mut self, gateway: usize) {
        let meter = place(self.rng, self.plan.meters.len());
        let Some(meter) = self.plan.meters.get(meter) else { return };
        let days = Millis::from(self.plan.days);
        let day = self.plan.start.div_euclid(DAY) + 1 + below(self.rng, days - 1);
        let sends = day * DAY + meter.sends_at;
        // Nearer than what is forgotten, and farther than the meter's next attempts.
        let by = 3 * HOUR + below(self.rng, 12 * HOUR);
        self.faults.push((sends - MINUTE, Fault::Clock(gateway, by)));
        let right = sends + MINUTE + below(self.rng, 20 * MINUTE);
        self.faults.push((right, Fault::ClockRight(gateway)));
        // It has sent, and hears nothing.
        let span = 20 * MINUTE + below(self.rng, HOUR);
        self.faults.push((sends + 1, Fault::CutLine(gateway, span)));
    }

    fn network(&mut self, gateway: usize) {
        for _ in 0..self.often(25, 3) {
            let span = below(self.rng, 2 * DAY);
            self.add(Fault::CutLine(gateway, span));
        }
        for _ in 0..self.often(35, 3) {
            let far = if self.rng.chance(8) { 7 * DAY } else { 8 * HOUR };
            let span = below(self.rng, far);
            self.add(Fault::CutRoad(gateway, span));
        }
    }
}

/// Whether the cloud is put back to a backup.
pub(super) fn restores(faults: &[(Millis, Fault)]) -> bool {
    faults.iter().any(|(_, fault)| matches!(fault, Fault::Restore))
}

/// What a fault leaves to be done later.
pub(super) fn schedule(world: &mut Context, faults: &[(Millis, Fault)]) {
    for (time, fault) in faults.iter().filter(|(time, _)| *time < world.calm) {
        // What would have begun before the world does begins with it.
        world.agenda.at(*time, Event::Fault(fault.clone()));
    }
}
