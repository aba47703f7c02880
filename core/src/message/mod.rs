//! The reference system's text: the device's datagram and the gateway's upload.
//!
//! A message is UTF-8 text, a measurement a line, blank lines between them:
//!
//! ```text
//! <id> HH:MM - <temperature> - <moisture>%                 as the reference device writes it
//! <id> YYYY-MM-DD HH:MMZ - <temperature> - <moisture>%     our dialect: a date, in UTC
//! ```
//!
//! Numbers may have decimals, and `-` stands for a missing value. A message is taken whole or refused whole. The
//! normative text, with bytes, is docs/PROTOCOL.md.

mod line;
mod print;

pub use print::{dated_line, from_file, line, split};

use crate::{
    DeviceId, Reading, Reason, Refusal, Survey, UtcInstant,
    bug::{self, Bug},
    dating::{self, Receipt},
    refusal::Place,
};
use alloc::{collections::BTreeMap, format, vec::Vec};
use jiff::tz::TimeZone;
use line::{Line, When};

/// The longest datagram, in bytes: the reference system's buffers are no larger.
pub const MAX_DATAGRAM: usize = 4096;

/// The surveys in a message whose first copy came at `received` to a site in `zone`.
///
/// Lines are dated and grouped by device, devices in order of first appearance. No bytes are a legal, empty day of
/// somebody; an id alone on its line is an empty day of that device.
///
/// # Errors
/// The first fault refuses the message whole; it names the line.
pub fn surveys(bytes: &[u8], received: UtcInstant, zone: &TimeZone) -> Result<Vec<Survey>, Refusal> {
    let text = core::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("byte {} is not UTF-8 text", error.valid_up_to().saturating_add(1));
        Refusal::new(Reason::NotUtf8, detail)
    })?;
    let mut surveys = Surveys::default();
    let receipt = Receipt::new(zone, received);
    for (index, line) in text.split('\n').enumerate() {
        let read = read_line(line, received, &receipt, &mut surveys);
        if read.is_err() && bug::on(Bug::TakeGoodLines) {
            continue;
        }
        read.map_err(|refusal| refusal.at(Place::Line(index.saturating_add(1))))?;
    }
    Ok(surveys.list)
}

fn read_line(
    text: &str,
    received: UtcInstant,
    receipt: &Receipt<'_>,
    surveys: &mut Surveys,
) -> Result<(), Refusal> {
    let Some(Line { device, measured }) = line::parse(text)? else { return Ok(()) };
    let readings = surveys.of(device)?;
    if let Some((when, values)) = measured {
        let time = match when {
            When::Dated(time) => time,
            When::TimeOfDay(time) => receipt.latest(time).ok_or_else(|| {
                Refusal::new(Reason::BadTime, "this time of day was never on the site's clock")
            })?,
        };
        dating::check(time, received)?;
        readings.push(Reading { time, values });
    }
    Ok(())
}

/// The surveys found so far.
#[derive(Default)]
struct Surveys {
    list: Vec<Survey>,
    /// Where each device stands in the list: a hostile upload may name a device a line.
    index: BTreeMap<DeviceId, usize>,
}

impl Surveys {
    /// The readings of `device`, which is added if it is new.
    fn of(&mut self, device: &str) -> Result<&mut Vec<Reading>, Refusal> {
        // Nearly always the device of the line before.
        let same = self.list.last().is_some_and(|last| last.device.as_str() == device);
        let position = match self.index.get(device) {
            _ if same => self.list.len().saturating_sub(1),
            Some(position) => *position,
            None => {
                let id = line::device_id(device)?;
                self.index.insert(id.clone(), self.list.len());
                self.list.push(Survey { device: id, readings: Vec::new() });
                self.list.len().saturating_sub(1)
            }
        };
        match self.list.get_mut(position) {
            Some(survey) => Ok(&mut survey.readings),
            None => Err(Refusal::new(Reason::Malformed, "the message cannot be read")),
        }
    }
}

#[cfg(test)]
mod tests;
