//! What becomes of uploads: judged one by one, and the store against its model.

use super::{Oracle, Shelf, Tally, shown_time};
use crate::world::agenda::{MINUTE, Millis};
use fieldpost_core::{DeviceId, Reading, UtcInstant, Values};
use std::rc::Rc;

/// How far a reading may be ahead of the cloud's clock.
const GRACE: Millis = 5 * MINUTE;

/// Uploads whose fate is not known: more do not fail in a row with different contents.
const MAX_LIMBO: usize = 8;
/// And the same is not committed oftener without anybody hearing of it.
const MAX_TIMES: usize = 5;

/// An upload as the cloud was handed it.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Its readings, in order; None if it makes no sense to anybody.
    pub readings: Option<Vec<(DeviceId, Reading)>>,
    /// If its dates depend on its receipt: its bytes, and when they first came.
    pub receipt: Option<(Rc<[u8]>, Millis)>,
}

/// What the cloud said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is stored, and the report says this.
    Stored(Tally),
    /// It is refused for good.
    Refused(String),
    /// Not now.
    Later(String),
}

/// What was known of the cloud's store when it was backed up.
#[derive(Debug, Clone)]
pub struct Backup {
    shelf: Shelf,
    receipts: super::Receipts,
    /// Some of these may be in it.
    limbo: Vec<Judgement>,
}

impl Judgement {
    /// Whether both are the same bytes, whose dates depend on when they first came.
    fn is_copy_of(&self, other: &Self) -> bool {
        self.receipt.is_some()
            && self.receipt.as_ref().map(|one| &one.0) == other.receipt.as_ref().map(|one| &one.0)
    }
}

impl Oracle {
    /// A device without a clock is about to send this: how long ago each of its values was measured.
    pub fn said_relative(&mut self, bytes: &Rc<[u8]>, device: &DeviceId, values: Vec<(Millis, Values)>) {
        self.relative.insert(Rc::clone(bytes), (device.clone(), values));
    }

    /// The readings of a message of a device without a clock that first came at `first`.
    #[must_use]
    pub fn relative_readings(&mut self, bytes: &Rc<[u8]>, first: Millis) -> Vec<(DeviceId, Reading)> {
        let Some((device, values)) = self.relative.get(bytes) else { return Vec::new() };
        let reading = |(ago, values): &(Millis, Values)| {
            let time = UtcInstant::from_millis(first - ago);
            (device.clone(), Reading { time, values: *values })
        };
        let readings: Vec<_> = values.iter().map(reading).collect();
        for (device, reading) in &readings {
            self.said.entry((device.clone(), reading.time.as_millis())).or_default().insert(reading.values);
        }
        readings
    }

    /// When these bytes first came, if that was within `window` of `now`; else now.
    #[must_use]
    pub fn first_receipt(&self, bytes: &Rc<[u8]>, now: Millis, window: Millis) -> Millis {
        let first = self.receipts.get(bytes).copied();
        first.filter(|first| now - first < window && first - now < window).unwrap_or(now)
    }

    /// The cloud was handed an upload at `now`, and said that; None if it died meanwhile. `found` reads its store.
    pub fn uploaded(
        &mut self,
        now: Millis,
        upload: Judgement,
        said: Option<Said>,
        troubled: bool,
        found: impl FnOnce() -> Shelf,
    ) {
        let Some(readings) = &upload.readings else {
            return match said {
                None | Some(Said::Refused(_)) => {}
                Some(said) => self.fail(format!("an upload that makes no sense was answered {said:?}")),
            };
        };
        let future = readings.iter().find(|(_, reading)| reading.time.as_millis() > now + GRACE);
        match said {
            None => self.remember(upload),
            Some(Said::Later(_)) if troubled => self.remember(upload),
            Some(Said::Later(why)) => {
                self.fail(format!("the cloud puts an upload off, and nothing troubles it: {why}"))
            }
            Some(Said::Refused(_)) if future.is_some() => {}
            Some(Said::Refused(why)) => self.fail(format!("the cloud refused a good upload: {why}")),
            Some(Said::Stored(_)) if future.is_some() => {
                let which = future.map(|(device, reading)| format!("{device} at {}", reading.time));
                self.fail(format!(
                    "at {} the cloud took a reading from the future: {which:?}",
                    shown_time(now)
                ));
            }
            Some(Said::Stored(tally)) => self.stored(&upload, tally, found),
        }
    }

    /// It may have become durable or not. The same again is another possibility only where a store that has it counts something: a
    /// conflict is counted each time.
    fn remember(&mut self, upload: Judgement) {
        let times = self.limbo.iter().filter(|one| one.readings == upload.readings).count();
        let counts = || {
            let readings = upload.readings.as_deref().unwrap_or_default();
            let mut shelf = self.shelf.clone();
            for one in self.limbo.iter().filter_map(|one| one.readings.as_deref()).chain([readings]) {
                shelf.take(one);
            }
            shelf.take(readings).conflict > 0
        };
        if times == 0 || (times < MAX_TIMES && counts()) {
            self.limbo.push(upload);
        }
        if self.limbo.len() > MAX_LIMBO {
            self.limbo.remove(0);
        }
    }

    fn stored(&mut self, upload: &Judgement, tally: Tally, found: impl FnOnce() -> Shelf) {
        self.check_said(upload);
        if !self.limbo.is_empty() {
            self.settle(found(), Some(upload));
            return;
        }
        let due = self.take(upload);
        if due != tally {
            self.fail(format!("an upload's report says {tally:?}, and should say {due:?}"));
        }
    }

    /// Nothing is stored that no message said.
    fn check_said(&mut self, upload: &Judgement) {
        let said = &self.said;
        let foreign = upload.readings.iter().flatten().find(|(device, reading)| {
            let values = said.get(&(device.clone(), reading.time.as_millis()));
            !values.is_some_and(|values| values.iter().any(|said| is_part(reading.values, *said)))
        });
        if let Some((device, reading)) = foreign {
            let what = format!("{} of {device} at {}", reading.values, reading.time);
            self.fail(format!("an upload brought {what}: no message said that"));
        }
    }

    fn take(&mut self, upload: &Judgement) -> Tally {
        if let Some((bytes, first)) = &upload.receipt {
            self.receipts.insert(Rc::clone(bytes), *first);
        }
        self.shelf.take(upload.readings.as_deref().unwrap_or_default())
    }

    /// Finds out which of the uploads in limbo were committed before the store came to look like `found`.
    fn settle(&mut self, found: Shelf, last: Option<&Judgement>) {
        let limbo = std::mem::take(&mut self.limbo);
        let mut difference = None;
        // All, the newest, the one before it, ..., none: seldom is there more than one.
        for chosen in (0..1_u32 << limbo.len()).rev() {
            let mut shelf = self.shelf.clone();
            let taken =
                || limbo.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).map(|(_, one)| one);
            // If the same bytes were committed before, they are dated by that.
            let last = last.map(|last| taken().find(|one| one.is_copy_of(last)).unwrap_or(last));
            for upload in taken().chain(last) {
                shelf.take(upload.readings.as_deref().unwrap_or_default());
            }
            match found.difference(&shelf) {
                // What is there without an acknowledgement need not be on the disk: a killed cloud may have left it.
                None if last.is_none() => {
                    self.limbo = limbo;
                    return;
                }
                None => {
                    self.shelf = shelf;
                    for (bytes, first) in taken().chain(last).filter_map(|one| one.receipt.as_ref()) {
                        self.receipts.insert(Rc::clone(bytes), *first);
                    }
                    return;
                }
                other => difference = other,
            }
        }
        self.fail(format!("the cloud's store: {}", difference.unwrap_or_default()));
    }

    /// The store was read: it must be as the model says.
    pub fn inspected(&mut self, found: Shelf) {
        self.settle(found, None);
    }

    /// How many readings the cloud must hold.
    #[must_use]
    pub fn held(&self) -> usize {
        self.shelf.readings.len()
    }

    /// What a backup of the cloud taken now would hold.
    #[must_use]
    pub fn backup(&self) -> Backup {
        Backup { shelf: self.shelf.clone(), receipts: self.receipts.clone(), limbo: self.limbo.clone() }
    }

    /// The cloud was put back to a backup.
    pub fn restored(&mut self, backup: Backup) {
        (self.shelf, self.receipts, self.limbo) = (backup.shelf, backup.receipts, backup.limbo);
    }
}

/// Whether `values` is what was said, or one of the two values of it: where a survey says two things of one instant, SenML
/// does not tell which temperature belonged to which moisture.
fn is_part(values: Values, said: Values) -> bool {
    let temperature = values.temperature().is_none() || values.temperature() == said.temperature();
    temperature && (values.moisture().is_none() || values.moisture() == said.moisture())
}
