//! SenML (RFC 8428): how surveys travel from gateway to cloud, and how any other sender may bring them.
//!
//! A record names `<device id>/temperature` in `Cel`, or `<device id>/moisture` in `/` (a ratio, 0 to 1). Numbers
//! are decimal from end to end and rounded to the resolution of readings, halves away from zero; times to the
//! millisecond. A pack may hold several devices, and is taken whole or refused whole.
//!
//! Of RFC 8428: base name, time, unit, value and version; times absolute or relative to now; records of base
//! fields only. Not taken: sums, and values that are not numbers. One label is ours, `received`, on the first
//! record of a survey: when the gateway got it, seconds as in `t`. Others ignore it, as they must.

mod cbor;
mod json;
mod resolve;

pub use cbor::{decode_cbor, encode_records, pack};
pub use json::{decode_json, encode_json};

use crate::{Offer, Reading, Survey, UtcInstant, Values};
use alloc::vec::Vec;

/// The most records of a pack: a survey of four years of hours in one go, and a bound on what a pack of tiny records
/// makes of its bytes.
pub const MAX_RECORDS: usize = 200_000;

/// A pack as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The surveys, in order of appearance. A device has several if the sender marks where each starts.
    pub surveys: Vec<PackSurvey>,
    /// A time was relative to now: another copy of the same bytes, later, would be dated differently.
    pub relative: bool,
}

/// One device's survey in a pack, its readings in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackSurvey {
    /// What was measured. The two values of an instant stand in one reading.
    pub survey: Survey,
    /// When the gateway got it, if the sender says.
    pub received: Option<UtcInstant>,
}

/// Readings as they are printed, and whether the moisture goes before the temperature.
///
/// Of two readings of one instant that contradict each other, the second must begin with a value that does: whoever reads
/// records takes one that does not contradict for a part of the first.
fn in_order(readings: &[Reading]) -> impl Iterator<Item = (&Reading, bool)> {
    let mut held: Option<Reading> = None;
    readings.iter().map(move |reading| {
        let before = held.filter(|held| held.time == reading.time).map(|held| held.values);
        let offer = before.map(|values| values.offer(reading.values));
        // If the temperatures do not contradict each other, the moistures do.
        let held_temperature = before.and_then(Values::temperature);
        let moisture_first = offer == Some(Offer::Differs)
            && (held_temperature.is_none() || held_temperature == reading.values.temperature());
        held = match (offer, before) {
            (Some(Offer::Same), Some(values)) | (Some(Offer::Adds(values)), _) => {
                Some(Reading { values, ..*reading })
            }
            _ => Some(*reading),
        };
        (reading, moisture_first)
    })
}

/// The last segment of a name, and its unit.
mod quantity {
    pub(super) const TEMPERATURE: &str = "temperature";
    pub(super) const CELSIUS: &str = "Cel";
    pub(super) const MOISTURE: &str = "moisture";
    pub(super) const RATIO: &str = "/";
    /// Our label.
    pub(super) const RECEIVED: &str = "received";
}

#[cfg(test)]
mod tests;
