//! How the handles of one file share it: SQLite's locks, and the shared memory of its WAL index.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::rc::{Rc, Weak};

use rusqlite::ffi;

/// A region of shared memory, in bytes: what SQLite asks for, always.
pub(crate) const REGION: usize = 32 * 1024;

/// Regions of one file: an index of 16 million WAL frames.
const MAX_REGIONS: usize = 4096;

const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

#[derive(Default)]
pub(crate) struct Sharing {
    /// How many handles there are, and how many of them have the shared memory mapped, onlookers' excepted.
    pub(crate) opens: u32,
    pub(crate) mapped: u32,
    /// By the handle, those that are not unlocked.
    locks: Vec<(u64, c_int)>,
    shm: Weak<Shm>,
}

impl Sharing {
    pub(crate) fn shm(&mut self) -> Rc<Shm> {
        self.shm.upgrade().unwrap_or_else(|| {
            let shm = Rc::default();
            self.shm = Rc::downgrade(&shm);
            shm
        })
    }

    /// Nobody has the shared memory mapped any more: whoever maps it next gets another.
    pub(crate) fn forget_shm(&mut self) {
        self.shm = Weak::new();
    }

    /// Raises a handle's lock by SQLite's rules. One that waits for readers to become exclusive is pending: it lets no new ones in.
    pub(crate) fn lock(&mut self, handle: u64, wanted: c_int) -> Result<(), c_int> {
        if self.level(handle) >= wanted {
            return Ok(());
        }
        let admitted = self.admits(handle, wanted);
        let waits = wanted == ffi::SQLITE_LOCK_EXCLUSIVE && self.others(handle) < ffi::SQLITE_LOCK_RESERVED;
        match admitted {
            Ok(()) => self.set(handle, wanted),
            Err(_) if waits => self.set(handle, ffi::SQLITE_LOCK_PENDING),
            Err(_) => {}
        }
        admitted
    }

    /// Whether what the others have lets a handle have such a lock.
    pub(crate) fn admits(&self, handle: u64, wanted: c_int) -> Result<(), c_int> {
        let others = self.others(handle);
        let blocked = match wanted {
            ffi::SQLITE_LOCK_SHARED => others >= ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_EXCLUSIVE => others >= ffi::SQLITE_LOCK_SHARED,
            _ => others >= ffi::SQLITE_LOCK_RESERVED,
        };
        if blocked { Err(ffi::SQLITE_BUSY) } else { Ok(()) }
    }

    pub(crate) fn unlock(&mut self, handle: u64, wanted: c_int) {
        if self.level(handle) > wanted {
            self.set(handle, wanted);
        }
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.others(0) >= ffi::SQLITE_LOCK_RESERVED
    }

    fn level(&self, handle: u64) -> c_int {
        self.locks
            .iter()
            .find(|(other, _)| *other == handle)
            .map_or(ffi::SQLITE_LOCK_NONE, |(_, level)| *level)
    }

    fn others(&self, handle: u64) -> c_int {
        let others = self.locks.iter().filter(|(other, _)| *other != handle);
        others.map(|(_, level)| *level).max().unwrap_or(ffi::SQLITE_LOCK_NONE)
    }

    fn set(&mut self, handle: u64, level: c_int) {
        self.locks.retain(|(other, _)| *other != handle);
        if level > ffi::SQLITE_LOCK_NONE {
            self.locks.push((handle, level));
        }
    }
}

/// Shared memory; it lives as long as a handle has it mapped, after a restart too.
#[derive(Default)]
pub(crate) struct Shm {
    /// Boxed, so that an address stays; cells, because SQLite writes through it.
    regions: RefCell<Vec<Box<Cell<Words>>>>,
    /// How many share it; -1: one has it for itself.
    slots: [Cell<i32>; SLOTS],
}

type Words = [u64; REGION / 8];

/// The slots that one handle holds, a bit each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held {
    shared: u8,
    exclusive: u8,
}

impl Shm {
    /// A region's address; null if there is none yet and `extend` is not set.
    pub(crate) fn region(&self, index: usize, extend: bool) -> Result<*mut c_void, c_int> {
        let mut regions = self.regions.try_borrow_mut().map_err(|_| ffi::SQLITE_IOERR_SHMMAP)?;
        if extend && index >= MAX_REGIONS {
            return Err(ffi::SQLITE_NOMEM);
        }
        while extend && regions.len() <= index {
            regions.push(Box::new(Cell::new([0; REGION / 8])));
        }
        Ok(regions.get(index).map_or(std::ptr::null_mut(), |region| region.as_ptr().cast()))
    }

    /// Takes or gives back the slots `first..first + count`, for the handle that holds `held`.
    pub(crate) fn lock(
        &self,
        held: &mut Held,
        first: c_int,
        count: c_int,
        flags: c_int,
    ) -> Result<(), c_int> {
        let range = range(first, count).ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        let slots = self.slots.get(range.clone()).ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        let mask = range.fold(0, |mask, slot| mask | 1 << slot);
        let shared = flags & ffi::SQLITE_SHM_SHARED != 0;
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            self.release(held, mask);
        } else if shared && held.shared & mask == 0 {
            if slots.iter().any(|slot| slot.get() < 0) {
                return Err(ffi::SQLITE_BUSY);
            }
            slots.iter().for_each(|slot| slot.set(slot.get() + 1));
            held.shared |= mask;
        } else if !shared {
            if slots.iter().any(|slot| slot.get() != 0) {
                return Err(ffi::SQLITE_BUSY);
            }
            slots.iter().for_each(|slot| slot.set(-1));
            held.exclusive |= mask;
        }
        Ok(())
    }

    /// Gives back what is held of the slots in the mask.
    pub(crate) fn release(&self, held: &mut Held, mask: u8) {
        for (number, slot) in self.slots.iter().enumerate() {
            let bit = mask & (1 << number);
            if held.exclusive & bit != 0 {
                slot.set(0);
            } else if held.shared & bit != 0 {
                slot.set(slot.get() - 1);
            }
        }
        held.exclusive &= !mask;
        held.shared &= !mask;
    }
}

fn range(first: c_int, count: c_int) -> Option<std::ops::Range<usize>> {
    let first = usize::try_from(first).ok()?;
    Some(first..first.checked_add(usize::try_from(count).ok()?)?)
}
