//! A disk's state, and its steps: each is counted, and may be struck by a fault.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use crate::file::{File, MAX_LENGTH};
use crate::names::{FileId, Names};
use crate::sharing::Sharing;

/// What can strike a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The step fails as on a bad sector.
    Io,
    /// The step fails for want of room.
    Full,
    /// The process is killed during the step: like a power cut, but what was written stays ([`crate::Disk::restart_after_kill`]).
    Kill,
    /// The power fails during the step, and everything after it until a restart.
    PowerCut,
}

/// Faults that really struck, since the disk was mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Power cuts, planned or not.
    pub cuts: u64,
    /// Steps that failed for want of room, planned or because of the capacity.
    pub full: u64,
    /// Steps that failed as on a bad sector.
    pub io: u64,
    /// Reads that failed so.
    pub reads: u64,
    /// Writes of which a power cut left a part.
    pub torn: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Content {
    pub(crate) files: BTreeMap<FileId, File>,
    pub(crate) names: Names,
    next: FileId,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) content: Content,
    /// How the open handles share each file; empty after a restart.
    pub(crate) sharing: BTreeMap<FileId, Sharing>,
    /// Handles of an earlier one are dead.
    pub(crate) generation: u64,
    /// And so are an onlooker's of an earlier one of these: one ends when a program lets go of the shared memory of a file, the machine starts
    /// again, or somebody changes files from outside.
    pub(crate) era: u64,
    pub(crate) off: bool,
    /// It is off because its process was killed.
    pub(crate) killed: bool,
    pub(crate) steps: u64,
    pub(crate) plans: Vec<Plan>,
    /// Reads that were tried.
    pub(crate) reads: u64,
    /// The reads that will fail, as steps of their own: which write fails does not depend on how much is read before.
    pub(crate) unreadable: Range<u64>,
    /// While it is not zero nothing is counted, and no plan strikes.
    pub(crate) quiet: u32,
    pub(crate) capacity: Option<u64>,
    pub(crate) counts: Counts,
}

/// A fault that strikes the steps `from..until`, counted from the mount.
pub(crate) struct Plan {
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) fault: Fault,
}

impl Content {
    pub(crate) fn add(&mut self, file: File) -> FileId {
        self.next += 1;
        self.files.insert(self.next, file);
        self.next
    }

    pub(crate) fn live(&self, path: &Path) -> Option<&File> {
        self.files.get(&self.names.get(path)?)
    }

    /// Bytes of the files that have a name.
    pub(crate) fn used(&self) -> u64 {
        let lengths = self.names.live().filter_map(|(_, id)| self.files.get(&id));
        lengths.map(|file| file.live().len() as u64).sum()
    }
}

impl State {
    pub(crate) fn create(&mut self, path: &Path) -> Result<FileId, Fault> {
        let id = self.content.add(File::default());
        let made = self.change(true, |content| content.names.create(path, id));
        self.forget_if_unnamed(id);
        made.map(|()| id)
    }

    pub(crate) fn write(&mut self, id: FileId, offset: usize, bytes: &[u8]) -> Result<(), Fault> {
        let fits = self.fits(id, offset.saturating_add(bytes.len()));
        self.change(fits, |content| {
            if let Some(file) = content.files.get_mut(&id) {
                file.write(offset, bytes);
            }
        })
    }

    pub(crate) fn truncate(&mut self, id: FileId, length: usize) -> Result<(), Fault> {
        let fits = self.fits(id, length);
        self.change(fits, |content| {
            if let Some(file) = content.files.get_mut(&id) {
                file.truncate(length);
            }
        })
    }

    pub(crate) fn sync(&mut self, id: FileId) -> Result<(), Fault> {
        self.step()?;
        if let Some(file) = self.content.files.get_mut(&id) {
            file.sync();
        }
        Ok(())
    }

    pub(crate) fn delete(&mut self, path: &Path) -> Result<(), Fault> {
        let file = self.content.names.get(path);
        let made = self.change(true, |content| content.names.delete(path));
        if let Some(file) = file {
            self.forget_if_unnamed(file);
        }
        made
    }

    pub(crate) fn rename(&mut self, id: FileId, to: &Path) -> Result<(), Fault> {
        self.change(true, |content| content.names.rename(id, to))
    }

    pub(crate) fn sync_folder(&mut self) -> Result<(), Fault> {
        self.step()?;
        self.content.names.sync();
        self.forget_unnamed();
        Ok(())
    }

    /// Lets go of the files that nobody can reach any more.
    pub(crate) fn forget_unnamed(&mut self) {
        let named = self.content.names.named();
        let sharing = &self.sharing;
        self.content.files.retain(|id, _| named.contains(id) || sharing.contains_key(id));
    }

    /// Lets go of a file if nobody can reach it any more. The others are not looked at: with many names pending that takes long.
    pub(crate) fn forget_if_unnamed(&mut self, id: FileId) {
        if !self.sharing.contains_key(&id) && !self.content.names.lead_to(id) {
            self.content.files.remove(&id);
        }
    }

    /// A program lets go of a file's shared memory.
    pub(crate) fn unmap(&mut self, id: FileId) {
        let Some(sharing) = self.sharing.get_mut(&id) else { return };
        sharing.mapped = sharing.mapped.saturating_sub(1);
        if sharing.mapped == 0 {
            sharing.forget_shm();
            self.era += 1;
        }
    }

    /// Everything that the machine had open is gone.
    pub(crate) fn restart(&mut self) {
        self.generation += 1;
        self.era += 1;
        self.sharing.clear();
        (self.off, self.killed) = (false, false);
        self.forget_unnamed();
    }

    /// Whether the file may be as long as `end`.
    fn fits(&self, id: FileId, end: usize) -> bool {
        let length = self.content.files.get(&id).map_or(0, |file| file.live().len());
        let growth = end.saturating_sub(length) as u64;
        let room = |bytes| self.content.used().saturating_add(growth) <= bytes;
        growth == 0 || (end <= MAX_LENGTH && self.capacity.is_none_or(room))
    }

    /// A change that finds room or not, and that is in flight when the power fails: so it may survive that.
    fn change(&mut self, fits: bool, act: impl FnOnce(&mut Content)) -> Result<(), Fault> {
        let was_off = self.off;
        let step = self.step();
        if step.is_ok() && !fits {
            self.counts.full += 1;
            return Err(Fault::Full);
        }
        let in_flight = matches!(step, Err(Fault::PowerCut | Fault::Kill)) && !was_off;
        if fits && (step.is_ok() || in_flight) {
            act(&mut self.content);
        }
        step
    }

    fn step(&mut self) -> Result<(), Fault> {
        if self.off {
            return Err(Fault::PowerCut);
        }
        if self.quiet > 0 {
            return Ok(());
        }
        let now = self.steps;
        self.steps += 1;
        let striking = self.plans.iter().filter(|plan| plan.from <= now && now < plan.until);
        let worst = striking.map(|plan| plan.fault).max();
        self.plans.retain(|plan| plan.until > now + 1);
        let Some(fault) = worst else { return Ok(()) };
        match fault {
            Fault::Io => self.counts.io += 1,
            Fault::Full => self.counts.full += 1,
            Fault::Kill => (self.off, self.killed) = (true, true),
            Fault::PowerCut => self.cut_power(),
        }
        Err(fault)
    }

    /// Before something is read: whether it can be. What fails gives nothing, never a part that looks like all.
    pub(crate) fn read(&mut self) -> Result<(), Fault> {
        if self.off {
            return Err(Fault::PowerCut);
        }
        if self.quiet > 0 {
            return Ok(());
        }
        let now = self.reads;
        self.reads += 1;
        if self.unreadable.contains(&now) {
            self.counts.reads += 1;
            return Err(Fault::Io);
        }
        Ok(())
    }

    pub(crate) fn cut_power(&mut self) {
        self.counts.cuts += u64::from(!self.off);
        self.off = true;
    }
}
