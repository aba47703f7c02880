//! What goes wrong: chosen before the world begins, so that one seed is one world.

use super::{
    World,
    agenda::{DAY, HOUR, MINUTE, Millis, SECOND},
    context::{Context, Event},
    page,
    plan::{Plan, below},
};
use crate::rng::Rng;
use fieldpost_core::DeviceId;
use fieldpost_simdisk::Fault as DiskFault;
use rusqlite::Connection;

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
    /// From now on it dies so often of a thousand times between committing and answering.
    Fragile(Who, u64),
    /// The disk is full for a while.
    Full(Who, Millis),
    /// After so many more changes of the disk so many fail.
    Io(Who, u64, u32),
    /// The disk is well again.
    Well(Who),
    /// A survey's bytes change on the disk.
    DamageRow(usize),
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
    list.faults
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
            let from = self.add(Fault::Full(who, span));
            self.faults.push((from + span, Fault::Well(who)));
        }
        for _ in 0..self.often(25, 6) {
            let (steps, times) = (self.rng.below(20), 1 + self.rng.below(4));
            self.add(Fault::Io(who, steps, u32::try_from(times).unwrap_or(1)));
        }
    }

    fn disk_damage(&mut self, gateway: usize) {
        for _ in 0..self.often(15, 3) {
            let moment = self.add(Fault::DamageRow(gateway));
            // Only what is still to be passed on is read again.
            self.faults.push((moment - 9 * HOUR, Fault::CutRoad(gateway, 10 * HOUR)));
        }
        let one = self.rng.below(100);
        match one {
            0..4 => _ = self.add(Fault::CutFile(gateway)),
            4..12 => _ = self.add(Fault::ZeroFile(gateway)),
            12..15 => _ = self.add(Fault::Garbage(gateway)),
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
        let prunes =
            self.plan.journal_max < 1 << 20 || self.plan.keep < std::time::Duration::from_secs(864_000);
        let restores = self.faults.iter().any(|(_, fault)| matches!(fault, Fault::Restore));
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

impl World {
    /// Lets a fault happen.
    pub(super) fn strike(&mut self, fault: &Fault) {
        let now = self.shared.now();
        self.shared.trace(|| format!("FAULT {fault:?}"));
        match *fault {
            Fault::PowerCut(who, steps) => self.machine(who).disk.plan(steps, DiskFault::PowerCut, 1),
            Fault::Kill(who) => self.kill(who, "is killed"),
            Fault::Fragile(who, often) => self.machine(who).fragile = often,
            Fault::Full(who, span) => self.fill(who, span),
            Fault::Io(who, steps, times) => {
                let calm = self.shared.calm;
                let machine = self.machine(who);
                machine.troubled_until = calm;
                machine.disk.plan(steps, DiskFault::Io, times);
            }
            Fault::Well(who) => {
                let machine = self.machine(who);
                machine.disk.set_capacity(None);
                machine.troubled_until = machine.troubled_until.max(now + MINUTE);
            }
            Fault::Clock(gateway, by) => {
                self.shared.counts.others += 1;
                let custody = self.shared.oracle.custody(gateway);
                custody.forgetful = true;
                custody.prunes |= by.abs() > DAY;
                self.gateways[gateway].clock = by;
            }
            Fault::ClockRight(gateway) => self.gateways[gateway].clock = 0,
            Fault::CutLine(gateway, span) => self.shared.line_cut[gateway] = now + span,
            Fault::CutRoad(gateway, span) => self.shared.road_cut[gateway] = now + span,
            Fault::Backup => self.back_up(),
            Fault::Restore => self.restore(),
            _ => self.strike_gateway(fault),
        }
    }

    fn strike_gateway(&mut self, fault: &Fault) {
        self.shared.counts.others += 1;
        match *fault {
            Fault::DamageRow(gateway) => self.damage_row(gateway),
            Fault::CutFile(gateway) => self.damage_file(gateway, |rng, bytes| {
                // One in four leaves nothing at all.
                let length = rng.below(bytes.len() as u64 + 1).saturating_sub(bytes.len() as u64 / 4);
                bytes.truncate(usize::try_from(length).unwrap_or(0));
            }),
            Fault::ZeroFile(gateway) => self.zero_page(gateway),
            Fault::Garbage(gateway) => self.damage_file(gateway, |rng, bytes| {
                bytes.iter_mut().for_each(|byte| *byte = rng.below(256).to_le_bytes()[0]);
            }),
            Fault::Newer(gateway) => self.set_version(gateway, 2 * HOUR + MINUTE, 99),
            Fault::Older(gateway) => self.set_version(gateway, MINUTE, 1),
            Fault::Roster(gateway) => {
                let some: Vec<DeviceId> = self.meters.iter().map(|meter| meter.id.clone()).collect();
                let rng = &mut self.shared.rng;
                self.gateways[gateway].roster = some.into_iter().filter(|_| rng.chance(60)).collect();
                self.gateways[gateway].kill(&mut self.shared, "gets another roster");
            }
            Fault::Replace(gateway) => {
                self.gateways[gateway].kill(&mut self.shared, "is replaced");
                let disk = &self.gateways[gateway].machine.disk;
                disk.list().iter().for_each(|path| disk.delete(path));
                self.gateways[gateway].copy = None;
                self.gateways[gateway].machine.reportable.clear();
                self.shared.oracle.custody(gateway).abandon();
            }
            Fault::Copy(gateway) if self.gateways[gateway].is_running() => {
                if self.shared.oracle.custody(gateway).in_limbo() {
                    return;
                }
                let snapshot = self.gateways[gateway].machine.disk.snapshot();
                let custody = self.shared.oracle.custody(gateway).clone();
                self.gateways[gateway].copy = Some((snapshot, custody));
            }
            Fault::PutBack(gateway) => {
                let Some((snapshot, custody)) = self.gateways[gateway].copy.take() else { return };
                self.gateways[gateway].kill(&mut self.shared, "gets an old journal back");
                self.gateways[gateway].machine.disk.restore(&snapshot);
                self.gateways[gateway].machine.reportable.clear();
                *self.shared.oracle.custody(gateway) = custody;
            }
            _ => {}
        }
    }

    fn kill(&mut self, who: Who, how: &str) {
        match who {
            Who::Gateway(gateway) => self.gateways[gateway].kill(&mut self.shared, how),
            Who::Cloud => self.cloud.kill(&mut self.shared, how),
        }
    }

    fn fill(&mut self, who: Who, span: Millis) {
        let until = self.shared.now() + span + MINUTE;
        let room = self.shared.rng.below(20_000);
        let machine = self.machine(who);
        let used: u64 = machine.disk.list().iter().map(|path| machine.disk.length(path)).sum();
        machine.disk.set_capacity(Some(used + room));
        machine.troubled_until = machine.troubled_until.max(until);
    }

    fn back_up(&mut self) {
        if !self.cloud.is_running() {
            return;
        }
        self.cloud.look(&mut self.shared);
        let copy = (self.cloud.machine.disk.snapshot(), self.shared.oracle.backup());
        self.cloud.backup = Some(copy);
    }

    fn restore(&mut self) {
        self.shared.counts.others += 1;
        let Some((snapshot, model)) = self.cloud.backup.take() else { return };
        self.cloud.kill(&mut self.shared, "gets an old store back");
        self.cloud.machine.disk.restore(&snapshot);
        self.shared.oracle.restored(model);
    }

    /// A page that holds rows is zeroes; what stands on the others must be saved.
    fn zero_page(&mut self, gateway: usize) {
        self.gateways[gateway].kill(&mut self.shared, "has a bad sector");
        self.gateways[gateway].machine.on_the_desk();
        let machine = &mut self.gateways[gateway].machine;
        machine.reportable.clear();
        let Ok(surveys) = machine.fold_and_read() else { return };
        let Some(mut bytes) = machine.disk.read(&machine.file()) else { return };
        let leaves = page::leaves(&bytes);
        let place = usize::try_from(self.shared.rng.below(leaves.len() as u64)).unwrap_or(0);
        let Some(number) = leaves.get(place) else { return };
        let sector = bytes.iter_mut().skip(number * page::SIZE).take(page::SIZE);
        let lost: Vec<u8> = sector.map(std::mem::take).collect();
        let spared = surveys.iter().filter(|(seq, records)| !page::holds(&lost, *seq, records));
        let spared = spared.map(|(seq, _)| *seq).collect();
        machine.disk.write(&machine.file(), bytes);
        let custody = self.shared.oracle.custody(gateway);
        (custody.damaged, custody.spared) = (true, spared);
    }

    /// Another byte in the records of some survey.
    fn damage_row(&mut self, gateway: usize) {
        self.gateways[gateway].kill(&mut self.shared, "has a bad sector");
        self.gateways[gateway].machine.on_the_desk();
        let Ok(rows) = self.gateways[gateway].machine.journal() else { return };
        let held = self.gateways[gateway].machine.held_through();
        let waiting = rows.range(held + 1..).next().is_some();
        let rows: Vec<_> = rows.into_iter().filter(|(seq, _)| !waiting || *seq > held).collect();
        let place = usize::try_from(self.shared.rng.below(rows.len() as u64)).unwrap_or(0);
        let Some((seq, row)) = rows.get(place).filter(|(_, row)| !row.readings.is_empty()) else { return };
        let at = 1 + self.shared.rng.below(40);
        let machine = &mut self.gateways[gateway].machine;
        let Ok(journal) = Connection::open(machine.file()) else { return };
        let damage = "UPDATE surveys SET records = CAST(substr(records, 1, ?2) || x'00' || substr(records, ?2 + 2) AS BLOB) WHERE seq = ?1";
        if journal.execute(damage, (seq, i64::try_from(at).unwrap_or(9))).is_ok() {
            if *seq > held {
                machine.reportable.push(*seq);
            }
            self.shared.trace(|| format!("survey {seq} of {} is damaged", row.device));
            self.shared.oracle.custody(gateway).excuse(*seq, "damaged");
        }
    }

    fn damage_file(&mut self, gateway: usize, damage: impl FnOnce(&mut Rng, &mut Vec<u8>)) {
        self.gateways[gateway].kill(&mut self.shared, "has a damaged file");
        self.gateways[gateway].machine.on_the_desk();
        let machine = &mut self.gateways[gateway].machine;
        machine.reportable.clear();
        let path = machine.file();
        let Some(mut bytes) = machine.disk.read(&path) else { return };
        damage(&mut self.shared.rng, &mut bytes);
        machine.disk.write(&path, bytes);
        self.shared.oracle.custody(gateway).damaged = true;
    }

    fn set_version(&mut self, gateway: usize, trouble: Millis, version: i64) {
        self.gateways[gateway].kill(&mut self.shared, "has another version's journal");
        self.gateways[gateway].machine.on_the_desk();
        let until = self.shared.now() + trouble;
        let machine = &mut self.gateways[gateway].machine;
        machine.troubled_until = machine.troubled_until.max(until);
        if let Ok(journal) = Connection::open(machine.file()) {
            let _ = journal.pragma_update(None, "user_version", version);
        }
    }

    /// Everything is well from now on.
    pub(super) fn calm_down(&mut self) {
        self.shared.trace(|| "all faults stop".into());
        let now = self.shared.now();
        self.shared.line = super::network::Line::good();
        self.shared.road = super::network::Road::good();
        self.shared.line_cut.fill(now);
        self.shared.road_cut.fill(now);
        for who in (0..self.gateways.len()).map(Who::Gateway).chain([Who::Cloud]) {
            let machine = self.machine(who);
            machine.disk.clear_plans();
            machine.disk.set_capacity(None);
            machine.fragile = 0;
            // What goes wrong now has no excuse, but for a failure that is being recovered from.
            machine.troubled_until = now + 10 * SECOND;
        }
        self.gateways.iter_mut().for_each(|gateway| gateway.clock = 0);
    }
}

/// What a fault leaves to be done later.
pub(super) fn schedule(world: &mut Context, faults: &[(Millis, Fault)]) {
    for (time, fault) in faults.iter().filter(|(time, _)| *time < world.calm) {
        // What would have begun before the world does begins with it.
        world.agenda.at(*time, Event::Fault(fault.clone()));
    }
}
