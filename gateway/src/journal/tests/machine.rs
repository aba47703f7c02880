//! A machine whose disk fails: what SQLite and the journal write is in memory (`sim/disk`), and a power cut takes what was not synced.

use super::*;
use fieldpost_simdisk::{Disk as Memory, Fault, install};
use std::io;

/// What goes wrong during a step of the test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    /// So many changes of the disk go well first.
    pub(super) after: u64,
    pub(super) fault: Fault,
    /// Chooses what a power cut leaves of what was not synced.
    pub(super) survivors: u64,
}

/// A machine with a journal that is open.
pub(super) struct Machine {
    disk: Memory,
    /// None only while it is being opened.
    journal: Option<Journal>,
}

impl Machine {
    pub(super) fn new() -> Self {
        install();
        let mut machine = Self { disk: Memory::mount("gateway"), journal: None };
        machine.journal = Some(machine.open(Trust::Whole, at(0)).unwrap());
        machine
    }

    pub(super) fn journal(&mut self) -> &mut Journal {
        self.journal.as_mut().unwrap()
    }

    /// Does `work` in that trouble. If it fails, or the machine does, the journal is opened anew; false if it failed.
    pub(super) fn work(
        &mut self,
        trouble: Option<Trouble>,
        now: UtcInstant,
        work: impl FnOnce(&mut Journal) -> Result<(), JournalError>,
    ) -> bool {
        self.plan(trouble);
        let done = work(self.journal());
        let trust = done.as_ref().map_or_else(Trust::after, |()| Trust::Whole);
        if done.is_err() || self.disk.is_off() {
            self.journal = None;
            self.start(trust, trouble, now);
        }
        self.disk.clear_plans();
        done.is_ok()
    }

    /// Closes the journal and opens it again, in that trouble.
    pub(super) fn reopen(&mut self, trouble: Option<Trouble>, now: UtcInstant) {
        self.plan(trouble);
        let closed = self.journal.take().unwrap().close();
        let trust = closed.as_ref().map_or_else(Trust::after, |()| Trust::Whole);
        match self.open(trust, now) {
            Ok(journal) if !self.disk.is_off() => self.journal = Some(journal),
            failed => {
                let trust = failed.as_ref().map_or_else(Trust::after, |_| trust);
                drop(failed);
                self.start(trust, trouble, now);
            }
        }
        self.disk.clear_plans();
    }

    /// The power goes between two steps.
    pub(super) fn cut(&mut self, survivors: u64, now: UtcInstant) {
        self.disk.cut_power();
        self.journal = None;
        self.start(Trust::Whole, Some(Trouble { after: 0, fault: Fault::PowerCut, survivors }), now);
    }

    fn plan(&self, trouble: Option<Trouble>) {
        trouble.iter().for_each(|trouble| self.disk.plan(trouble.after, trouble.fault, 1));
    }

    /// Starts without further trouble: then it must go well, and find nothing damaged.
    fn start(&mut self, trust: Trust, trouble: Option<Trouble>, now: UtcInstant) {
        self.disk.clear_plans();
        let mut random = trouble.map_or(0, |trouble| trouble.survivors);
        if self.disk.is_killed() {
            self.disk.restart_after_kill();
        } else if self.disk.is_off() {
            self.disk.restart_after_power_cut(&mut |choices| next(&mut random) % choices.max(1));
        }
        self.journal = Some(self.open(trust, now).unwrap());
    }

    fn open(&self, trust: Trust, now: UtcInstant) -> Result<Journal, JournalError> {
        let (disk, folder) = (Arc::new(InMemory), self.disk.folder());
        let mut findings = Vec::new();
        let journal =
            Journal::open(&Place { disk, folder, limits: LIMITS, random: 7 }, trust, now, &mut findings);
        assert_eq!(findings, [], "nothing was damaged");
        journal
    }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The machine's disk as the journal uses it.
#[derive(Debug)]
struct InMemory;

impl InMemory {
    fn of(path: &Path) -> io::Result<Memory> {
        Memory::find(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl Disk for InMemory {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(Self::of(path)?.look(path)?.is_some())
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(Self::of(path)?.look(path)?.unwrap_or(0))
    }

    fn rest(&self) {}

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Self::of(folder)?.list())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Self::of(from)?.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match Self::of(path)?.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Self::of(folder)?.sync_folder()
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        Self::of(folder)?.free()
    }
}
