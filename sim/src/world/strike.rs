//! How a fault strikes.

use super::{
    World,
    agenda::{DAY, Millis},
    faults::{Fault, Who},
    machine::Reports,
};
use fieldpost_core::DeviceId;
use fieldpost_simdisk::Fault as DiskFault;

impl World {
    /// Lets a fault happen.
    pub(super) fn strike(&mut self, fault: &Fault) {
        let now = self.shared.now();
        self.shared.trace(|| format!("FAULT {fault:?}"));
        match *fault {
            Fault::PowerCut(who, steps) => self.machine(who).disk.plan(steps, DiskFault::PowerCut, 1),
            Fault::KillStep(who, steps) => self.machine(who).disk.plan(steps, DiskFault::Kill, 1),
            Fault::FloodCloud => super::hostile::flood(&mut self.shared),
            Fault::Tight(gateway) => self.gateways[gateway].tighten(&mut self.shared),
            Fault::Flood(gateway) => super::refused::flood(&mut self.shared, &mut self.gateways[gateway]),
            Fault::Kill(who) => self.kill(who, "is killed"),
            Fault::Fragile(who, often) => self.machine(who).fragile = often,
            Fault::Full(who, _) => self.fill(who),
            Fault::Io(who, steps, times) => {
                self.machine(who).disk.plan(steps, DiskFault::Io, times);
            }
            Fault::Unreadable(who, reads, times) => self.machine(who).disk.plan_reads(reads, times),
            Fault::Well(who) => self.machine(who).disk.set_capacity(None),
            Fault::Clock(gateway, by) => {
                self.shared.counts.others += 1;
                self.shared.oracle.custody(gateway).prunes |= by.abs() > DAY;
                self.set_clock(gateway, by);
            }
            Fault::ClockRight(gateway) => self.set_clock(gateway, 0),
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
                self.gateways[gateway].findings.clear();
                self.gateways[gateway].machine.reports = Reports::default();
                self.gateways[gateway].machine.newer = false;
                self.shared.oracle.custody(gateway).abandon();
            }
            Fault::Copy(gateway) if self.gateways[gateway].is_running() => {
                if self.shared.oracle.custody(gateway).in_limbo() {
                    return;
                }
                let snapshot = self.gateways[gateway].machine.disk.snapshot();
                let custody = self.shared.oracle.custody(gateway).clone();
                let reports = self.gateways[gateway].machine.reports.clone();
                self.gateways[gateway].copy = Some((snapshot, custody, reports));
            }
            Fault::PutBack(gateway) => {
                let Some((snapshot, custody, reports)) = self.gateways[gateway].copy.take() else { return };
                self.gateways[gateway].kill(&mut self.shared, "gets an old journal back");
                self.gateways[gateway].machine.disk.restore(&snapshot);
                self.gateways[gateway].findings.clear();
                self.gateways[gateway].machine.reports = reports;
                self.gateways[gateway].machine.newer = false;
                // The disk may be as full as it was.
                let prunes = self.shared.oracle.custody(gateway).prunes;
                *self.shared.oracle.custody(gateway) = custody;
                self.shared.oracle.custody(gateway).prunes |= prunes;
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

    fn set_clock(&mut self, gateway: usize, ahead: Millis) {
        let now = self.shared.now();
        let before = std::mem::replace(&mut self.gateways[gateway].clock, ahead);
        self.shared.oracle.custody(gateway).clock_changed(now + before, now + ahead);
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
        (0..self.gateways.len()).for_each(|gateway| self.set_clock(gateway, 0));
        // What nobody has read again since it was damaged is found by a start.
        for gateway in self.gateways.iter_mut().filter(|gateway| gateway.is_torn()) {
            gateway.kill(&mut self.shared, "is restarted");
        }
    }
}
