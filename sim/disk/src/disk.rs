//! The disk as a simulated machine, and whoever plans its faults, holds it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::rc::{Rc, Weak};

use crate::names::FileId;
use crate::state::{Counts, Fault, Plan, State};

thread_local! {
    static MOUNTED: RefCell<BTreeMap<String, Weak<RefCell<State>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// A machine's disk. Clones are the same disk. It lives on the thread that mounted it: paths `/<name>/...` are its there.
#[derive(Clone)]
pub struct Disk {
    name: Rc<str>,
    state: Rc<RefCell<State>>,
}

impl Disk {
    /// An empty disk with a name of one path component; it replaces the one that this thread had under the name, and is unmounted when its last clone is dropped.
    pub fn mount(name: &str) -> Self {
        let disk = Self { name: name.into(), state: Rc::default() };
        MOUNTED.with_borrow_mut(|mounted| {
            mounted.retain(|_, state| state.strong_count() > 0);
            let replaced = mounted.insert(name.into(), Rc::downgrade(&disk.state));
            if let Some(old) = replaced.and_then(|state| state.upgrade()) {
                old.borrow_mut().restart();
            }
        });
        disk
    }

    /// The disk of this thread that the path is on, by its first component.
    pub fn find(path: &Path) -> Option<Self> {
        let name = first_component(path)?.to_str()?;
        let state = MOUNTED.try_with(|mounted| mounted.borrow().get(name)?.upgrade()).ok()??;
        Some(Self { name: name.into(), state })
    }

    /// `/<name>`, where the files of this disk are.
    pub fn folder(&self) -> PathBuf {
        Path::new("/").join(&*self.name)
    }

    /// How many bytes the files may have together: writes that would grow them beyond fail with [`Fault::Full`]. At first there is no bound.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.borrow_mut().capacity = bytes;
    }

    /// How many changing steps were taken: writes, truncations, syncs, creations, deletions, renames and folder syncs.
    pub fn steps(&self) -> u64 {
        self.state.borrow().steps
    }

    /// The step after `after_steps` more, and the `times` - 1 following ones, will fail; a power cut lasts until a restart. The
    /// plans that are pending strike independently; of two that strike the same step, the power cut wins, then the kill, then full.
    pub fn plan(&self, after_steps: u64, fault: Fault, times: u32) {
        let mut state = self.state.borrow_mut();
        let from = state.steps.saturating_add(after_steps);
        state.plans.push(Plan { from, until: from.saturating_add(times.into()), fault });
    }

    /// How many reads were tried: of an open file's bytes, and of a file's length by its name.
    pub fn reads(&self) -> u64 {
        self.state.borrow().reads
    }

    /// The read after `after_reads` more, and the `times` - 1 following ones, will fail as on a bad sector, instead of those planned before.
    pub fn plan_reads(&self, after_reads: u64, times: u32) {
        let mut state = self.state.borrow_mut();
        let from = state.reads.saturating_add(after_reads);
        state.unreadable = from..from.saturating_add(times.into());
    }

    /// Forgets all plans.
    pub fn clear_plans(&self) {
        let mut state = self.state.borrow_mut();
        state.plans.clear();
        state.unreadable = 0..0;
    }

    /// Lets an onlooker use the disk: meanwhile nothing is counted, and no plan strikes. What it opens is in nobody's way, also if it is kept open
    /// for other looks: it holds no lock of SQLite's beyond a transaction, and is dead once [`Disk::view`] is another.
    pub fn quietly<R>(&self, look: impl FnOnce() -> R) -> R {
        /// Also if the onlooker panics.
        struct Quiet<'a>(&'a RefCell<State>);
        impl Drop for Quiet<'_> {
            fn drop(&mut self) {
                self.0.borrow_mut().quiet -= 1;
            }
        }
        self.state.borrow_mut().quiet += 1;
        let _quiet = Quiet(&self.state);
        look()
    }

    /// What an onlooker of a database sees: as long as it is the same, a connection that the onlooker keeps is as good as a new one. None if no
    /// program has the database open in WAL mode; then a connection is to be closed before any program does something.
    pub fn view(&self, path: &Path) -> Option<View> {
        let state = self.state.borrow();
        let file = state.content.names.get(path)?;
        let used = !state.off && state.sharing.get(&file).is_some_and(|sharing| sharing.mapped > 0);
        used.then_some(View { era: state.era, file })
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        self.state.borrow().off
    }

    /// Whether it is off because the process was killed: the kernel has all that was written.
    pub fn is_killed(&self) -> bool {
        self.state.borrow().killed
    }

    /// Cuts the power now, between two steps.
    pub fn cut_power(&self) {
        self.state.borrow_mut().cut_power();
    }

    /// Power is back: `choose(n)`, in `0..n`, decides what survived of what was not synced; always 0 is nothing of it. It must not touch the
    /// disk. Plans stay.
    pub fn restart_after_power_cut(&self, choose: &mut dyn FnMut(u64) -> u64) {
        let mut state = self.state.borrow_mut();
        let mut choose = |n: u64| choose(n).min(n.saturating_sub(1));
        state.cut_power();
        state.content.names.cut_power(&mut choose);
        state.restart();
        let torn = state.content.files.values_mut().map(|file| file.cut_power(&mut choose)).sum::<u64>();
        state.counts.torn += torn;
    }

    /// The process died and the kernel lives on: all that was written stays, and what was pending still is. Plans stay.
    pub fn restart_after_kill(&self) {
        self.state.borrow_mut().restart();
    }

    /// Faults that really struck.
    pub fn counts(&self) -> Counts {
        self.state.borrow().counts
    }

    pub(crate) fn state(&self) -> &Rc<RefCell<State>> {
        &self.state
    }
}

/// Whether this thread has mounted a disk, and so is simulated.
pub(crate) fn thread_is_simulated() -> bool {
    let any = |mounted: &RefCell<BTreeMap<_, Weak<_>>>| {
        mounted.borrow().values().any(|disk| disk.strong_count() > 0)
    };
    MOUNTED.try_with(any).unwrap_or(false)
}

/// What an onlooker of a database sees ([`Disk::view`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    era: u64,
    file: FileId,
}

fn first_component(path: &Path) -> Option<&OsStr> {
    let mut components = path.components();
    match (components.next()?, components.next()?) {
        (Component::RootDir, Component::Normal(name)) => Some(name),
        _ => None,
    }
}
