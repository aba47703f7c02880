//! The disk as a simulated machine, and whoever plans its faults, holds it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::rc::{Rc, Weak};

use crate::file::File;
use crate::state::{Content, Counts, Fault, Plan, State};

/// What [`Disk::free`] says of a disk without a capacity, in bytes.
const FREE_WITHOUT_CAPACITY: u64 = 1 << 40;

thread_local! {
    static MOUNTED: RefCell<BTreeMap<String, Weak<RefCell<State>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// A machine's disk. Clones are the same disk. It lives on the thread that mounted it: paths `/<name>/...` are its there.
#[derive(Clone)]
pub struct Disk {
    name: Rc<str>,
    state: Rc<RefCell<State>>,
}

/// A disk's whole content, what is pending too: the image of a stopped machine's disk.
#[derive(Clone)]
pub struct Snapshot(Content);

impl Disk {
    /// An empty disk; it replaces the one that this thread had under the name, and is unmounted when its last clone is dropped.
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
    /// plans that are pending strike independently; of two that strike the same step, the power cut wins, then full.
    pub fn plan(&self, after_steps: u64, fault: Fault, times: u32) {
        let mut state = self.state.borrow_mut();
        let from = state.steps.saturating_add(after_steps);
        state.plans.push(Plan { from, until: from.saturating_add(times.into()), fault });
    }

    /// Forgets all plans.
    pub fn clear_plans(&self) {
        self.state.borrow_mut().plans.clear();
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        self.state.borrow().off
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

    /// The disk's whole content now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.state.borrow().content.clone())
    }

    /// Puts that content in the place of the present one, as another disk in the machine, which starts again.
    pub fn restore(&self, snapshot: &Snapshot) {
        let mut state = self.state.borrow_mut();
        state.content = snapshot.0.clone();
        state.restart();
    }

    /// Faults that really struck.
    pub fn counts(&self) -> Counts {
        self.state.borrow().counts
    }

    /// The file's live bytes.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.state.borrow().content.live(path).map(|file| file.live().to_vec())
    }

    /// Makes the file have these bytes, as whoever holds the disk in his hands could: durable at once with all names, no step, no fault.
    pub fn write(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.state.borrow_mut();
        let content = &mut state.content;
        if let Some(file) = content.names.get(path).and_then(|id| content.files.get_mut(&id)) {
            *file = File::durable(bytes);
        } else {
            let id = content.add(File::durable(bytes));
            content.names.create(path, id);
        }
        content.names.sync();
    }

    /// Takes the file away, as whoever holds the disk in his hands could: durable at once with all names, no step, no fault.
    pub fn delete(&self, path: &Path) {
        let mut state = self.state.borrow_mut();
        state.content.names.delete(path);
        state.content.names.sync();
        state.forget_unnamed();
    }

    /// The paths of all files, in order.
    pub fn list(&self) -> Vec<PathBuf> {
        self.state.borrow().content.names.live().map(|(path, _)| path.into()).collect()
    }

    /// Whether there is such a file; no while the power is off.
    pub fn exists(&self, path: &Path) -> bool {
        let state = self.state.borrow();
        !state.off && state.content.names.get(path).is_some()
    }

    /// The file's length in bytes; 0 if there is none, or the power is off.
    pub fn length(&self, path: &Path) -> u64 {
        let state = self.state.borrow();
        let file = state.content.live(path).filter(|_| !state.off);
        file.map_or(0, |file| file.live().len() as u64)
    }

    /// Renames a file, over the one that has the name; durable with the folder.
    ///
    /// # Errors
    /// `NotFound`, or a fault.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let id = state.content.names.get(from).ok_or_else(|| not_found("rename", from))?;
        state.rename(id, to).map_err(|fault| failed("rename", from, fault))
    }

    /// Deletes a file; durable with the folder.
    ///
    /// # Errors
    /// `NotFound`, or a fault.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.content.names.get(path).ok_or_else(|| not_found("delete", path))?;
        state.delete(path).map_err(|fault| failed("delete", path, fault))
    }

    /// Makes the names of all files durable.
    ///
    /// # Errors
    /// A fault.
    pub fn sync_folder(&self) -> io::Result<()> {
        self.state.borrow_mut().sync_folder().map_err(|fault| failed("sync", &self.folder(), fault))
    }

    /// How many bytes can still be written; 1 TiB of a disk without a capacity.
    ///
    /// # Errors
    /// The power is off.
    pub fn free(&self) -> io::Result<u64> {
        let state = self.state.borrow();
        if state.off {
            return Err(failed("measure", &self.folder(), Fault::PowerCut));
        }
        Ok(state.capacity.map_or(FREE_WITHOUT_CAPACITY, |bytes| bytes.saturating_sub(state.content.used())))
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

fn first_component(path: &Path) -> Option<&OsStr> {
    let mut components = path.components();
    match (components.next()?, components.next()?) {
        (Component::RootDir, Component::Normal(name)) => Some(name),
        _ => None,
    }
}

fn not_found(operation: &str, path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("cannot {operation} {}: there is no such file", path.display()),
    )
}

fn failed(operation: &str, path: &Path, fault: Fault) -> io::Error {
    let (kind, why) = match fault {
        Fault::Full => (io::ErrorKind::StorageFull, "the disk is full: delete something"),
        Fault::Io => (io::ErrorKind::Other, "the disk failed: try again"),
        Fault::PowerCut => (io::ErrorKind::Other, "the power is off: restart the machine"),
    };
    io::Error::new(kind, format!("cannot {operation} {}: {why}", path.display()))
}
