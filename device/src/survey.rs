//! A survey file: the reference device's day, one measurement a line.

use std::path::Path;

use fieldpost_core::{DeviceId, Place, Reason, Refusal, UtcInstant, message};
use jiff::tz::TimeZone;

use crate::{Error, file};

/// The largest survey file: a reading a second all day long, and then some.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The present as local checks take it, so that nothing is in the future: a meter's clock may be wrong, or it may have
/// none. The gateway does the dating.
pub(crate) const FAR_FUTURE: UtcInstant = UtcInstant::LATEST;

/// What a survey file becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The reference device's message, byte for byte.
    pub(crate) text: String,
    pub(crate) readings: u64,
}

/// Reads the survey file at `path` and makes `device`'s message of it.
pub(crate) fn load(path: &Path, device: &DeviceId) -> Result<Message, Error> {
    let text = file::read(path, MAX_FILE)?;
    let readings =
        check(device, &text).map_err(|refusal| Error::Content { file: path.to_owned(), refusal })?;
    Ok(Message { text: message::from_file(device, &text), readings })
}

/// Refuses what the gateway would refuse of `device`'s survey file, naming the line of the file; returns how many readings
/// there are.
///
/// # Errors
/// At the first line that is no measurement, or too long for a datagram.
pub fn check(device: &DeviceId, text: &str) -> Result<u64, Refusal> {
    let mut readings = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let sent = message::from_file(device, line);
        readings += check_line(&sent).map_err(|refusal| refusal.at(Place::Line(number)))?;
    }
    Ok(readings)
}

fn check_line(sent: &str) -> Result<u64, Refusal> {
    if sent.len() > message::MAX_DATAGRAM {
        let detail = format!("longer than the {} bytes of a datagram", message::MAX_DATAGRAM);
        return Err(Refusal::new(Reason::TooLong, detail));
    }
    let surveys = message::surveys(sent.as_bytes(), FAR_FUTURE, &TimeZone::UTC)?;
    Ok(surveys.iter().map(|survey| survey.readings.len() as u64).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        check(&DeviceId::new("192.168.1.2").unwrap(), text).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_line_is_named_by_its_place_in_the_file() {
        let good = "08:00 - 20 - 30%\n";
        assert!(
            refused(&format!("{good}{good}12:00 - warm - 33%\n")).starts_with("line 3: temperature `warm`")
        );
        assert!(refused(&format!("{good}\n24:00 - 20 - 30%\n")).starts_with("line 3: "));
        assert!(
            refused(&format!("{good}08:00 - 20 -{}30%\n", " ".repeat(5000))).starts_with("line 2: longer")
        );
        assert!(refused("08:00 - 20 - 30").starts_with("line 1: "), "no percent sign");
        assert!(refused("1999-12-31 08:00Z - 20 - 30%").starts_with("line 1: "));
    }

    #[test]
    fn an_empty_file_is_a_legal_day_and_blank_lines_are_nothing() {
        let device = DeviceId::new("192.168.1.2").unwrap();
        assert_eq!(check(&device, ""), Ok(0));
        assert_eq!(check(&device, "\n08:00 - 20 - 30%\r\n\n2025-07-01 08:00Z - 20.5 - -%"), Ok(2));
    }
}
