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
mod http;
mod journals;
mod judge;
mod print;
mod progress;
mod report;
mod source;
mod store;

use anyhow::{Context, Result};
use days::Calendar;
use device::Evidence;
use fieldpost_core::DeviceId;
use jiff::tz::TimeZone;
use journals::{FromJournals, join};
use judge::AtCloud;
use print::Printer;
use progress::Progress;
use report::Sum;
use source::Known;
use std::io::{self, Write};

pub(crate) use api::Api;
pub(crate) use journals::Journals;
pub(crate) use print::{Form, surveys, verdict};
pub(crate) use source::{Range, Source};
pub(crate) use store::StoreFile;

/// What is asked.
pub(crate) struct Question {
    pub(crate) range: Range,
    /// Only these, in order and each once; all if there are none.
    pub(crate) devices: Vec<DeviceId>,
    /// Milliseconds from slot to slot.
    pub(crate) interval: Option<i64>,
    pub(crate) zone: TimeZone,
    pub(crate) form: Form,
}

/// Answers the question on `out`; says what it comes to.
pub(crate) fn run(
    question: &Question,
    journals: &Journals,
    source: &mut Source,
    out: impl Write,
) -> Result<Sum> {
    let zone = question.zone.iana_name().unwrap_or("UTC").to_owned();
    let unwritable = "cannot print the report";
    let mut printer = Printer::start(out, question.form, zone).context(unwritable)?;
    let (lost, passed_on) = (journals.lost(), journals.damaged_but_passed_on());
    let mut sum = Sum {
        journals: journals.names().len(),
        damaged: lost.count,
        damaged_but_passed_on: passed_on.count,
        ..Sum::default()
    };
    let mut calendar = Calendar::new(question.zone.clone());
    let mut progress = Progress::new(io::stderr());
    let mut walk = Walk { wanted: question.devices.iter(), last: None };
    while let Some((device, known)) = walk.next(!question.devices.is_empty(), journals, source)? {
        let evidence = gather(question, journals, source, &device, known.as_ref())?;
        let report = evidence.report(&mut calendar);
        sum.add(&report);
        progress.clear();
        printer.device(&report).context(unwritable)?;
        progress.show(sum.devices);
    }
    progress.clear();
    printer.end(&sum, &lost, &passed_on).context(unwritable)?;
    Ok(sum)
}

/// Goes through the devices in the order of their ids.
struct Walk<'a> {
    wanted: std::slice::Iter<'a, DeviceId>,
    last: Option<DeviceId>,
}

impl Walk<'_> {
    /// The next device, and what the cloud says of it if it knows it.
    fn next(
        &mut self,
        named: bool,
        journals: &Journals,
        source: &mut Source,
    ) -> Result<Option<(DeviceId, Option<Known>)>> {
        if named {
            let Some(device) = self.wanted.next() else { return Ok(None) };
            return Ok(Some((device.clone(), source.device(device)?)));
        }
        let known = source.next_device(self.last.as_ref())?;
        let kept = journals.next_device(self.last.as_ref())?;
        let next = kept.iter().chain(known.iter().map(|known| &known.id)).min().cloned();
        self.last.clone_from(&next);
        Ok(next.map(|device| {
            let known = known.filter(|known| known.id == device);
            (device, known)
        }))
    }
}

fn gather<'a>(
    question: &Question,
    journals: &'a Journals,
    source: &mut Source,
    device: &'a DeviceId,
    known: Option<&Known>,
) -> Result<Evidence<'a>> {
    let range = question.range;
    let FromJournals { kept, refused, span } = journals.readings(device, range)?;
    let mut cloud = AtCloud::default();
    // Of a device that the cloud does not know, it does not say that there were no copies.
    let mut copies = None;
    if let Some(known) = known {
        cloud.held = source.readings(device, range)?;
        if known.conflicts > 0 {
            cloud.offered = source.conflicts(device, range)?;
        }
        copies = source.copies(device, range)?;
    }
    Ok(Evidence {
        device,
        gateways: journals.names(),
        kept,
        refused_surveys: refused,
        cloud,
        copies,
        span: join(span, known.and_then(|known| known.span)),
        range,
        interval: question.interval,
    })
}
