//! How a fault strikes.

use super::{
    World,
    agenda::{DAY, Millis},
    faults::{Fault, Who},
    machine::Reports,
    tally::Strike,
};
use fieldpost_core::DeviceId;
use fieldpost_simdisk::Fault as DiskFault;

impl World {
    /// Lets a fault happen. It is counted here if that can be said at once; else where it strikes.
    pub(super) fn strike(&mut self, fault: &Fault) {
        self.shared.trace(|| format!("FAULT {fault:?}"));
        let struck = match *fault {
            Fault::Clock(gateway, by) => {
                self.shared.oracle.custody(gateway).prunes |= by.abs() > DAY;
                self.set_clock(gateway, by)
            }
            Fault::ClockRight(gateway) => self.set_clock(gateway, 0),
            Fault::Kill(who) => self.kill(who, "is killed"),
            Fault::Well(who) => self.is_well(who),
            Fault::Tight(gateway) => self.gateways[gateway].tighten(&mut self.shared),
            Fault::FloodCloud => self.flood_cloud(),
            Fault::Flood(gateway) => super::refused::flood(&mut self.shared, &mut self.gateways[gateway]),
            Fault::Backup => self.back_up(),
            Fault::Restore => self.restore(),
            Fault::Roster(gateway) => self.change_roster(gateway),
            Fault::Replace(gateway) => self.replace(gateway),
            Fault::Copy(gateway) => self.copy(gateway),
            Fault::PutBack(gateway) => self.put_back(gateway),
            _ => self.damage(fault) || self.prepare(fault),
        };
        self.shared.counts.hits(Strike::of(fault), u64::from(struck));
    }

    /// What strikes later, if it does.
    fn prepare(&mut self, fault: &Fault) -> bool {
        let now = self.shared.now();
        match *fault {
            Fault::PowerCut(who, steps) => self.machine(who).disk.plan(steps, DiskFault::PowerCut, 1),
            Fault::KillStep(who, steps) => self.machine(who).disk.plan(steps, DiskFault::Kill, 1),
            Fault::Fragile(who, often) => self.machine(who).fragile = often,
            Fault::Full(who, _) => self.fill(who),
            Fault::Io(who, steps, times) => self.machine(who).disk.plan(steps, DiskFault::Io, times),
            Fault::Unreadable(who, reads, times) => self.machine(who).disk.plan_reads(reads, times),
            Fault::CutLine(gateway, span) => self.shared.line_cut[gateway] = now + span,
            Fault::CutRoad(gateway, span) => self.shared.road_cut[gateway] = now + span,
            _ => {}
        }
        false
    }

    /// What damages a journal. Whether it did.
    fn damage(&mut self, fault: &Fault) -> bool {
        match *fault {
            Fault::DamageRow(gateway) => self.damage_row(gateway, false),
            Fault::FlipLive(gateway) => self.damage_row(gateway, true),
            Fault::ZeroLive(gateway) => self.zero_beneath(gateway),
            Fault::CutFile(gateway) => self.cut_file(gateway),
            Fault::ZeroFile(gateway) => self.zero_page(gateway),
            // Nothing is left of which it could be said that it must be saved.
            Fault::Garbage(gateway) => self.damage_file(gateway, |rng, bytes| {
                bytes.iter_mut().for_each(|byte| *byte = rng.below(256).to_le_bytes()[0]);
            }),
            Fault::Newer(gateway) => self.set_version(gateway, 99),
            Fault::Older(gateway) => self.set_version(gateway, 1),
            _ => false,
        }
    }

    fn change_roster(&mut self, gateway: usize) -> bool {
        let some: Vec<DeviceId> = self.meters.iter().map(|meter| meter.id.clone()).collect();
        let rng = &mut self.shared.rng;
        let roster: Vec<DeviceId> = some.into_iter().filter(|_| rng.chance(60)).collect();
        let before = std::mem::replace(&mut self.gateways[gateway].roster, roster);
        self.gateways[gateway].kill(&mut self.shared, "gets another roster");
        before != self.gateways[gateway].roster
    }

    fn replace(&mut self, gateway: usize) -> bool {
        self.gateways[gateway].kill(&mut self.shared, "is replaced");
        let disk = &self.gateways[gateway].machine.disk;
        disk.list().iter().for_each(|path| disk.delete(path));
        self.gateways[gateway].copy = None;
        self.gateways[gateway].findings.clear();
        self.gateways[gateway].machine.reports = Reports::default();
        self.gateways[gateway].machine.newer = false;
        self.shared.oracle.custody(gateway).abandon();
        true
    }

    fn copy(&mut self, gateway: usize) -> bool {
        if !self.gateways[gateway].is_running() || self.shared.oracle.custody(gateway).in_limbo() {
            return false;
        }
        let snapshot = self.gateways[gateway].machine.disk.snapshot();
        let custody = self.shared.oracle.custody(gateway).clone();
        let reports = self.gateways[gateway].machine.reports.clone();
        self.gateways[gateway].copy = Some((snapshot, custody, reports));
        true
    }

    fn put_back(&mut self, gateway: usize) -> bool {
        let Some((snapshot, custody, reports)) = self.gateways[gateway].copy.take() else { return false };
        self.gateways[gateway].kill(&mut self.shared, "gets an old journal back");
        self.gateways[gateway].machine.disk.restore(&snapshot);
        self.gateways[gateway].findings.clear();
        self.gateways[gateway].machine.reports = reports;
        self.gateways[gateway].machine.newer = false;
        // The disk may be as full as it was.
        let prunes = self.shared.oracle.custody(gateway).prunes;
        *self.shared.oracle.custody(gateway) = custody;
        self.shared.oracle.custody(gateway).prunes |= prunes;
        true
    }

    fn flood_cloud(&mut self) -> bool {
        super::hostile::flood(&mut self.shared);
        self.cloud.is_running()
    }

    /// A disk is as large as ever again. Whether it was not.
    fn is_well(&mut self, who: Who) -> bool {
        let disk = &self.machine(who).disk;
        let before = disk.free().ok();
        disk.set_capacity(None);
        before != disk.free().ok()
    }

    fn kill(&mut self, who: Who, how: &str) -> bool {
        let runs = match who {
            Who::Gateway(gateway) => self.gateways[gateway].is_running(),
            Who::Cloud => self.cloud.is_running(),
        };
        match who {
            Who::Gateway(gateway) => self.gateways[gateway].kill(&mut self.shared, how),
            Who::Cloud => self.cloud.kill(&mut self.shared, how),
        }
        runs
    }

    fn fill(&mut self, who: Who) {
        let room = self.shared.rng.below(20_000);
        let machine = self.machine(who);
        let used: u64 = machine.disk.list().iter().map(|path| machine.disk.length(path)).sum();
        machine.disk.set_capacity(Some(used + room));
        if let Who::Gateway(gateway) = who {
            self.shared.oracle.custody(gateway).prunes = true;
            self.gateways[gateway].free_at_first = room;
        }
    }

    fn back_up(&mut self) -> bool {
        if !self.cloud.is_running() {
            return false;
        }
        self.cloud.look(&mut self.shared);
        let copy = (self.cloud.machine.disk.snapshot(), self.shared.oracle.backup());
        self.cloud.backup = Some(copy);
        true
    }

    fn restore(&mut self) -> bool {
        let Some((snapshot, model)) = self.cloud.backup.take() else { return false };
        self.cloud.kill(&mut self.shared, "gets an old store back");
        self.cloud.machine.disk.restore(&snapshot);
        self.shared.oracle.restored(model);
        true
    }

    fn set_clock(&mut self, gateway: usize, ahead: Millis) -> bool {
        let now = self.shared.now();
        let before = std::mem::replace(&mut self.gateways[gateway].clock, ahead);
        self.shared.oracle.custody(gateway).clock_changed(now + before, now + ahead);
        before != ahead
    }

    /// Everything is well from now on.
    pub(super) fn calm_down(&mut self) {
        self.shared.trace(|| "all faults stop".into());
        let now = self.shared.now();
        self.shared.line = super::network::Line::good();
        self.shared.road = super::network::Road::good();
        self.shared.hostile = 0;
        self.shared.line_cut.fill(now);
        self.shared.road_cut.fill(now);
        for who in (0..self.gateways.len()).map(Who::Gateway).chain([Who::Cloud]) {
            let machine = self.machine(who);
            machine.disk.clear_plans();
            machine.disk.set_capacity(None);
            machine.fragile = 0;
        }
        self.gateways.iter_mut().for_each(|gateway| gateway.bursts = 0);
        (0..self.gateways.len()).for_each(|gateway| _ = self.set_clock(gateway, 0));
        // What nobody has read again since it was damaged is found by a start.
        for gateway in self.gateways.iter_mut().filter(|gateway| gateway.is_torn()) {
            gateway.kill(&mut self.shared, "is restarted");
        }
    }
}
