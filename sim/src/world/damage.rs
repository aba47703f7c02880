//! What happens to a journal's file: damage, while its gateway is off or beneath it, and another version.

use super::{World, faults::UNREADABLE_TIMES, oracle::Seq, page};
use crate::rng::Rng;
use fieldpost_simdisk::Fault as DiskFault;
use rusqlite::Connection;

impl World {
    /// A page that holds rows is zeroes; what stands on the others must be saved.
    pub(super) fn zero_page(&mut self, gateway: usize) -> bool {
        self.take_apart(gateway, "has a bad sector");
        let machine = &mut self.gateways[gateway].machine;
        let Ok(surveys) = machine.fold_and_read() else { return false };
        let Some(mut bytes) = machine.disk.read(&machine.file()) else { return false };
        let rng = &mut self.shared.rng;
        let leaves = page::leaves(&bytes, rng.chance(75));
        let place = usize::try_from(rng.below(leaves.len() as u64)).unwrap_or(0);
        // What was written last is what is written oftenest.
        let place = if rng.chance(30) { leaves.len().saturating_sub(1) } else { place };
        let Some(number) = leaves.get(place) else { return false };
        let sector = bytes.iter_mut().skip(number * page::SIZE).take(page::SIZE);
        let lost: Vec<u8> = sector.map(std::mem::take).collect();
        let spared = surveys.iter().filter(|(seq, records)| !page::holds(&lost, *seq, records));
        let spared = spared.map(|(seq, _)| *seq).collect();
        machine.disk.write(&machine.file(), bytes);
        self.disturb(gateway);
        let custody = self.shared.oracle.custody(gateway);
        (custody.damaged, custody.spared) = (true, spared);
        true
    }

    /// A page with surveys that wait becomes zeroes while its gateway runs, which has nothing of the file in memory any more: its uplink
    /// or its next commit finds out, and what stands on the other pages must be saved.
    pub(super) fn zero_beneath(&mut self, gateway: usize) -> bool {
        if !self.is_sound(gateway) {
            return false;
        }
        let machine = &mut self.gateways[gateway].machine;
        machine.on_the_desk();
        let held = machine.held_through();
        let Ok(surveys) = machine.stir().and_then(|()| machine.fold_and_read()) else { return false };
        let Some(mut bytes) = machine.disk.read(&machine.file()) else { return false };
        let waits = |number: &usize| {
            let page = bytes.get(number * page::SIZE..).unwrap_or_default();
            let page = page.get(..page::SIZE).unwrap_or_default();
            surveys.iter().any(|(seq, records)| *seq > held && page::holds(page, *seq, records))
        };
        let leaves: Vec<_> = page::leaves(&bytes, true).into_iter().filter(waits).collect();
        let place = usize::try_from(self.shared.rng.below(leaves.len() as u64)).unwrap_or(0);
        let Some(number) = leaves.get(place) else { return false };
        let sector = bytes.iter_mut().skip(number * page::SIZE).take(page::SIZE);
        let lost: Vec<u8> = sector.map(std::mem::take).collect();
        let spared = surveys.iter().filter(|(seq, records)| !page::holds(&lost, *seq, records));
        let spared = spared.map(|(seq, _)| *seq).collect();
        machine.disk.write(&machine.file(), bytes);
        if let Some(running) = &mut self.gateways[gateway].running {
            running.torn = true;
        }
        let custody = self.shared.oracle.custody(gateway);
        (custody.damaged, custody.spared) = (true, spared);
        true
    }

    /// Whether a gateway runs, and all is known of its journal.
    fn is_sound(&mut self, gateway: usize) -> bool {
        let custody = self.shared.oracle.custody(gateway);
        let known = !custody.in_limbo() && !custody.damaged;
        known && self.gateways[gateway].is_running() && !self.gateways[gateway].is_torn()
    }

    /// The file ends somewhere; what stands before, on pages that the table still leads to, must be saved.
    pub(super) fn cut_file(&mut self, gateway: usize) -> bool {
        self.take_apart(gateway, "has a damaged file");
        let rng = &mut self.shared.rng;
        let machine = &self.gateways[gateway].machine;
        // Of what a log holds beside the file nothing is demanded; it is there as often as not.
        let surveys = if rng.chance(50) { machine.fold_and_read().unwrap_or_default() } else { Vec::new() };
        let root = machine.root();
        let Some(mut bytes) = machine.disk.read(&machine.file()) else { return false };
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
        true
    }

    /// Another byte in the records of some survey; beneath a gateway that runs, or is killed first.
    pub(super) fn damage_row(&mut self, gateway: usize, runs: bool) -> bool {
        if !runs {
            self.gateways[gateway].kill(&mut self.shared, "has a bad sector");
        } else if !self.is_sound(gateway) {
            return false;
        }
        self.gateways[gateway].machine.on_the_desk();
        let Ok(rows) = self.gateways[gateway].machine.journal() else { return false };
        let held = self.gateways[gateway].machine.held_through();
        // Of what is behind that nobody knows yet whether it is there.
        let known = self.shared.oracle.custody(gateway).last();
        let rows: Vec<_> = rows.into_iter().filter(|(seq, _)| *seq <= known).collect();
        let waiting = rows.iter().any(|(seq, _)| *seq > held);
        let rows: Vec<_> = rows.into_iter().filter(|(seq, _)| !waiting || *seq > held).collect();
        let place = usize::try_from(self.shared.rng.below(rows.len() as u64)).unwrap_or(0);
        let Some((seq, row)) = rows.get(place).filter(|(_, row)| !row.readings.is_empty()) else {
            return false;
        };
        let at = 1 + self.shared.rng.below(40);
        let machine = &mut self.gateways[gateway].machine;
        let Ok(journal) = Connection::open(machine.file()) else { return false };
        let damage = "UPDATE surveys SET records = CAST(substr(records, 1, ?2) || x'00' || substr(records, ?2 + 2) AS BLOB) WHERE seq = ?1";
        let done = journal.execute(damage, (seq, i64::try_from(at).unwrap_or(9))).is_ok();
        drop(journal);
        // The byte may have been a zero already.
        let struck = done && machine.journal().is_ok_and(|rows| !rows.contains_key(seq));
        if struck {
            // While it runs, it may have read it before.
            if *seq > held && !runs {
                machine.reports.due.push(*seq);
            } else {
                machine.reports.perhaps += 1;
            }
            self.shared.trace(|| format!("survey {seq} of {} is damaged", row.device));
            let custody = self.shared.oracle.custody(gateway);
            custody.damage(*seq);
        }
        struck
    }

    pub(super) fn damage_file(
        &mut self,
        gateway: usize,
        damage: impl FnOnce(&mut Rng, &mut Vec<u8>),
    ) -> bool {
        self.take_apart(gateway, "has a damaged file");
        let machine = &mut self.gateways[gateway].machine;
        let path = machine.file();
        let Some(mut bytes) = machine.disk.read(&path) else { return false };
        damage(&mut self.shared.rng, &mut bytes);
        machine.disk.write(&path, bytes);
        self.disturb(gateway);
        let custody = self.shared.oracle.custody(gateway);
        // Damage that came before, and that nobody has looked at yet, had spared some that this one did not.
        custody.spared.clear();
        custody.damaged = true;
        true
    }

    /// Its file is about to be damaged.
    fn take_apart(&mut self, gateway: usize, why: &str) {
        self.gateways[gateway].kill(&mut self.shared, why);
        self.gateways[gateway].machine.on_the_desk();
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

    pub(super) fn set_version(&mut self, gateway: usize, version: i64) -> bool {
        self.gateways[gateway].kill(&mut self.shared, "has another version's journal");
        self.gateways[gateway].machine.on_the_desk();
        let machine = &mut self.gateways[gateway].machine;
        if machine.disk.exists(&machine.file())
            && let Ok(journal) = Connection::open(machine.file())
            && journal.pragma_update(None, "user_version", version).is_ok()
        {
            return std::mem::replace(&mut machine.newer, version > 1) != machine.newer;
        }
        false
    }
}
