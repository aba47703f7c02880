//! What was worked out of devices' readings, remembered as long as these are the same: lists of many devices are asked for again
//! and again, and of most devices nothing has come meanwhile.

use crate::fleet::{pace::Since, select::Brief, spark::Spark};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Devices of which the interval is remembered, some 100 bytes each. When there are more all are forgotten, and those in use
/// come again.
const INTERVALS: usize = 50_000;
/// Devices of which the spark is remembered, some 700 bytes each.
const SPARKS: usize = 4_000;

/// What the store's questions remember; nothing of it outlives the program.
#[derive(Debug)]
pub(super) struct Memo {
    pub(super) intervals: Kept<Since>,
    pub(super) sparks: Kept<Spark>,
}

impl Memo {
    pub(super) fn new() -> Self {
        Self { intervals: Kept::new(INTERVALS), sparks: Kept::new(SPARKS) }
    }
}

/// Which readings a device holds. Whatever is added raises its marks, and whatever is let go of lowers the number of its
/// readings, so no two states of a device have both alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    marks: i64,
    readings: i64,
    /// The interval that people set.
    interval_s: Option<u32>,
}

/// Something of each of some devices, by their numbers.
#[derive(Debug)]
pub(super) struct Kept<T> {
    most: usize,
    known: Mutex<BTreeMap<i64, (Version, T)>>,
}

impl<T: Clone> Kept<T> {
    fn new(most: usize) -> Self {
        Self { most, known: Mutex::default() }
    }

    /// What is remembered of `device` as it is; else what `find` says, which is remembered.
    pub(super) fn of(
        &self,
        device: &Brief,
        find: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let Brief { number, marks, readings, interval_s, .. } = *device;
        let version = Version { marks, readings, interval_s };
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, found)) = lock().get(&number)
            && *known == version
        {
            return Ok(found.clone());
        }
        // Nobody waits for what is worked out; two who do it at once find the same.
        let found = find()?;
        let mut known = lock();
        if known.len() >= self.most && !known.contains_key(&number) {
            known.clear();
        }
        known.insert(number, (version, found.clone()));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_of_a_device_is_worked_out_anew_when_it_has_changed() {
        let kept = Kept::new(2);
        let one = Brief { number: 1, marks: 3, readings: 24, ..Brief::default() };
        let ask = |device: &Brief, found: u32| kept.of(device, || Ok(found)).unwrap();
        assert_eq!((ask(&one, 10), ask(&one, 11)), (10, 10));
        assert_eq!(ask(&Brief { marks: 4, readings: 48, ..one.clone() }, 12), 12, "something came");
        assert_eq!(ask(&Brief { marks: 4, readings: 30, ..one.clone() }, 13), 13, "something was let go of");
        assert_eq!(ask(&Brief { interval_s: Some(900), ..one.clone() }, 14), 14, "somebody set the interval");
        assert_eq!(ask(&one, 15), 15);
        for number in 2..4 {
            assert_eq!(ask(&Brief { number, ..one.clone() }, 20), 20);
        }
        assert!(kept.known.lock().unwrap().len() <= 2, "so many are remembered");
        assert!(kept.of(&Brief { number: 9, ..one.clone() }, || Err(rusqlite::Error::InvalidQuery)).is_err());
        assert_eq!(ask(&Brief { number: 9, ..one }, 30), 30, "a failure is not remembered");
    }
}
