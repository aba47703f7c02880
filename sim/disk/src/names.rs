//! The names of a disk's files: what the kernel shows, what the platter has, and what is between the two.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// A file, whatever its name.
pub(crate) type FileId = u64;

/// Changes of names that wait for a sync of the folder; the kernel writes back the oldest beyond it.
const MAX_PENDING: usize = 16_384;

#[derive(Clone, Default)]
pub(crate) struct Names {
    live: BTreeMap<PathBuf, FileId>,
    durable: BTreeMap<PathBuf, FileId>,
    pending: VecDeque<Change>,
}

#[derive(Clone)]
enum Change {
    Create(PathBuf, FileId),
    Delete(PathBuf),
    Rename(PathBuf, FileId),
}

impl Names {
    pub(crate) fn get(&self, path: &Path) -> Option<FileId> {
        self.live.get(path).copied()
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = (&Path, FileId)> {
        self.live.iter().map(|(path, id)| (path.as_path(), *id))
    }

    pub(crate) fn create(&mut self, path: &Path, id: FileId) {
        self.push(Change::Create(path.into(), id));
    }

    pub(crate) fn delete(&mut self, path: &Path) {
        self.push(Change::Delete(path.into()));
    }

    /// Replaces what has the name `to`.
    pub(crate) fn rename(&mut self, id: FileId, to: &Path) {
        self.push(Change::Rename(to.into(), id));
    }

    pub(crate) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Which of the pending changes survive is `choose`'s.
    pub(crate) fn cut_power(&mut self, choose: &mut dyn FnMut(u64) -> u64) {
        for change in std::mem::take(&mut self.pending) {
            if choose(2) != 0 {
                change.apply(&mut self.durable);
            }
        }
        self.live.clone_from(&self.durable);
    }

    /// Whether the file has a name, or may have one after a power cut.
    pub(crate) fn lead_to(&self, id: FileId) -> bool {
        let pending = self.pending.iter().filter_map(Change::file);
        self.live.values().chain(self.durable.values()).copied().chain(pending).any(|file| file == id)
    }

    /// The files that have a name, or may have one after a power cut.
    pub(crate) fn named(&self) -> BTreeSet<FileId> {
        let pending = self.pending.iter().filter_map(Change::file);
        self.live.values().chain(self.durable.values()).copied().chain(pending).collect()
    }

    fn push(&mut self, change: Change) {
        change.apply(&mut self.live);
        if self.pending.len() >= MAX_PENDING
            && let Some(oldest) = self.pending.pop_front()
        {
            oldest.apply(&mut self.durable);
        }
        self.pending.push_back(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, FileId>) {
        match self {
            Self::Create(path, id) => {
                names.insert(path.clone(), *id);
            }
            Self::Delete(path) => {
                names.remove(path);
            }
            // Not by the old name: when an earlier change of it is reverted, that name is another file's.
            Self::Rename(to, id) => {
                names.retain(|_, other| other != id);
                names.insert(to.clone(), *id);
            }
        }
    }

    fn file(&self) -> Option<FileId> {
        match self {
            Self::Create(_, id) | Self::Rename(_, id) => Some(*id),
            Self::Delete(_) => None,
        }
    }
}
