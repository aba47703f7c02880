//! A file that somebody imports, as far as what would be sent.

use crate::rules::{check_printable, check_values};
use fieldpost_core::{
    DeviceId, Reading, Survey, UtcInstant,
    station::{
        self, Depth,
        csv::{self, Columns},
    },
};
use std::collections::BTreeSet;

/// Readings that are held back: next to none, a few, and as many as the program does.
const HELD: [usize; 3] = [1, 5, 48_000];
/// The longest fault, in characters.
const MAX_FAULT: usize = 700;
const DAY: i64 = 86_400_000;

type Sent = BTreeSet<(DeviceId, Reading)>;
type Days = BTreeSet<(DeviceId, i64)>;

/// A file of `fieldpost import`; the headers of our CSV go before it, too.
///
/// What would be sent stands in a line of the file that is a whole station file by itself; nothing is sent of the day of a bad line; a
/// file without faults is sent whole; a fault is one printable line. Of a file that is too large to be held back nothing less is sent.
///
/// # Panics
/// A promise is broken.
pub fn import_file(data: &[u8]) {
    file(data);
    if !data.starts_with(csv::HEADER.as_bytes()) {
        for header in [csv::HEADER, csv::HEADER_WITH_FLAGS] {
            file(&[header.as_bytes(), b"\n", data].concat());
        }
    }
}

fn file(data: &[u8]) {
    let (good, spoilt) = lines(data);
    let mut before: Option<Sent> = None;
    for held in HELD {
        let (surveys, faults) = fieldpost::understand_import(data, None, held);
        faults.iter().for_each(|fault| check_printable(fault, MAX_FAULT));
        let sent = readings(&surveys);
        assert!(sent.is_subset(&good), "not in the file: {:?}", sent.difference(&good).next());
        assert!(before.is_none_or(|before| before.is_superset(&sent)), "less is sent where less is held");
        if held == 48_000 {
            let wrong = sent.iter().find(|(device, reading)| spoilt.contains(&day(device, reading.time)));
            assert!(wrong.is_none(), "of the day of a bad line: {wrong:?}");
            assert!(!faults.is_empty() || sent == good, "no fault, and not everything");
        }
        before = Some(sent);
    }
    let device = DeviceId::new("field-7").expect("an id");
    let (surveys, faults) = fieldpost::understand_import(data, Some(device.clone()), 48_000);
    faults.iter().for_each(|fault| check_printable(fault, MAX_FAULT));
    assert!(surveys.iter().all(|survey| survey.device == device), "whatever the file says");
}

fn day(device: &DeviceId, time: UtcInstant) -> (DeviceId, i64) {
    (device.clone(), time.as_millis().div_euclid(DAY))
}

fn readings(surveys: &[Survey]) -> Sent {
    let mut sent = Sent::new();
    for survey in surveys {
        let (Some(first), Some(last)) = (survey.readings.first(), survey.readings.last()) else {
            panic!("a survey of nothing");
        };
        assert_eq!(day(&survey.device, first.time), day(&survey.device, last.time), "a survey is a day");
        survey.readings.iter().for_each(|reading| check_values(reading.values));
        sent.extend(survey.readings.iter().map(|reading| (survey.device.clone(), *reading)));
    }
    sent
}

/// The readings of the lines that are good, each taken by itself; and the days of those that are not, as far as they say.
fn lines(data: &[u8]) -> (Sent, Days) {
    let (mut good, mut spoilt) = (Sent::new(), Days::new());
    let mut lines = data.split_inclusive(|byte| *byte == b'\n').map(String::from_utf8_lossy);
    let header = lines.clone().next().filter(|line| line.ends_with('\n') && Columns::of(line).is_some());
    lines.by_ref().take(usize::from(header.is_some())).for_each(drop);
    for line in lines {
        let whole = format!("{}{line}", header.as_deref().unwrap_or_default());
        let Ok(slots) = station::parse(&whole, Depth::default()) else {
            // Of one that is no text nobody says whose it is: then its neighbours are not sent.
            let is_text = line.ends_with('\n') && line.len() <= 4096 && !line.contains('\u{fffd}');
            spoilt.extend(is_text.then(|| place(&line)).flatten());
            continue;
        };
        for slot in slots {
            let device = DeviceId::new(slot.name).ok();
            let reading = slot.values.map(|values| Reading { time: slot.time, values });
            good.extend(device.zip(reading));
        }
    }
    (good, spoilt)
}

fn place(line: &str) -> Option<(DeviceId, i64)> {
    let mut cells = line.split(',');
    let device = DeviceId::new(cells.next()?).ok()?;
    Some(day(&device, cells.next()?.parse().ok()?))
}
