//! One line of a message, read.

use crate::{
    DeviceId, InvalidId, Moisture, Reason, Refusal, Temperature, UtcInstant, Values, dating::TimeOfDay,
    decimal::Decimal, refusal::Quoted,
};
use alloc::format;
use jiff::{civil::Date, tz::TimeZone};

/// A line: who, and what was measured when; an id alone says only who.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Not yet checked: that is done once a device, not once a line.
    pub(super) device: &'a str,
    pub(super) measured: Option<(When, Values)>,
}

/// The time as the line has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum When {
    TimeOfDay(TimeOfDay),
    Dated(UtcInstant),
}

const SHAPE: &str = "write `<id> HH:MM - <temperature> - <moisture>%`";

/// Reads a line without its newline; None if it is blank.
pub(super) fn parse(text: &str) -> Result<Option<Line<'_>>, Refusal> {
    let mut tokens = text.split([' ', '\t', '\r']).filter(|token| !token.is_empty());
    let Some(device) = tokens.next() else { return Ok(None) };
    let Some(second) = tokens.next() else { return only_an_id(device).map(Some) };
    if second == "-" && TimeOfDay::parse(device).is_some() {
        return Err(Refusal::new(Reason::NoDevice, format!("no device id before the time; {SHAPE}")));
    }
    let (date, time) = match second.contains(':') {
        true => (None, second),
        false => (Some(second), tokens.next().ok_or_else(ends_early)?),
    };
    let when = parse_when(date, time)?;
    dash(tokens.next())?;
    let temperature = parse_temperature(tokens.next().ok_or_else(ends_early)?)?;
    dash(tokens.next())?;
    let moisture = parse_moisture(tokens.next().ok_or_else(ends_early)?)?;
    if let Some(more) = tokens.next() {
        return Err(malformed(format!("{} after the end of the measurement; {SHAPE}", Quoted(more))));
    }
    let values = Values::new(temperature, moisture).ok_or_else(|| {
        Refusal::new(Reason::NoValue, "neither temperature nor moisture; leave the line out")
    })?;
    Ok(Some(Line { device, measured: Some((when, values)) }))
}

/// Makes an id of a line's first word.
pub(super) fn device_id(text: &str) -> Result<DeviceId, Refusal> {
    DeviceId::new(text).map_err(|error| bad_device(text, error))
}

fn bad_device(text: &str, error: InvalidId) -> Refusal {
    Refusal::new(Reason::BadDevice, format!("{} is not a device id: {error}", Quoted(text)))
}

/// The reference device makes such a line of a blank one in its file.
fn only_an_id(device: &str) -> Result<Line<'_>, Refusal> {
    DeviceId::check(device).map_err(|error| bad_device(device, error))?;
    Ok(Line { device, measured: None })
}

fn parse_when(date: Option<&str>, time: &str) -> Result<When, Refusal> {
    let bad_time = |text: &str| {
        let detail = format!("{} is not a time of day; write 00:00 to 23:59", Quoted(text));
        Refusal::new(Reason::BadTime, detail)
    };
    let Some(date) = date else {
        return TimeOfDay::parse(time).map(When::TimeOfDay).ok_or_else(|| bad_time(time));
    };
    let clock = time.strip_suffix('Z').unwrap_or(time);
    let (hour, minute) = TimeOfDay::parse(clock).ok_or_else(|| bad_time(time))?.hour_minute();
    let day = parse_date(date).ok_or_else(|| {
        let detail = format!("{} is not a date; write 2025-07-01, or a time such as 08:00", Quoted(date));
        Refusal::new(Reason::BadTime, detail)
    })?;
    let instant = TimeZone::UTC.to_ambiguous_timestamp(day.at(hour, minute, 0, 0)).compatible();
    instant.map(|instant| When::Dated(instant.into())).map_err(|_| bad_time(time))
}

/// Reads exactly `YYYY-MM-DD`.
fn parse_date(text: &str) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    let month = i8::try_from(number(&[m1, m2])?).ok()?;
    let day = i8::try_from(number(&[d1, d2])?).ok()?;
    Date::new(number(&[y1, y2, y3, y4])?, month, day).ok()
}

fn parse_temperature(text: &str) -> Result<Option<Temperature>, Refusal> {
    if text == "-" {
        return Ok(None);
    }
    let number = Decimal::parse_plain(text).ok_or_else(|| {
        let detail =
            format!("temperature {} is not a number; write degrees Celsius, such as 20.5", Quoted(text));
        Refusal::new(Reason::BadTemperature, detail)
    })?;
    let temperature = number.scaled(2).and_then(Temperature::from_hundredths);
    temperature.map(Some).ok_or_else(|| {
        let detail = format!("temperature {} is not between -100 and 100 degrees Celsius", Quoted(text));
        Refusal::new(Reason::BadTemperature, detail)
    })
}

fn parse_moisture(text: &str) -> Result<Option<Moisture>, Refusal> {
    let bad = |why: &str| Refusal::new(Reason::BadMoisture, format!("moisture {} {why}", Quoted(text)));
    if text == "-" || text == "-%" {
        return Ok(None);
    }
    let digits = text.strip_suffix('%').ok_or_else(|| bad("has no `%`; write percent, such as 30%"))?;
    let number =
        Decimal::parse_plain(digits).ok_or_else(|| bad("is not a number; write percent, such as 30%"))?;
    let moisture = number.scaled(2).and_then(Moisture::from_hundredths);
    moisture.map(Some).ok_or_else(|| bad("is not between 0 and 100 percent"))
}

fn dash(token: Option<&str>) -> Result<(), Refusal> {
    match token {
        Some("-") => Ok(()),
        Some(other) => Err(malformed(format!("{} where ` - ` should stand; {SHAPE}", Quoted(other)))),
        None => Err(ends_early()),
    }
}

fn ends_early() -> Refusal {
    malformed(format!("the line ends early; {SHAPE}"))
}

fn malformed(detail: alloc::string::String) -> Refusal {
    Refusal::new(Reason::Malformed, detail)
}
