//! What operators hand in: a survey file, a station's file, the configuration.

use crate::rules::{check_refusal, check_values};
use fieldpost_core::{
    DeviceId, Reading, UtcInstant, message,
    quality::Flags,
    station::{
        self, Depth, Slot,
        csv::{self, Columns},
    },
};
use jiff::tz::TimeZone;

/// A survey file, as `fieldpost device --survey` reads it: what it lets pass, a gateway takes.
///
/// # Panics
/// A promise is broken.
pub fn survey_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let device = DeviceId::new("192.168.1.2").expect("an id");
    let readings = match fieldpost_device::check_survey(&device, text) {
        Ok(readings) => readings,
        Err(refusal) => return check_refusal(&refusal),
    };
    let whole = message::from_file(&device, text);
    let mut read = 0;
    for datagram in message::split(&whole, message::MAX_DATAGRAM) {
        assert!(datagram.len() <= message::MAX_DATAGRAM, "a datagram of {} bytes", datagram.len());
        let surveys = message::surveys(datagram.as_bytes(), UtcInstant::LATEST, &TimeZone::UTC);
        for survey in surveys.expect("what the device has checked is a message") {
            assert_eq!(survey.device, device, "a file speaks for its own device alone");
            survey.readings.iter().for_each(|reading| check_values(reading.values));
            read += survey.readings.len();
        }
    }
    assert_eq!(readings, read as u64, "every line of the file is sent");
}

/// NOAA's station file; the length of the input chooses the depth.
///
/// # Panics
/// A promise is broken.
pub fn station_uscrn(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let depth = Depth::ALL.get(data.len() % Depth::ALL.len()).copied().unwrap_or_default();
    station(text, depth);
}

/// Our own CSV; both headers go before the input unless one is there, so that nobody must find them first.
///
/// # Panics
/// A promise is broken.
pub fn station_csv(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if !text.starts_with(csv::HEADER) {
        for header in [csv::HEADER, csv::HEADER_WITH_FLAGS] {
            let text = format!("{header}\n{text}");
            station(&text, Depth::Cm5);
            flagged(&text);
        }
    }
    station(text, Depth::Cm5);
    flagged(text);
}

/// With flags a file says what it says without them; and flags, printed, are the same flags.
fn flagged(text: &str) {
    let Some((header, rows)) = text.split_once('\n') else { return };
    if Columns::of(header) != Some(Columns::ValuesAndFlags) {
        return;
    }
    let Ok(slots) = station::parse(text, Depth::Cm5) else { return };
    let mut without = format!("{}\n", csv::HEADER);
    for row in rows.lines().map(str::trim_end).filter(|row| !row.is_empty()) {
        let (values, names) = row.rsplit_once(',').expect("a row has five cells");
        let flags = Flags::parse(names).expect("what is taken names flags");
        assert_eq!(Flags::parse(&flags.to_string()), Some(flags), "{names}");
        assert_eq!(names.split(' ').all(|name| name == "G"), flags == Flags::NONE, "{names}");
        without.push_str(&format!("{values}\n"));
    }
    assert_eq!(station::parse(&without, Depth::Cm5), Ok(slots), "{without}");
}

fn station(text: &str, depth: Depth) {
    let slots = match station::parse(text, depth) {
        Ok(slots) => slots,
        Err(refusal) => return check_refusal(&refusal),
    };
    assert!(slots.is_sorted_by(|one, next| one.time < next.time), "each instant once, in order");
    slots.iter().filter_map(|slot| slot.values).for_each(check_values);
    // The names of NOAA's stations are not ours to judge; those that are ids go into our own form and come back.
    let Some(device) = slots.first().and_then(|slot| DeviceId::new(slot.name).ok()) else { return };
    let rows = slots.iter().map(|slot| row(&device, slot));
    let exported = format!("{}\n{}", csv::HEADER, rows.collect::<String>());
    assert_eq!(station::parse(&exported, Depth::Cm5), Ok(slots), "{exported}");
}

fn row(device: &DeviceId, slot: &Slot<'_>) -> String {
    match slot.values {
        Some(values) => csv::row(device, &Reading { time: slot.time, values }),
        None => format!("{device},{},,\n", slot.time),
    }
}

/// The text of a `fieldpost.toml`: it becomes flags, or an error that says where.
///
/// # Panics
/// A promise is broken.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match fieldpost::config::check(text) {
        Ok(flags) => {
            let again = fieldpost::config::check(text);
            assert_eq!(again.as_ref(), Ok(&flags), "the same text is the same settings");
            assert!(flags.iter().all(|flag| flag.starts_with("--")), "{flags:?}");
        }
        Err(why) => assert!(!why.trim().is_empty(), "an error says what is wrong"),
    }
}
