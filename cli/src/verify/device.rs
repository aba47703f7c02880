//! One device: what the journals and the cloud say of it, day by day. No input, no output, no clock.

use super::{
    days::{Calendar, Slots},
    judge::{AtCloud, Verdict},
    report::{Cells, DayLine, DeviceReport, Missing, RefusedSurvey},
    source::Range,
};
use fieldpost_core::{DeviceId, Reading, UtcInstant};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// What became of the survey in which a reading stands, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Acknowledged,
    Refused,
    Waiting,
}

/// A reading in a journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    pub(crate) reading: Reading,
    pub(crate) fate: Fate,
    /// Which of the journals.
    pub(crate) gateway: usize,
    pub(crate) seq: i64,
    /// It may have reached the cloud without its seconds.
    pub(crate) to_the_minute: bool,
}

/// Everything that is known of a device.
pub(crate) struct Evidence<'a> {
    pub(crate) device: &'a DeviceId,
    /// The data folders, by number.
    pub(crate) gateways: &'a [String],
    pub(crate) kept: Vec<Kept>,
    pub(crate) refused_surveys: Vec<RefusedSurvey>,
    pub(crate) cloud: AtCloud,
    /// How many readings came again, in surveys that start then; None: judge by the journals.
    pub(crate) copies: Option<Vec<(UtcInstant, u64)>>,
    /// The first and the last reading known anywhere, also outside the range.
    pub(crate) span: Option<(UtcInstant, UtcInstant)>,
    pub(crate) range: Range,
    /// Milliseconds from slot to slot, if the operator says.
    pub(crate) interval: Option<i64>,
}

impl Evidence<'_> {
    /// Draws it together.
    pub(crate) fn report(mut self, calendar: &mut Calendar) -> DeviceReport {
        self.kept.sort_unstable();
        let slots = Slots::of(&self.times(), self.interval);
        let mut report = DeviceReport {
            device: self.device.to_string(),
            interval_ms: slots.map(|slots| slots.interval),
            total: Cells::default(),
            days: Vec::new(),
            acknowledged: 0,
            unproven: 0,
            missing: Vec::new(),
            refused_surveys: std::mem::take(&mut self.refused_surveys),
        };
        let mut days = BTreeMap::new();
        self.count_cloud(&mut days, calendar);
        self.count_kept(&mut days, calendar, &mut report);
        self.count_due(&mut days, calendar, slots);
        let duplicates = self.copies.is_some() || !self.gateways.is_empty();
        report.total = Cells { due: Some(0), duplicate: Some(0), ..Cells::default() };
        for cells in days.values_mut() {
            cells.due = slots.and(cells.due.or(Some(0)));
            cells.duplicate = duplicates.then_some(cells.duplicate.unwrap_or(0));
            report.total.add(cells);
        }
        if slots.is_none() {
            report.total.due = None;
        }
        report.days = lines(&days);
        report
    }

    /// All instants at which something is known to have been measured, each once, in order.
    fn times(&self) -> Vec<UtcInstant> {
        let held = self.cloud.held.iter().map(|reading| reading.time);
        let mut times: Vec<UtcInstant> = held.chain(self.kept.iter().map(|kept| kept.reading.time)).collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    fn count_cloud(&self, days: &mut BTreeMap<Date, Cells>, calendar: &mut Calendar) {
        for reading in &self.cloud.held {
            days.entry(calendar.day(reading.time)).or_default().held += 1;
        }
        for reading in &self.cloud.offered {
            days.entry(calendar.day(reading.time)).or_default().conflict += 1;
        }
        for (start, copies) in self.copies.iter().flatten() {
            *days.entry(calendar.day(*start)).or_default().duplicate.get_or_insert(0) += copies;
        }
    }

    /// Copies of a reading in the journals, of one survey or several, count as one.
    fn count_kept(
        &self,
        days: &mut BTreeMap<Date, Cells>,
        calendar: &mut Calendar,
        report: &mut DeviceReport,
    ) {
        for copies in self.kept.chunk_by(|one, next| one.reading == next.reading) {
            let Some(first) = copies.first() else { continue };
            let cells = days.entry(calendar.day(first.reading.time)).or_default();
            let has = |fate| u64::from(copies.iter().any(|copy| copy.fate == fate));
            cells.at_gateway += has(Fate::Waiting);
            cells.refused += has(Fate::Refused);
            if self.copies.is_none() {
                *cells.duplicate.get_or_insert(0) += copies.len() as u64 - 1;
            }
            if first.fate != Fate::Acknowledged {
                continue;
            }
            report.acknowledged += 1;
            match self.cloud.judge(&first.reading, first.to_the_minute) {
                Verdict::Held | Verdict::Conflict => {}
                Verdict::Unproven => report.unproven += 1,
                Verdict::Missing(held) => {
                    cells.missing += 1;
                    report.missing.push(Missing {
                        device: self.device.to_string(),
                        time: first.reading.time.to_string(),
                        values: first.reading.values,
                        held,
                        seq: first.seq,
                        gateway: self.gateways.get(first.gateway).cloned().unwrap_or_default(),
                    });
                }
            }
        }
    }

    /// From the first to the last reading known anywhere, as far as that is asked for.
    fn count_due(&self, days: &mut BTreeMap<Date, Cells>, calendar: &mut Calendar, slots: Option<Slots>) {
        let (Some((first, last)), Some(slots)) = (self.span, slots) else { return };
        let from = first.max(self.range.from);
        let to = last.as_millis().saturating_add(1).min(self.range.to.as_millis());
        let mut date = calendar.day(from);
        loop {
            let (start, end) = calendar.bounds(date);
            if start >= to {
                return;
            }
            let due = slots.due(start.max(from.as_millis()), end.min(to));
            if due > 0 {
                days.entry(date).or_default().due = Some(due);
            }
            let Ok(next) = date.tomorrow() else { return };
            date = next;
        }
    }
}

/// Days of which nothing is known become one line with those beside them.
fn lines(days: &BTreeMap<Date, Cells>) -> Vec<DayLine> {
    let mut lines: Vec<DayLine> = Vec::new();
    let mut silent = false;
    for (date, cells) in days {
        match lines.last_mut().filter(|_| silent && cells.is_silent()) {
            Some(line) => {
                line.through = Some(date.to_string());
                line.cells.add(cells);
            }
            None => lines.push(DayLine { day: date.to_string(), through: None, cells: *cells }),
        }
        silent = cells.is_silent();
    }
    lines
}
