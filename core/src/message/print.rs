//! Messages, printed.

use crate::{
    DeviceId, Reading, UtcInstant, Values,
    dating::{self, TimeOfDay},
};
use alloc::{format, string::String, vec::Vec};
use core::{
    fmt::{self, Write},
    time::Duration,
};
use jiff::tz::TimeZone;

/// How long a line may be on its way and must still be dated right by whoever reads it.
const TRANSIT: Duration = Duration::from_secs(10 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The reference device's message: each line of its file behind its id, with one more newline. Blank lines of the
/// file are left out. Windows line ends become plain ones, as they do for the reference device.
#[must_use]
pub fn from_file(device: &DeviceId, text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let mut message = String::with_capacity(text.len() + lines * (device.as_str().len() + 2));
    for line in text.split_inclusive('\n').filter(|line| !line.trim().is_empty()) {
        let (line, end) = line.strip_suffix('\n').map_or((line, "\n"), |line| (line, "\n\n"));
        message.extend([device.as_str(), " ", line.strip_suffix('\r').unwrap_or(line), end]);
    }
    message
}

/// A line as a gateway passes it on at `now`: without a date, as the reference gateway would, if it is from the
/// last 24 hours and whoever reads it now or a little later, in `zone`, must give it the same instant; else dated.
#[must_use]
pub fn line(device: &DeviceId, reading: &Reading, now: UtcInstant, zone: &TimeZone) -> String {
    let (time, whole_minute) = TimeOfDay::at(reading.time, zone);
    let means = |received| dating::latest(time, zone, received) == Some(reading.time);
    let recent = reading.time <= now && now.duration_since(reading.time) <= DAY;
    if recent && whole_minute && means(now) && means(now.saturating_add(TRANSIT)) {
        let (hour, minute) = time.hour_minute();
        return print(device, format_args!("{hour:02}:{minute:02}"), reading.values);
    }
    dated_line(device, reading)
}

/// A line with its date, in UTC, to the minute.
#[must_use]
pub fn dated_line(device: &DeviceId, reading: &Reading) -> String {
    let time = reading.time.to_timestamp().strftime("%Y-%m-%d %H:%MZ");
    print(device, format_args!("{time}"), reading.values)
}

fn print(device: &DeviceId, when: fmt::Arguments<'_>, values: Values) -> String {
    format!("{device} {when} - {values}\n\n")
}

/// Cuts a message into pieces of whole lines, at most `limit` bytes each unless a single line is longer.
#[must_use]
pub fn split(message: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut rest, mut end) = (message, 0_usize);
    for line in message.split_inclusive('\n') {
        if end > 0 && end + line.len() > limit {
            let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            pieces.push(piece);
            (rest, end) = (after, 0);
        }
        end += line.len();
    }
    pieces.push(rest);
    // What is left when a line just fitted and the newline after it did not.
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

impl fmt::Display for Values {
    /// `<temperature> - <moisture>%`, with `-` for a missing value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.temperature() {
            Some(value) => write!(f, "{value}")?,
            None => f.write_char('-')?,
        }
        match self.moisture() {
            Some(value) => write!(f, " - {value}%"),
            None => f.write_str(" - -%"),
        }
    }
}
