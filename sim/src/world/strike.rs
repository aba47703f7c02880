//! How a fault strikes.

use super::{
    World,
    agenda::{DAY, Millis},
    faults::{Fault, UNREADABLE_TIMES, Who},
    oracle::Seq,
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
            Fault::DamageRow(gateway) => self.damage_row(gateway),
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
                self.gateways[gateway].machine.reportable.clear();
                self.gateways[gateway].machine.newer = false;
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
                self.gateways[gateway].machine.newer = false;
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

    fn fill(&mut self, who: Who) {
        let room = self.shared.rng.below(20_000);
        let machine = self.machine(who);
        let used: u64 = machine.disk.list().iter().map(|path| machine.disk.length(path)).sum();
        machine.disk.set_capacity(Some(used + room));
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
        self.take_apart(gateway, "has a bad sector");
        let machine = &mut self.gateways[gateway].machine;
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
        self.disturb(gateway);
        let custody = self.shared.oracle.custody(gateway);
        (custody.damaged, custody.spared) = (true, spared);
    }

    /// The file ends somewhere; what stands before, on pages that the table still leads to, must be saved.
    fn cut_file(&mut self, gateway: usize) {
        self.take_apart(gateway, "has a damaged file");
        let rng = &mut self.shared.rng;
        let machine = &self.gateways[gateway].machine;
        // Of what a log holds beside the file nothing is demanded; it is there as often as not.
        let surveys = if rng.chance(50) { machine.fold_and_read().unwrap_or_default() } else { Vec::new() };
        let root = machine.root();
        let Some(mut bytes) = machine.disk.read(&machine.file()) else { return };
        // One in four leaves nothing at all.
        let length = rng.below(bytes.len() as u64 + 1).saturating_sub(bytes.len() as u64 / 4);
        bytes.truncate(usize::try_from(length).unwrap_or(0));
        let leaves: Vec<_> = root.map(|root| page::reachable(&bytes, root)).unwrap_or_default();
        let stands =
            |(seq, records): &&(Seq, Vec<u8>)| leaves.iter().any(|leaf| page::holds(leaf, *seq, records));
        let spared = surveys.iter().filter(stands).map(|(seq, _)| *seq).collect();
        machine.disk.write(&machine.file(), bytes);
        self.disturb(gateway);
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
            custody.damage(*seq);
        }
    }

    fn damage_file(&mut self, gateway: usize, damage: impl FnOnce(&mut Rng, &mut Vec<u8>)) {
        self.take_apart(gateway, "has a damaged file");
        let machine = &mut self.gateways[gateway].machine;
        let path = machine.file();
        let Some(mut bytes) = machine.disk.read(&path) else { return };
        damage(&mut self.shared.rng, &mut bytes);
        machine.disk.write(&path, bytes);
        self.disturb(gateway);
        self.shared.oracle.custody(gateway).damaged = true;
    }

    /// Its file is about to be damaged: whether single rows of it were before is then no question any more.
    fn take_apart(&mut self, gateway: usize, why: &str) {
        self.gateways[gateway].kill(&mut self.shared, why);
        self.gateways[gateway].machine.on_the_desk();
        self.gateways[gateway].machine.reportable.clear();
    }

    /// What is found and saved after damage must survive a start that is cut short, and a disk that cannot be read for a moment.
    fn disturb(&mut self, gateway: usize) {
        let rng = &mut self.shared.rng;
        let disk = &self.gateways[gateway].machine.disk;
        if rng.chance(50) {
            disk.plan(rng.below(80), DiskFault::PowerCut, 1);
        }
        if rng.chance(40) {
            let times = 1 + rng.below(UNREADABLE_TIMES);
            disk.plan_reads(rng.below(100), u32::try_from(times).unwrap_or(1));
        }
    }

    fn set_clock(&mut self, gateway: usize, ahead: Millis) {
        if std::mem::replace(&mut self.gateways[gateway].clock, ahead) != ahead {
            self.shared.oracle.custody(gateway).clock_changed();
        }
    }

    fn set_version(&mut self, gateway: usize, version: i64) {
        self.gateways[gateway].kill(&mut self.shared, "has another version's journal");
        self.gateways[gateway].machine.on_the_desk();
        let machine = &mut self.gateways[gateway].machine;
        if machine.disk.exists(&machine.file())
            && let Ok(journal) = Connection::open(machine.file())
            && journal.pragma_update(None, "user_version", version).is_ok()
        {
            machine.newer = version > 1;
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
        }
        (0..self.gateways.len()).for_each(|gateway| self.set_clock(gateway, 0));
    }
}
