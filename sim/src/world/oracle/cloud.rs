//! What becomes of uploads: judged one by one, and the store against its model.

use super::{Oracle, Shelf, Tally, limbo::Limbo, shown_time};
use crate::world::agenda::{MINUTE, Millis};
use fieldpost_core::{DeviceId, Reading, UtcInstant, Values};
use std::rc::Rc;

/// How far a reading may be ahead of the cloud's clock.
const GRACE: Millis = 5 * MINUTE;

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
    limbo: Limbo,
}

/// An upload, and when it came.
#[derive(Debug)]
pub struct Handed {
    /// By the cloud's clock.
    pub received: Millis,
    /// What should become of it.
    pub upload: Judgement,
}

impl Handed {
    /// Whether it must be taken.
    fn is_good(&self) -> bool {
        self.upload.readings.is_some() && self.future().is_none()
    }

    fn future(&self) -> Option<&(DeviceId, Reading)> {
        let ahead = |reading: &Reading| reading.time.as_millis() > self.received + GRACE;
        self.upload.readings.iter().flatten().find(|(_, reading)| ahead(reading))
    }

    fn fault(&self) -> String {
        let which = |(device, reading): &(DeviceId, Reading)| format!("{device} at {}", reading.time);
        let future = self.future().map(which);
        future.map_or("makes no sense".into(), |which| format!("has a reading from the future: {which}"))
    }
}

impl Judgement {
    /// All of its readings.
    fn readings(&self) -> &[(DeviceId, Reading)] {
        self.readings.as_deref().unwrap_or_default()
    }

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

    /// The cloud was handed uploads together, and said that; nothing if it died meanwhile. `troubled`: its disk failed while it
    /// had them. `found` reads its store.
    pub fn uploaded(
        &mut self,
        came: Vec<Handed>,
        said: Option<Vec<Said>>,
        troubled: bool,
        found: impl FnOnce() -> Shelf,
    ) {
        let Some(said) = said else {
            let good: Vec<_> = came.into_iter().filter(Handed::is_good).map(|one| one.upload).collect();
            // What cannot be written together is tried one by one, and then one may fail and the next one not.
            let groups = if troubled { good.into_iter().map(|one| vec![one]).collect() } else { vec![good] };
            return groups.into_iter().for_each(|group| self.limbo.remember(group, &self.shelf));
        };
        let mut stored = Vec::new();
        for (one, said) in came.into_iter().zip(said) {
            match said {
                Said::Later(why) if !troubled => {
                    self.fail(format!("the cloud puts an upload off, and nothing troubles it: {why}"));
                }
                Said::Later(_) if one.is_good() => self.limbo.remember(vec![one.upload], &self.shelf),
                Said::Later(why) if one.upload.readings.is_none() => {
                    self.fail(format!("an upload that makes no sense was put off: {why}"));
                }
                Said::Later(_) => {}
                Said::Refused(why) if one.is_good() => {
                    self.fail(format!("the cloud refused a good upload: {why}"));
                }
                Said::Refused(_) => {}
                Said::Stored(tally) if one.is_good() => stored.push((one.upload, tally)),
                Said::Stored(_) => {
                    let (at, why) = (shown_time(one.received), one.fault());
                    self.fail(format!("at {at} the cloud took an upload that {why}"));
                }
            }
        }
        self.stored(&stored, found);
    }

    fn stored(&mut self, uploads: &[(Judgement, Tally)], found: impl FnOnce() -> Shelf) {
        uploads.iter().for_each(|(upload, _)| self.check_said(upload));
        if !self.limbo.is_empty() && !uploads.is_empty() {
            return self.settle(found(), uploads);
        }
        for (upload, tally) in uploads {
            let due = self.take(upload);
            if due != *tally {
                self.fail(format!("an upload's report says {tally:?}, and should say {due:?}"));
            }
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
        self.shelf.take(upload.readings())
    }

    /// Finds out which of the uploads in limbo were committed before the store took `stored`, reported as it did, and came to look
    /// like `found`.
    fn settle(&mut self, found: Shelf, stored: &[(Judgement, Tally)]) {
        if self.limbo.is_empty() && stored.is_empty() {
            if let Some(difference) = found.difference(&self.shelf) {
                self.fail(format!("the cloud's store: {difference}"));
            }
            return;
        }
        let limbo = std::mem::take(&mut self.limbo);
        let mut wrong = None;
        for taken in limbo.choices() {
            // If the same bytes were committed before, they are dated by that.
            let original = |one: &Judgement| taken.iter().find(|before| before.is_copy_of(one)).copied();
            let stored: Vec<_> =
                stored.iter().map(|(one, tally)| (original(one).unwrap_or(one), *tally)).collect();
            let mut shelf = self.shelf.clone();
            taken.iter().for_each(|one| _ = shelf.take(one.readings()));
            let due: Vec<_> = stored.iter().map(|(one, _)| shelf.take(one.readings())).collect();
            if let Some(difference) = found.difference(&shelf) {
                wrong.get_or_insert(format!("the cloud's store: {difference}"));
                continue;
            }
            if let Some((due, (_, told))) = due.iter().zip(&stored).find(|(due, (_, told))| *due != told) {
                // This is nearer to it than any difference.
                wrong = Some(format!("an upload's report says {told:?}, and should say {due:?}"));
                continue;
            }
            // What is there without an acknowledgement need not be on the disk: a killed cloud may have left it.
            if stored.is_empty() {
                wrong = None;
                break;
            }
            self.shelf = shelf;
            let all = taken.iter().copied().chain(stored.iter().map(|(one, _)| *one));
            for (bytes, first) in all.filter_map(|one| one.receipt.as_ref()) {
                self.receipts.insert(Rc::clone(bytes), *first);
            }
            return;
        }
        self.limbo = limbo;
        if let Some(wrong) = wrong {
            self.fail(wrong);
        }
    }

    /// The store was read: it must be as the model says.
    pub fn inspected(&mut self, found: Shelf) {
        self.settle(found, &[]);
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
        self.refusals.put_back();
    }
}

/// Whether `values` is what was said, or one of the two values of it: where a survey says two things of one instant, SenML
/// does not tell which temperature belonged to which moisture.
fn is_part(values: Values, said: Values) -> bool {
    let temperature = values.temperature().is_none() || values.temperature() == said.temperature();
    temperature && (values.moisture().is_none() || values.moisture() == said.moisture())
}
