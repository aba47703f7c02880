//! SenML: in JSON and in CBOR, which must agree on every survey.

use crate::{
    rules::{check_order, check_reading, check_refusal, receipt},
    submission,
};
use fieldpost_cloud::parts::Format;
use fieldpost_core::{
    Refusal, UtcInstant,
    senml::{self, MAX_RECORDS, Pack, PackSurvey},
};

/// A pack in JSON: 8 bytes that choose when, then the pack.
///
/// # Panics
/// A promise is broken.
pub fn senml_json(data: &[u8]) {
    let (now, _, bytes) = receipt(data);
    let taken = submission::read(Format::Json, bytes, now);
    let pack = senml::decode_json(bytes, now);
    assert_eq!(
        taken.as_ref(),
        pack.as_ref().ok().map(|pack| &pack.surveys),
        "the pack is what a cloud takes"
    );
    check(pack, now);
}

/// A pack in CBOR: 8 bytes that choose when, then the pack.
///
/// # Panics
/// A promise is broken.
pub fn senml_cbor(data: &[u8]) {
    let (now, _, bytes) = receipt(data);
    let taken = submission::read(Format::Cbor, bytes, now);
    let pack = senml::decode_cbor(bytes, now);
    assert_eq!(
        taken.as_ref(),
        pack.as_ref().ok().map(|pack| &pack.surveys),
        "the pack is what a cloud takes"
    );
    check(pack, now);
}

fn check(read: Result<Pack, Refusal>, now: UtcInstant) {
    let pack = match read {
        Ok(pack) => pack,
        Err(refusal) => return check_refusal(&refusal),
    };
    let readings: usize = pack.surveys.iter().map(|one| one.survey.readings.len()).sum();
    assert!(readings.max(pack.surveys.len()) <= MAX_RECORDS, "a record makes a reading at most");
    for one in &pack.surveys {
        check_order(&one.survey);
        one.survey.readings.iter().for_each(|reading| check_reading(reading, now));
        agree(one, now);
    }
    printed(&pack, now);
}

/// One survey, printed in both forms, reads back as it was.
fn agree(one: &PackSurvey, now: UtcInstant) {
    if one.survey.readings.is_empty() {
        return;
    }
    let json = senml::encode_json(std::slice::from_ref(&one.survey));
    let json = senml::decode_json(json.as_bytes(), now).expect("what is printed can be read");
    let cbor = senml::pack([&senml::encode_records(&one.survey, None)[..]]);
    let cbor = senml::decode_cbor(&cbor, now).expect("what is encoded can be decoded");
    let expected = [PackSurvey { survey: one.survey.clone(), received: None }];
    assert_eq!(json.surveys, expected, "JSON");
    assert_eq!(cbor.surveys, expected, "CBOR");
    assert!(!json.relative && !cbor.relative, "what is printed has instants, whenever it is read");
}

/// All surveys of the pack, as a gateway would send them: each with its receipt, one behind the other.
fn printed(pack: &Pack, now: UtcInstant) {
    // Without a receipt an empty survey leaves no trace, and two of one device are one.
    let surveys: Vec<PackSurvey> = pack
        .surveys
        .iter()
        .map(|one| PackSurvey { received: Some(one.received.unwrap_or(now)), ..one.clone() })
        .collect();
    let records: Vec<Vec<u8>> =
        surveys.iter().map(|one| senml::encode_records(&one.survey, one.received)).collect();
    let bytes = senml::pack(records.iter().map(Vec::as_slice));
    // A reading of two values takes two records, so what just fitted into a pack may not fit again.
    match senml::decode_cbor(&bytes, now) {
        Ok(again) => assert_eq!(again.surveys, surveys),
        Err(refusal) => assert_eq!(refusal.reason(), fieldpost_core::Reason::TooLong, "{refusal}"),
    }
}
