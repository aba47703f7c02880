use super::*;
use crate::{DeviceId, Moisture, Reading, Reason, Refusal, Temperature, Values, refusal::Place};
use alloc::{
    format,
    string::{String, ToString},
    vec,
};
use proptest::prelude::*;

fn now() -> UtcInstant {
    "2026-07-01T21:30:00Z".parse().unwrap()
}

fn reading(time: &str, temperature: Option<i64>, moisture: Option<i64>) -> Reading {
    let values = Values::new(
        temperature.and_then(Temperature::from_hundredths),
        moisture.and_then(Moisture::from_hundredths),
    );
    Reading { time: time.parse().unwrap(), values: values.unwrap() }
}

fn survey(device: &str, readings: Vec<Reading>) -> Survey {
    Survey { device: DeviceId::new(device).unwrap(), readings }
}

fn json(text: &str) -> Result<Vec<Survey>, Refusal> {
    let pack = decode_json(text.as_bytes(), now())?;
    Ok(pack.surveys.into_iter().map(|one| one.survey).collect())
}

#[test]
fn a_pack_in_json_has_base_fields_and_several_devices() {
    let text = r#"[
        {"bn":"m1/","bt":1751356800,"bu":"Cel","bver":10,"n":"temperature","v":20.5},
        {"n":"moisture","u":"/","v":0.285},
        {"n":"temperature","t":3600,"v":-7.4,"note":{"any":["thing"]}},
        {"bn":"","n":"m2/moisture","u":"/","v":1e-1}
    ]"#;
    let first = reading("2025-07-01T08:00:00Z", Some(2050), Some(2850));
    let second = reading("2025-07-01T09:00:00Z", Some(-740), None);
    let other = reading("2025-07-01T08:00:00Z", None, Some(1000));
    assert_eq!(json(text), Ok(vec![survey("m1", vec![first, second]), survey("m2", vec![other])]));
}

#[test]
fn times_are_absolute_or_relative_to_now() {
    let pack = decode_json(br#"[{"n":"a/temperature","u":"Cel","v":1,"t":-3600}]"#, now()).unwrap();
    assert!(pack.relative);
    assert_eq!(pack.surveys[0].survey.readings[0].time.to_string(), "2026-07-01T20:30:00Z");
    let pack = decode_json(br#"[{"n":"a/temperature","u":"Cel","v":1}]"#, now()).unwrap();
    assert_eq!(pack.surveys[0].survey.readings[0].time, now(), "no time is now");
    let pack =
        decode_json(br#"[{"n":"a/temperature","u":"Cel","v":1,"t":1.276020076001e9}]"#, now()).unwrap();
    assert!(!pack.relative);
    assert_eq!(pack.surveys[0].survey.readings[0].time.to_string(), "2010-06-08T18:01:16.001Z");
}

#[test]
fn a_base_value_is_added_exactly() {
    let text = r#"[{"bn":"a/","bv":20.1,"bt":1751356800,"n":"temperature","u":"Cel","v":0.2}]"#;
    assert_eq!(json(text).unwrap()[0].readings, [reading("2025-07-01T08:00:00Z", Some(2030), None)]);
}

#[test]
fn readings_are_sorted_and_the_two_values_of_an_instant_joined() {
    let text = r#"[
        {"bn":"a/","bt":1751356800,"n":"temperature","u":"Cel","t":60,"v":2},
        {"n":"temperature","u":"Cel","v":1},
        {"n":"moisture","u":"/","t":60,"v":0.2},
        {"n":"moisture","u":"/","v":0.1},
        {"n":"temperature","u":"Cel","v":9}
    ]"#;
    let readings = vec![
        reading("2025-07-01T08:00:00Z", Some(100), Some(1000)),
        reading("2025-07-01T08:00:00Z", Some(900), None),
        reading("2025-07-01T08:01:00Z", Some(200), Some(2000)),
    ];
    assert_eq!(json(text), Ok(vec![survey("a", readings)]), "a contradiction stays, behind the first value");
}

#[test]
fn one_bad_record_refuses_the_pack_and_is_named() {
    for (record, reason) in [
        (r#"{"n":"a/temperature","u":"K","v":290}"#, Reason::UnknownUnit),
        (r#"{"n":"a/temperature","v":20}"#, Reason::UnknownUnit),
        (r#"{"n":"a/moisture","u":"%","v":20}"#, Reason::UnknownUnit),
        (r#"{"n":"a/moisture","u":"/","v":1.01}"#, Reason::BadMoisture),
        (r#"{"n":"a/temperature","u":"Cel","v":1e300}"#, Reason::BadTemperature),
        (r#"{"n":"a/voltage","u":"V","v":3}"#, Reason::UnknownQuantity),
        (r#"{"n":"temperature","u":"Cel","v":3}"#, Reason::NoDevice),
        (r#"{"n":"a b/temperature","u":"Cel","v":3}"#, Reason::BadDevice),
        (r#"{"n":"a/temperature","u":"Cel"}"#, Reason::NoValue),
        (r#"{"n":"a/temperature","u":"Cel","vs":"20"}"#, Reason::Malformed),
        (r#"{"n":"a/temperature","u":"Cel","v":1,"t":1e30}"#, Reason::BadTime),
        (r#"{"n":"a/temperature","u":"Cel","v":1,"t":3600}"#, Reason::Future),
        (r#"{"n":"a/temperature","u":"Cel","v":1,"t":900000000}"#, Reason::TooOld),
        (r#"{"bver":11,"n":"a/temperature","u":"Cel","v":1}"#, Reason::NotSupported),
    ] {
        let pack = format!(r#"[{{"n":"a/temperature","u":"Cel","v":1}},{record}]"#);
        let refusal = json(&pack).unwrap_err();
        assert_eq!((refusal.reason(), refusal.place()), (reason, Place::Record(2)), "{record}: {refusal}");
    }
    for (text, reason) in [
        ("", Reason::Truncated),
        ("{}", Reason::Malformed),
        ("[1]", Reason::Malformed),
        ("[{\"n\":\"a/temper", Reason::Truncated),
        ("[]x", Reason::Malformed),
        (r#"[{"n":"a/temperature","u":"Cel","v":"20"}]"#, Reason::Malformed),
        (r#"[{"n":"a/temperature","u":"Cel","v":1,"x_":1}]"#, Reason::NotSupported),
    ] {
        assert_eq!(json(text).unwrap_err().reason(), reason, "{text}");
    }
    assert_eq!(json("[]"), Ok(vec![]));
}

/// The bytes that docs/PROTOCOL.md shows.
const DAY: &[u8] = b"\x9f\
    \xa6\x21\x6c192.168.1.2/\x22\x1a\x68\x63\x95\x80\x68received\x1a\x68\x64\x65\xa0\
    \x00\x6btemperature\x01\x63Cel\x02\xc4\x82\x20\x18\xcd\
    \xa3\x00\x68moisture\x01\x61/\x02\xc4\x82\x20\x03\
    \xa4\x00\x6btemperature\x01\x63Cel\x06\x19\x0e\x10\x02\x15\
    \xff";

#[test]
fn a_pack_in_cbor_has_these_bytes() {
    let readings = vec![
        reading("2025-07-01T08:00:00Z", Some(2050), Some(3000)),
        reading("2025-07-01T09:00:00Z", Some(2100), None),
    ];
    let survey = survey("192.168.1.2", readings);
    let received: UtcInstant = "2025-07-01T22:48:00Z".parse().unwrap();
    let bytes = pack([&encode_records(&survey, Some(received))[..]]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected: String = DAY.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}

#[test]
fn cbor_numbers_come_in_every_form() {
    let head = b"\x81\xa4\x00\x6da/temperature\x01\x63Cel\x06\x1a\x68\x63\x96\x00\x02";
    for (value, hundredths) in [
        (&b"\x14"[..], 2000),
        (b"\x26", -700),
        (b"\xf9\x4d\x20", 2050),
        (b"\xfa\x41\xa3\x99\x9a", 2045),
        (b"\xfb\x40\x34\x73\x33\x33\x33\x33\x33", 2045),
        (b"\xc4\x82\x21\x19\x07\xfd", 2045),
    ] {
        let pack = decode_cbor(&[head, value].concat(), now()).unwrap();
        let held = pack.surveys[0].survey.readings[0].values.temperature().unwrap().hundredths();
        assert_eq!(held, hundredths, "{value:x?}");
    }
    for bad in [
        &b"\xf9\x7e\x00"[..],
        b"\xf5",
        b"\x61a",
        b"\xc4\x80",
        b"\xc2\x41\x01",
        b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let refusal = decode_cbor(&[head, bad].concat(), now()).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Malformed, "{bad:x?}: {refusal}");
    }
}

#[test]
fn a_pack_in_cbor_that_ends_anywhere_early_is_truncated() {
    assert!(decode_cbor(DAY, now()).is_ok());
    for end in 0..DAY.len() {
        let refusal = decode_cbor(&DAY[..end], now()).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Truncated, "cut at {end}: {refusal}");
    }
    let refusal = decode_cbor(&[DAY, b"\x00"].concat(), now()).unwrap_err();
    assert_eq!(refusal.reason(), Reason::Malformed);
}

#[test]
fn a_pack_of_too_many_records_is_refused() {
    let base_only = [0xa0];
    let records = |count: usize| decode_cbor(&pack(core::iter::repeat_n(&base_only[..], count)), now());
    assert!(records(MAX_RECORDS).is_ok());
    assert_eq!(records(MAX_RECORDS + 1).unwrap_err().reason(), Reason::TooLong);
}

#[test]
fn surveys_of_one_device_that_came_apart_stay_apart() {
    let one = survey("a", vec![reading("2025-07-01T08:00:00Z", Some(1), None)]);
    let two = survey("a", vec![]);
    let (early, late) =
        (UtcInstant::from_millis(1_751_400_000_000), UtcInstant::from_millis(1_751_400_000_123));
    let records = [encode_records(&one, Some(early)), encode_records(&two, Some(late))];
    let pack = decode_cbor(&pack(records.iter().map(Vec::as_slice)), now()).unwrap();
    let expected =
        [PackSurvey { survey: one, received: Some(early) }, PackSurvey { survey: two, received: Some(late) }];
    assert_eq!(pack.surveys, expected);
}

/// The first of two that contradict each other must not be completed from the second on the way.
#[test]
fn readings_of_one_instant_that_contradict_each_other_stay_as_they_are() {
    let at = |temperature, moisture| reading("2025-07-01T08:00:00Z", temperature, moisture);
    for readings in [
        vec![at(None, Some(10)), at(Some(20), Some(30))],
        vec![at(Some(20), Some(10)), at(Some(20), Some(30))],
        vec![at(Some(20), Some(10)), at(Some(21), Some(10)), at(Some(20), None)],
        vec![at(Some(20), None), at(Some(21), Some(10)), at(None, Some(11)), at(Some(21), Some(10))],
    ] {
        let one = survey("a", readings);
        let cbor = decode_cbor(&pack([&encode_records(&one, None)[..]]), now()).unwrap();
        assert_eq!(cbor.surveys[0].survey, one);
        assert_eq!(json(&encode_json(core::slice::from_ref(&one))), Ok(vec![one]));
    }
}

#[test]
fn a_refusal_does_not_repeat_megabytes_of_what_it_refuses() {
    for text in
        [format!("[\"{}\"]", "x".repeat(1 << 20)), format!("[{{\"n\":[\"{}\"]}}]", "é\u{1b}".repeat(1 << 10))]
    {
        let said = json(&text).unwrap_err().to_string();
        assert!(said.len() < 600 && !said.contains(char::is_control), "{said}");
    }
    let said = json(&format!("[\"{}\"]", "x".repeat(1000))).unwrap_err().to_string();
    assert!(said.contains("invalid type: string") && said.ends_with("... at line 1 column 1003"), "{said}");
}

prop_compose! {
    fn any_survey()(
        device in "[A-Za-z0-9][A-Za-z0-9:._-]{0,62}",
        start in 946_684_800_000_i64..1_700_000_000_000,
        steps in proptest::collection::vec(
            (1_i64..100_000_000, proptest::option::of(-10_000_i64..=10_000), proptest::option::of(0_i64..=10_000)), 0..20),
    ) -> Survey {
        let mut time = start;
        let mut readings = Vec::new();
        for (step, temperature, moisture) in steps {
            time += step;
            let moisture = moisture.or(temperature.is_none().then_some(0));
            let values = Values::new(
                temperature.and_then(Temperature::from_hundredths),
                moisture.and_then(Moisture::from_hundredths),
            );
            readings.push(Reading { time: UtcInstant::from_millis(time), values: values.unwrap() });
        }
        Survey { device: DeviceId::new(&device).unwrap(), readings }
    }
}

proptest! {
    #[test]
    fn cbor_then_decode_is_the_identity(surveys in proptest::collection::vec(any_survey(), 0..4), at in 946_684_800_000_i64..1_700_000_000_000) {
        let at = UtcInstant::from_millis(at);
        let records: Vec<_> = surveys.iter().map(|survey| encode_records(survey, Some(at))).collect();
        let decoded = decode_cbor(&pack(records.iter().map(Vec::as_slice)), now()).unwrap();
        let expected: Vec<_> =
            surveys.into_iter().map(|survey| PackSurvey { survey, received: Some(at) }).collect();
        prop_assert_eq!(decoded.surveys, expected);
        prop_assert!(!decoded.relative);
    }

    #[test]
    fn json_then_decode_is_the_identity(survey in any_survey()) {
        prop_assume!(!survey.readings.is_empty());
        prop_assert_eq!(json(&encode_json(core::slice::from_ref(&survey))), Ok(vec![survey]));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_cbor(&bytes, now());
        let _ = decode_json(&bytes, now());
    }

    #[test]
    fn no_damaged_pack_panics(at in 0_usize..200, byte in any::<u8>()) {
        let mut bytes = DAY.to_vec();
        if let Some(hit) = bytes.get_mut(at) {
            *hit = byte;
        }
        let _ = decode_cbor(&bytes, now());
    }
}
