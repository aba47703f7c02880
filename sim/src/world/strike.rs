//! How a fault strikes.

use super::{
    World,
    agenda::{DAY, HOUR, MINUTE, Millis, SECOND},
    faults::{Fault, Who},
    page,
};
use crate::rng::Rng;
use fieldpost_core::DeviceId;
use fieldpost_simdisk::Fault as DiskFault;
use rusqlite::Connection;

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
            Fault::Flood(gateway) => super::refused::flood(&mut self.shared, gateway),
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
        let done = journal.execute(damage, (seq, i64::try_from(at).unwrap_or(9))).is_ok();
        drop(journal);
        // The byte may have been a zero already.
        if done && machine.journal().is_ok_and(|rows| !rows.contains_key(seq)) {
            if *seq > held {
                machine.reportable.push(*seq);
            }
            self.shared.trace(|| format!("survey {seq} of {} is damaged", row.device));
            let custody = self.shared.oracle.custody(gateway);
            custody.excuse(*seq, "damaged");
            // Its copies are taken as new.
            custody.forgetful = true;
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
        // What is found then must survive a start that is cut short.
        if self.shared.rng.chance(50) {
            machine.disk.plan(self.shared.rng.below(80), DiskFault::PowerCut, 1);
        }
        self.shared.oracle.custody(gateway).damaged = true;
    }

    fn set_version(&mut self, gateway: usize, trouble: Millis, version: i64) {
        self.gateways[gateway].kill(&mut self.shared, "has another version's journal");
        self.gateways[gateway].machine.on_the_desk();
        let until = self.shared.now() + trouble;
        let machine = &mut self.gateways[gateway].machine;
        machine.troubled_until = machine.troubled_until.max(until);
        if machine.disk.exists(&machine.file())
            && let Ok(journal) = Connection::open(machine.file())
        {
            let _ = journal.pragma_update(None, "user_version", version);
        }
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
            // What goes wrong now has no excuse, but for a failure that is being recovered from.
            machine.troubled_until = now + 10 * SECOND;
        }
        self.gateways.iter_mut().for_each(|gateway| gateway.clock = 0);
    }
}
