//! `fieldpost verify`: what gateways say was acknowledged, against what the cloud holds.
//!
//! ```text
//! run -> journals (holdings, one moment each), then the cloud (source: api or store)
//!     -> device: judge (is it held?), days (what was due?) -> report -> print
//! ```
//!
//! The journals are looked into first. A gateway moves its cursor only on the cloud's acknowledgement, so everything at or below
//! a cursor must be at the cloud by the time it is asked, however busily both go on meanwhile. A device at a time is
//! in memory.

mod api;
mod days;
mod device;
mod heard;
mod http;
mod journals;
mod judge;
mod print;
mod progress;
mod report;
mod source;
mod store;

use anyhow::{Context, Result, bail};
use device::{Duty, Evidence, zone_name};
use fieldpost_core::{DeviceId, UtcInstant};
use jiff::tz::TimeZone;
use journals::{FromJournals, join};
use judge::{AtCloud, whole_minute};
use print::Printer;
use progress::Progress;
use report::{DeviceReport, DuplicatesFrom, Sum};
use source::Known;
use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

pub(crate) use api::Api;
pub(crate) use days::When;
pub use heard::{Heard, understand};
pub(crate) use journals::Journals;
pub(crate) use print::{Form, surveys, verdict};
pub(crate) use source::{Range, Source};
pub(crate) use store::StoreFile;

/// What is asked.
pub(crate) struct Question {
    /// Only readings from then on, and only those before then.
    pub(crate) from: Option<When>,
    pub(crate) to: Option<When>,
    /// Only these, in order and each once; all if there are none.
    pub(crate) devices: Vec<DeviceId>,
    /// Milliseconds from slot to slot.
    pub(crate) interval: Option<i64>,
    /// Whose days are counted; None: those of each device's own site.
    pub(crate) zone: Option<TimeZone>,
    pub(crate) now: UtcInstant,
    pub(crate) form: Form,
}

impl Question {
    /// What is asked for of a device whose days are those of `zone`.
    fn range(&self, zone: &TimeZone) -> Range {
        let bound = |when: Option<When>, or| when.map_or(or, |when| when.instant(zone));
        Range { from: bound(self.from, UtcInstant::EARLIEST), to: bound(self.to, UtcInstant::LATEST) }
    }
}

/// Where a device's days begin and end.
struct Zones {
    /// Of whoever says none: the only one that there is, else UTC.
    common: TimeZone,
    /// Each device may have another one.
    several: bool,
}

impl Zones {
    fn of(question: &Question, source: &mut Source) -> Result<Self> {
        if let Some(zone) = &question.zone {
            return Ok(Self { common: zone.clone(), several: false });
        }
        let zones = source.zones()?;
        let only = zones.first().filter(|_| zones.len() == 1).and_then(|name| TimeZone::get(name).ok());
        Ok(Self { common: only.unwrap_or(TimeZone::UTC), several: zones.len() > 1 })
    }

    fn of_device(&self, known: Option<&Known>) -> TimeZone {
        let own = known.and_then(|known| known.time_zone.as_ref()).filter(|_| self.several);
        own.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| self.common.clone())
    }
}

/// Answers the question on `out`; says what it comes to. Once `stop` is set, it ends between two devices.
pub(crate) fn run(
    question: &Question,
    journals: &Journals,
    source: &mut Source,
    out: impl Write,
    stop: &AtomicBool,
) -> Result<Sum> {
    let zones = Zones::of(question, source)?;
    let zone = (!zones.several).then(|| zone_name(&zones.common).to_owned());
    let mut printer = Printer::start(out, question.form, zone).context(UNWRITABLE)?;
    let (lost, passed_on) = (journals.lost(), journals.damaged_but_passed_on());
    let mut sum = Sum {
        journals: journals.names().len(),
        damaged: lost.count,
        damaged_but_passed_on: passed_on.count,
        refused_at_gateway: journals.refused_inputs(),
        copies_at_gateway: journals.copies(),
        duplicates_from: match source {
            Source::Api(_) => DuplicatesFrom::Journals,
            Source::Store(_) => DuplicatesFrom::Store,
        },
        ..Sum::default()
    };
    if let Err(error) = go_through(question, &zones, journals, source, &mut printer, &mut sum, stop) {
        // What was printed stays readable, and says that it is not all.
        printer.broken(&format!("{error:#}")).context(UNWRITABLE)?;
        return Err(error);
    }
    printer.end(&sum, &lost, &passed_on).context(UNWRITABLE)?;
    Ok(sum)
}

const UNWRITABLE: &str = "cannot print the report";

fn go_through<W: Write>(
    question: &Question,
    zones: &Zones,
    journals: &Journals,
    source: &mut Source,
    printer: &mut Printer<W>,
    sum: &mut Sum,
    stop: &AtomicBool,
) -> Result<()> {
    let mut progress = Progress::new(io::stderr());
    let mut walk = Walk { wanted: question.devices.iter(), last: None };
    let mut step = || -> Result<Option<DeviceReport>> {
        if stop.load(Ordering::Relaxed) {
            bail!("interrupted; this is not the whole report");
        }
        let Some(device) = walk.next(!question.devices.is_empty(), journals, source)? else {
            return Ok(None);
        };
        examine(question, zones, journals, source, &device).map(Some)
    };
    loop {
        let report = step();
        progress.clear();
        let Some(report) = report? else { return Ok(()) };
        sum.add(&report);
        printer.device(&report).context(UNWRITABLE)?;
        progress.show(sum.devices);
    }
}

/// Goes through the devices in the order of their ids.
struct Walk<'a> {
    wanted: std::slice::Iter<'a, DeviceId>,
    last: Option<DeviceId>,
}

impl Walk<'_> {
    /// The next device.
    fn next(&mut self, named: bool, journals: &Journals, source: &mut Source) -> Result<Option<DeviceId>> {
        if named {
            return Ok(self.wanted.next().cloned());
        }
        let known = source.next_device(self.last.as_ref())?;
        let kept = journals.next_device(self.last.as_ref())?;
        let next = kept.into_iter().chain(known).min();
        self.last.clone_from(&next);
        Ok(next)
    }
}

fn examine(
    question: &Question,
    zones: &Zones,
    journals: &Journals,
    source: &mut Source,
    device: &DeviceId,
) -> Result<DeviceReport> {
    let known = source.device(device)?;
    let zone = zones.of_device(known.as_ref());
    let range = question.range(&zone);
    let FromJournals { kept, refused, span } = journals.readings(device, range)?;
    let mut cloud = AtCloud::default();
    // Of a device that the cloud does not know, it does not say that there were no copies.
    let mut copies = None;
    if let Some(known) = &known {
        // A reading may be held without its seconds.
        let range = Range { from: whole_minute(range.from), ..range };
        cloud.held = source.readings(device, range)?;
        if known.conflicts > 0 {
            cloud.offered = source.conflicts(device, range)?;
        }
        copies = source.copies(device, range)?;
    }
    let interval = known.as_ref().and_then(|known| known.interval_s).filter(|interval| *interval > 0);
    let evidence = Evidence {
        device,
        gateways: journals.names(),
        kept,
        refused_surveys: refused,
        cloud,
        copies,
        span: join(span, known.as_ref().and_then(|known| known.span)),
        duty: known
            .map_or(Duty::default(), |known| Duty { contact: known.contact, survey_s: known.survey_s }),
        now: question.now,
        // Behind the readings: it only moves on, so whatever these lack by age lies before it.
        kept_from: source.kept_from()?,
        range,
        interval: question.interval.or(interval.map(|seconds| i64::from(seconds) * 1_000)),
        expected: journals.expect(device),
        refused_at_gateway: journals.refused_inputs_of(device),
    };
    Ok(evidence.report(&zone))
}
