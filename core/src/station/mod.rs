//! Station files: a year of one station's soil, hour by hour, in NOAA's form ([`uscrn`]) or our own ([`csv`]).
//!
//! A line of either is one slot: an instant at which the station was due to measure, with what it measured, or with
//! nothing if it did not.

pub mod csv;
mod depth;
mod file;
pub mod uscrn;

pub use depth::Depth;
pub use file::parse;

use crate::{UtcInstant, Values};

/// One line of a station file: an instant, and what was measured then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The station's or the device's name, as the file has it.
    pub name: &'a str,
    /// The instant measured; of an hourly average, its end.
    pub time: UtcInstant,
    /// What was measured; nothing if both values are missing.
    pub values: Option<Values>,
}
