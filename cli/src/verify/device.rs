//! One device: what the journals and the cloud say of it, day by day. No input, no output, no clock.

use super::{
    days::{Calendar, Slots},
    judge::{AtCloud, Verdict, whole_minute},
    report::{Cells, DayLine, DeviceReport, Missing, RefusedSurvey},
    source::Range,
};
use fieldpost_core::{DeviceId, Reading, UtcInstant};
use jiff::{civil::Date, tz::TimeZone};
use std::{collections::BTreeMap, time::Duration};

/// Seconds within which a device owes a survey, unless people say otherwise; and how much later it may come. As in the cloud.
const SURVEY_S: u32 = 86_400;
const GRACE: Duration = Duration::from_secs(2 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// It goes to the cloud without its seconds.
    pub(crate) to_the_minute: bool,
}

/// When a device has to be heard, by what the cloud knows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Duty {
    /// When it was last heard.
    pub(crate) contact: Option<UtcInstant>,
    /// Seconds within which it owes a survey.
    pub(crate) survey_s: Option<u32>,
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
    pub(crate) duty: Duty,
    pub(crate) now: UtcInstant,
    /// What is older was let go of by the cloud.
    pub(crate) kept_from: Option<UtcInstant>,
    pub(crate) range: Range,
    /// Milliseconds from slot to slot, if anybody says.
    pub(crate) interval: Option<i64>,
    /// A gateway expects it.
    pub(crate) expected: bool,
    /// Inputs that gateways refused, and that name it.
    pub(crate) refused_at_gateway: u64,
}

impl Evidence<'_> {
    /// Draws it together.
    pub(crate) fn report(mut self, zone: &TimeZone) -> DeviceReport {
        let calendar = &mut Calendar::new(zone.clone());
        self.kept.sort_unstable();
        let slots = Slots::of(&self.times(), self.interval);
        let mut report = DeviceReport {
            device: self.device.to_string(),
            time_zone: zone_name(zone).to_owned(),
            interval_ms: slots.map(|slots| slots.interval),
            never_heard: self.expected && self.span.is_none(),
            total: Cells::default(),
            days: Vec::new(),
            acknowledged: 0,
            unproven: 0,
            missing: Vec::new(),
            refused_surveys: std::mem::take(&mut self.refused_surveys),
            refused_at_gateway: self.refused_at_gateway,
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
        let asked = |reading: &&Reading| reading.time >= self.range.from;
        for reading in self.cloud.held.iter().filter(asked) {
            days.entry(calendar.day(reading.time)).or_default().held += 1;
        }
        for reading in self.cloud.offered.iter().filter(asked) {
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
            match self.cloud.judge(&first.reading, self.may_lack_seconds(first)) {
                Verdict::Held | Verdict::Conflict => {}
                Verdict::Unproven => report.unproven += 1,
                Verdict::Missing(_) if self.is_let_go(first) => cells.let_go += 1,
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

    /// Whether the cloud may hold a reading by its minute: its gateway says no seconds; or said none before it was given another
    /// way to the cloud, for no journal has the reading of that minute that the cloud would otherwise hold there.
    fn may_lack_seconds(&self, kept: &Kept) -> bool {
        let minute = whole_minute(kept.reading.time);
        let before = self.kept.partition_point(|other| other.reading.time < minute);
        kept.to_the_minute || self.kept.get(before).is_none_or(|other| other.reading.time != minute)
    }

    fn is_let_go(&self, kept: &Kept) -> bool {
        let lacks = self.may_lack_seconds(kept);
        let time = if lacks { whole_minute(kept.reading.time) } else { kept.reading.time };
        self.kept_from.is_some_and(|from| time < from)
    }

    /// From the first reading known anywhere, or the first one that is kept, as far as that is asked for.
    fn count_due(&self, days: &mut BTreeMap<Date, Cells>, calendar: &mut Calendar, slots: Option<Slots>) {
        let (Some((first, last)), Some(slots)) = (self.span, slots) else { return };
        let from = first.max(self.range.from).max(self.kept_from.unwrap_or(UtcInstant::EARLIEST));
        // Nothing is due of days to come, whatever a cloud says that was measured then.
        let tomorrow = self.now.saturating_add(DAY).as_millis();
        let to = self.duty.end(last, self.now).min(self.range.to.as_millis()).min(tomorrow);
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

impl Duty {
    /// Up to when, in milliseconds, what the device measured must have come: to its last survey, or to the one that it owes since, and in
    /// any case as far as something has come. The cloud's own rule (`fleet/slots.rs` there).
    fn end(self, last: UtcInstant, now: UtcInstant) -> i64 {
        let end = last.as_millis().saturating_add(1);
        let Some(contact) = self.contact else { return end };
        let survey = i64::from(self.survey_s.unwrap_or(SURVEY_S).max(1)).saturating_mul(1_000);
        let since = now.saturating_sub(GRACE).as_millis().saturating_sub(contact.as_millis()).max(0);
        contact.as_millis().saturating_add(since / survey * survey).max(end)
    }
}

/// A zone's name.
pub(crate) fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
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

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::{Temperature, Values};

    #[test]
    fn a_device_that_fell_silent_owes_its_surveys_until_now_less_the_grace() {
        let at = |text: &str| text.parse::<UtcInstant>().unwrap();
        let last = at("2026-07-06T05:00:00Z");
        let end = |contact: Option<&str>, survey_s, now: &str| {
            let duty = Duty { contact: contact.map(at), survey_s };
            UtcInstant::from_millis(duty.end(last, at(now))).to_string()
        };
        let heard = Some("2026-07-06T06:00:00Z");
        assert_eq!(end(heard, None, "2026-07-07T07:59:59Z"), "2026-07-06T06:00:00Z", "it is not late yet");
        assert_eq!(end(heard, None, "2026-07-07T08:00:00Z"), "2026-07-07T06:00:00Z");
        assert_eq!(end(heard, None, "2026-07-10T12:00:00Z"), "2026-07-10T06:00:00Z");
        assert_eq!(end(heard, Some(3_600), "2026-07-06T09:30:00Z"), "2026-07-06T07:00:00Z");
        assert_eq!(end(None, None, "2026-07-10T12:00:00Z"), "2026-07-06T05:00:00.001Z");
    }

    #[test]
    fn nothing_is_due_of_days_to_come() {
        let device = DeviceId::new("m").unwrap();
        let now: UtcInstant = "2026-07-06T00:00:00Z".parse().unwrap();
        let (first, strange) =
            ("2026-07-05T00:00:00Z".parse().unwrap(), "9999-12-30T00:00:00Z".parse().unwrap());
        let evidence = Evidence {
            device: &device,
            gateways: &[],
            kept: Vec::new(),
            refused_surveys: Vec::new(),
            cloud: AtCloud { held: [first, strange].map(at_zero).to_vec(), offered: Vec::new() },
            copies: None,
            span: Some((first, strange)),
            duty: Duty::default(),
            now,
            kept_from: None,
            range: Range { from: UtcInstant::EARLIEST, to: UtcInstant::LATEST },
            interval: Some(3_600_000),
            expected: false,
            refused_at_gateway: 0,
        };
        let report = evidence.report(&TimeZone::UTC);
        assert_eq!((report.total.due, report.total.held), (Some(48), 2));
    }

    fn at_zero(time: UtcInstant) -> Reading {
        Reading { time, values: Values::new(Temperature::from_hundredths(0), None).unwrap() }
    }

    /// What becomes of a reading at `millis` if the cloud holds its value at the minute, and journals have readings at `others` too.
    fn missing(millis: i64, others: &[i64], kept_from: Option<i64>) -> (u64, u64) {
        let values = Values::new(Temperature::from_hundredths(2_000), None).unwrap();
        let reading = |millis| Reading { time: UtcInstant::from_millis(millis), values };
        let kept = |(seq, millis)| Kept {
            reading: reading(millis),
            fate: Fate::Acknowledged,
            gateway: 0,
            seq,
            to_the_minute: false,
        };
        let device = DeviceId::new("m").unwrap();
        let evidence = Evidence {
            device: &device,
            gateways: &["g".to_owned()],
            kept: (1..).zip(others.iter().copied().chain([millis])).map(kept).collect(),
            refused_surveys: Vec::new(),
            cloud: AtCloud { held: vec![reading(60_000)], offered: Vec::new() },
            copies: None,
            span: None,
            duty: Duty::default(),
            now: UtcInstant::LATEST,
            kept_from: kept_from.map(UtcInstant::from_millis),
            range: Range { from: UtcInstant::from_millis(0), to: UtcInstant::LATEST },
            interval: None,
            expected: false,
            refused_at_gateway: 0,
        };
        let total = evidence.report(&TimeZone::UTC).total;
        (total.missing, total.let_go)
    }

    #[test]
    fn what_went_without_its_seconds_is_held_unless_another_reading_explains_the_minute() {
        assert_eq!(missing(60_500, &[], None), (0, 0));
        assert_eq!(missing(60_500, &[60_000], None), (1, 0), "the cloud has that one");
        assert_eq!(missing(200_500, &[], None), (1, 0));
    }

    #[test]
    fn what_is_older_than_the_kept_ones_was_let_go_of() {
        assert_eq!(missing(200_500, &[], Some(200_501)), (0, 1));
        assert_eq!(missing(200_500, &[200_400], Some(180_000)), (2, 0));
    }
}
