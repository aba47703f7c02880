use super::*;
use crate::{Moisture, Temperature, Values};
use alloc::{string::String, string::ToString, vec};
use proptest::prelude::*;

const RECEIVED: &str = "2026-07-01T21:30:00Z";

fn received() -> UtcInstant {
    RECEIVED.parse().unwrap()
}

fn read(text: &str) -> Result<Vec<Survey>, Refusal> {
    surveys(text.as_bytes(), received(), &TimeZone::UTC)
}

fn reading(time: &str, temperature: Option<i64>, moisture: Option<i64>) -> Reading {
    let values = Values::new(
        temperature.and_then(Temperature::from_hundredths),
        moisture.and_then(Moisture::from_hundredths),
    );
    Reading { time: time.parse().unwrap(), values: values.unwrap() }
}

fn id(text: &str) -> DeviceId {
    DeviceId::new(text).unwrap()
}

#[test]
fn the_reference_devices_message_is_made_byte_for_byte() {
    let file = "08:00 - 20 - 30%\n12:00 - 25 - 33%\n16:00 - 23 - 32%\n20:00 - 21 - 28%";
    let message = from_file(&id("192.168.1.2"), file);
    assert_eq!(
        message,
        "192.168.1.2 08:00 - 20 - 30%\n\n192.168.1.2 12:00 - 25 - 33%\n\n\
         192.168.1.2 16:00 - 23 - 32%\n\n192.168.1.2 20:00 - 21 - 28%\n"
    );
    assert_eq!(message.len(), 119);
    assert_eq!(from_file(&id("192.168.1.2"), &(file.to_string() + "\n")).len(), 120);
    assert_eq!(from_file(&id("a"), ""), "", "an empty file is a legal day");
    assert_eq!(from_file(&id("a"), "08:00 - 1 - 2%\r\n\n"), "a 08:00 - 1 - 2%\n\n");
}

#[test]
fn a_message_of_the_reference_device_is_read_and_dated() {
    let message = "192.168.1.2 08:00 - 20 - 30%\n\n192.168.1.2 23:00 - 21 - 28%\n";
    let expected = Survey {
        device: id("192.168.1.2"),
        readings: vec![
            reading("2026-07-01T08:00:00Z", Some(2000), Some(3000)),
            reading("2026-06-30T23:00:00Z", Some(2100), Some(2800)),
        ],
    };
    assert_eq!(read(message), Ok(vec![expected]));
    assert_eq!(read(""), Ok(vec![]), "no bytes are a legal day");
    assert_eq!(read("\n\n"), Ok(vec![]));
    assert_eq!(read("m1 \n\n"), Ok(vec![Survey { device: id("m1"), readings: vec![] }]));
}

#[test]
fn our_dialect_has_dates_decimals_and_missing_values() {
    let message =
        "a 2025-07-01 08:00Z - 20.5 - 30%\na 2025-07-01 09:00 - -0.05 - -%\na 2025-07-01 10:00Z - - - 0.285%";
    let readings = vec![
        reading("2025-07-01T08:00:00Z", Some(2050), Some(3000)),
        reading("2025-07-01T09:00:00Z", Some(-5), None),
        reading("2025-07-01T10:00:00Z", None, Some(29)),
    ];
    assert_eq!(read(message), Ok(vec![Survey { device: id("a"), readings }]));
}

#[test]
fn lines_are_grouped_by_device_and_keep_their_order() {
    let found = read("a 08:00 - 1 - 1%\nb 08:00 - 2 - 2%\na 07:00 - 3 - 3%\na 07:00 - 3 - 3%\n").unwrap();
    let shape: Vec<_> = found.iter().map(|survey| (survey.device.as_str(), survey.readings.len())).collect();
    assert_eq!(shape, [("a", 3), ("b", 1)]);
}

#[test]
fn one_bad_line_refuses_the_message_and_is_named() {
    for (line, reason) in [
        ("08:00 - 20 - 30%", Reason::NoDevice),
        (".x 08:00 - 20 - 30%", Reason::BadDevice),
        ("a/b 08:00 - 20 - 30%", Reason::BadDevice),
        ("a\0 08:00 - 20 - 30%", Reason::BadDevice),
        ("a 24:00 - 20 - 30%", Reason::BadTime),
        ("a 7:5 - 20 - 30%", Reason::BadTime),
        ("a 08:00Z - 20 - 30%", Reason::BadTime),
        ("a 2026-02-30 08:00Z - 20 - 30%", Reason::BadTime),
        ("a 1999-12-31 23:59Z - 20 - 30%", Reason::TooOld),
        ("a 2026-07-01 21:36Z - 20 - 30%", Reason::Future),
        ("a 08:00 - abc - 30%", Reason::BadTemperature),
        ("a 08:00 - 1e9 - 30%", Reason::BadTemperature),
        ("a 08:00 - NaN - 30%", Reason::BadTemperature),
        ("a 08:00 - 100.01 - 30%", Reason::BadTemperature),
        ("a 08:00 - -101 - 30%", Reason::BadTemperature),
        ("a 08:00 - 20 - -1%", Reason::BadMoisture),
        ("a 08:00 - 20 - 101%", Reason::BadMoisture),
        ("a 08:00 - 20 - 30", Reason::BadMoisture),
        ("a 08:00 - - - -", Reason::NoValue),
        ("a 08:00 - 20", Reason::Malformed),
        ("a 08:00 20 30%", Reason::Malformed),
        ("a 08:00 - 20 - 30% x", Reason::Malformed),
        ("a 2026-07-01", Reason::Malformed),
    ] {
        let refusal = read(&alloc::format!("a 07:00 - 1 - 1%\n{line}\na 09:00 - 1 - 1%\n")).unwrap_err();
        assert_eq!((refusal.reason(), refusal.place()), (reason, Place::Line(2)), "{line}: {refusal}");
        assert!(refusal.to_string().len() < 200, "{refusal}");
    }
    let not_text = surveys(b"a 08:00 - 1 - 1%\n\xff", received(), &TimeZone::UTC).unwrap_err();
    assert_eq!(not_text.to_string(), "byte 18 is not UTF-8 text");
}

#[test]
fn a_line_has_no_date_only_where_every_reader_must_find_the_same_one() {
    let rome = TimeZone::get("Europe/Rome").unwrap();
    let printed = |time: &str, now: &str| {
        let line = line(&id("a"), &reading(time, Some(2050), None), now.parse().unwrap(), &rome);
        String::from(line.trim_end())
    };
    assert_eq!(printed("2026-07-01T06:00:00Z", "2026-07-01T20:00:00Z"), "a 08:00 - 20.5 - -%");
    assert_eq!(
        printed("2026-07-01T06:00:00Z", "2026-07-02T06:00:00Z"),
        "a 2026-07-01 06:00Z - 20.5 - -%",
        "a day old: the reader would take it for today's"
    );
    assert_eq!(printed("2026-06-01T06:00:00Z", "2026-07-02T06:00:00Z"), "a 2026-06-01 06:00Z - 20.5 - -%");
    assert_eq!(
        printed("2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z"),
        "a 2026-10-25 00:30Z - 20.5 - -%",
        "02:30 came twice, and this is the first"
    );
    assert_eq!(printed("2026-10-25T01:30:00Z", "2026-10-25T05:00:00Z"), "a 02:30 - 20.5 - -%");
}

#[test]
fn a_long_message_is_split_into_whole_lines() {
    let file: String = (0..200).map(|n| alloc::format!("{:02}:{:02} - 20 - 30%\n", n / 60, n % 60)).collect();
    let message = from_file(&id("192.168.1.2"), &file);
    let pieces = split(&message, MAX_DATAGRAM);
    assert!(pieces.iter().all(|piece| piece.len() <= MAX_DATAGRAM), "{pieces:?}");
    assert_eq!(pieces.concat(), message);
    let lines: usize = pieces.iter().map(|piece| read(piece).unwrap()[0].readings.len()).sum();
    assert_eq!((pieces.len(), lines), (2, 200));
    assert_eq!(split("", MAX_DATAGRAM), Vec::<&str>::new());
    assert_eq!(split("ab\n\n", 3), ["ab\n"], "an empty line alone is no message");
}

prop_compose! {
    fn any_reading()(
        minute in 946_684_800_i64 / 60..1_782_900_000 / 60,
        temperature in proptest::option::of(-10_000_i64..=10_000),
        moisture in proptest::option::of(0_i64..=10_000),
        other in 0_i64..=10_000,
    ) -> Reading {
        let moisture = moisture.or(temperature.is_none().then_some(other));
        let values = Values::new(
            temperature.and_then(Temperature::from_hundredths),
            moisture.and_then(Moisture::from_hundredths),
        );
        Reading { time: UtcInstant::from_millis(minute * 60_000), values: values.unwrap() }
    }
}

proptest! {
    #[test]
    fn printing_then_reading_is_the_identity(
        device in "[A-Za-z0-9][A-Za-z0-9:._-]{0,62}", reading in any_reading(), ago in 0_i64..3000, zone in 0_usize..4,
    ) {
        let device = id(&device);
        let name = ["UTC", "Europe/Rome", "America/St_Johns", "Australia/Lord_Howe"][zone];
        let zone = TimeZone::get(name).unwrap();
        let now = UtcInstant::from_millis(reading.time.as_millis() + ago * 60_000);
        let expected = Ok(vec![Survey { device: device.clone(), readings: vec![reading] }]);
        let dated = dated_line(&device, &reading);
        prop_assert_eq!(&surveys(dated.as_bytes(), now, &zone), &expected);
        let line = line(&device, &reading, now, &zone);
        prop_assert_eq!(&surveys(line.as_bytes(), now, &zone), &expected, "{}", line);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = surveys(&bytes, received(), &TimeZone::UTC);
    }

    #[test]
    fn no_text_of_the_formats_own_characters_panics(text in "[a1 :.Z%\\-\n0-9]{0,60}", limit in 0_usize..40) {
        let _ = read(&text);
        for piece in split(&text, limit) {
            prop_assert!(!piece.trim().is_empty());
        }
    }
}
