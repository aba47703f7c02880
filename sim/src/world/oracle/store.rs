//! What the cloud must hold: every reading once, the first value first, contradictions beside it (promises P2, P3).

use crate::world::agenda::Millis;
use fieldpost_core::{DeviceId, Reading, Values};
use std::{collections::BTreeMap, rc::Rc};

/// Different values that are kept for one reading.
const MAX_PER_READING: usize = 8;

/// A reading's name.
pub type Which = (DeviceId, Millis);

/// How many of an upload's readings were what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not held, or held in part.
    pub new: u64,
    /// Held.
    pub duplicate: u64,
    /// Held with another value.
    pub conflict: u64,
}

/// The readings and conflicts of a store, as they should be or as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    /// What is held.
    pub readings: BTreeMap<Which, Values>,
    /// What contradicts it, and how often it was offered.
    pub conflicts: BTreeMap<Which, BTreeMap<Values, u64>>,
}

/// When uploads without dates first came.
pub type Receipts = BTreeMap<Rc<[u8]>, Millis>;

impl Shelf {
    /// Takes an upload's readings, in order.
    pub fn take(&mut self, readings: &[(DeviceId, Reading)]) -> Tally {
        let mut tally = Tally::default();
        for (device, reading) in readings {
            self.take_one((device.clone(), reading.time.as_millis()), reading.values, &mut tally);
        }
        tally
    }

    fn take_one(&mut self, which: Which, offered: Values, tally: &mut Tally) {
        let Some(held) = self.readings.get_mut(&which) else {
            tally.new += 1;
            self.readings.insert(which, offered);
            return;
        };
        let agrees =
            |held: Option<i64>, offered: Option<i64>| held.is_none() || offered.is_none() || held == offered;
        let (old, new) = (parts(*held), parts(offered));
        if !agrees(old.0, new.0) || !agrees(old.1, new.1) {
            tally.conflict += 1;
            let known = self.conflicts.entry(which).or_default();
            if known.contains_key(&offered) || known.len() < MAX_PER_READING {
                *known.entry(offered).or_default() += 1;
            }
            return;
        }
        let temperature = held.temperature().or(offered.temperature());
        let both = Values::new(temperature, held.moisture().or(offered.moisture())).unwrap_or(offered);
        if both == *held {
            tally.duplicate += 1;
        } else {
            tally.new += 1;
            *held = both;
        }
    }

    /// Whether a reading that was offered is to be found here, each of its values as held or as a conflict.
    #[must_use]
    pub fn has(&self, device: &DeviceId, reading: &Reading) -> bool {
        let which = (device.clone(), reading.time.as_millis());
        let Some(held) = self.readings.get(&which) else { return false };
        let beside = self.conflicts.get(&which);
        let known: Vec<_> =
            beside.iter().flat_map(|known| known.keys()).chain([held]).map(|one| parts(*one)).collect();
        let (temperature, moisture) = parts(reading.values);
        let full = beside.is_some_and(|known| known.len() >= MAX_PER_READING);
        let found_both = (temperature.is_none() || known.iter().any(|one| one.0 == temperature))
            && (moisture.is_none() || known.iter().any(|one| one.1 == moisture));
        full || found_both
    }

    /// The first difference from what it should be, in words.
    #[must_use]
    pub fn difference(&self, expected: &Self) -> Option<String> {
        if self == expected {
            return None;
        }
        let name = |which: &Which| format!("{} at {}", which.0, super::shown_time(which.1));
        for (which, values) in &expected.readings {
            match self.readings.get(which) {
                None => return Some(format!("the reading of {} is not held", name(which))),
                Some(held) if held != values => {
                    return Some(format!("the reading of {} is {held} and should be {values}", name(which)));
                }
                Some(_) => {}
            }
        }
        if let Some((which, values)) =
            self.readings.iter().find(|(which, _)| !expected.readings.contains_key(which))
        {
            return Some(format!("{values} of {} is held, and nobody brought it", name(which)));
        }
        let differs = |which: &&Which| self.conflicts.get(which) != expected.conflicts.get(which);
        let which = expected.conflicts.keys().chain(self.conflicts.keys()).find(differs)?;
        let (is, should) = (self.conflicts.get(which), expected.conflicts.get(which));
        Some(format!("the conflicts of {} are {is:?} and should be {should:?}", name(which)))
    }
}

fn parts(values: Values) -> (Option<i64>, Option<i64>) {
    let temperature = values.temperature().map(fieldpost_core::Temperature::hundredths);
    (temperature, values.moisture().map(fieldpost_core::Moisture::hundredths))
}
