//! The reference system's text, and its replies.

use crate::{
    rules::{check_reading, check_refusal, receipt},
    submission,
};
use fieldpost_cloud::parts::Format;
use fieldpost_core::{
    Reason, Refusal, Survey, UtcInstant, message,
    reply::{self, Reply},
    senml,
};
use fieldpost_gateway::parts::read_datagram;
use jiff::tz::TimeZone;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

/// Who sends the datagrams: an address that is an id, too.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 2));

/// A datagram as a gateway's intake reads it: 8 bytes that choose where and when, then the text.
///
/// # Panics
/// A promise is broken.
pub fn datagram(data: &[u8]) {
    let (received, zone, bytes) = receipt(data);
    let fitting = bytes.get(..message::MAX_DATAGRAM).unwrap_or(bytes);
    let datagram = read_datagram(fitting, bytes.len(), PEER, received, &zone);
    let rows = match datagram.surveys() {
        Ok(rows) => rows,
        Err(refusal) if fitting.len() < bytes.len() => return assert_eq!(refusal.reason(), Reason::TooLong),
        Err(refusal) => {
            answered(refusal);
            let core = message::surveys(bytes, received, &zone);
            return assert_eq!(core.as_ref(), Err(refusal), "the message is what is refused");
        }
    };
    assert!(fitting.len() == bytes.len(), "a part of a message was taken");
    let mut surveys = read(bytes, received, &zone).expect("what is taken is a message");
    if surveys.is_empty() {
        let device = PEER.to_string().parse().expect("the address is an id");
        surveys.push(Survey { device, readings: Vec::new() });
    }
    assert_eq!(rows.len(), surveys.len(), "a row for each survey");
    for ((device, readings, records), survey) in rows.zip(&surveys) {
        assert_eq!((device, readings as usize), (&survey.device, survey.readings.len()));
        journaled(records, survey, received);
    }
}

/// An upload as a cloud reads it, also as a copy of one that came before, and what a gateway would pass on of it.
///
/// # Panics
/// A promise is broken.
pub fn upload(data: &[u8]) {
    let (received, zone, bytes) = receipt(data);
    let Some(pack) = submission::read(Format::Text(zone.clone()), bytes, received) else { return };
    assert!(pack.iter().all(|one| one.received.is_none()), "text says nothing of receipts");
    let surveys = read(bytes, received, &zone).expect("what a cloud takes is a message");
    let taken = pack.into_iter().map(|one| one.survey);
    assert!(taken.eq(surveys.iter().cloned()), "the message is what is taken");
    let text: String = surveys.iter().map(|survey| passed_on(survey, received, &zone)).collect();
    for piece in message::split(&text, message::MAX_DATAGRAM) {
        assert!(piece.len() <= message::MAX_DATAGRAM, "no line is that long");
        message::surveys(piece.as_bytes(), received, &zone).expect("each piece is a message");
    }
}

/// A device reads what came back to it.
///
/// # Panics
/// A promise is broken.
pub fn reply(data: &[u8]) {
    match reply::parse(data) {
        Reply::Accepted => {
            assert!(data == reply::ARRIVED.as_bytes() || data == reply::RECEIVED.as_bytes());
        }
        Reply::Refused { reason, again } => {
            assert!(reason.len() <= reply::MAX_LEN, "a reason of {} bytes", reason.len());
            assert!(!reason.chars().any(char::is_control), "a reason that is more than a line: {reason:?}");
            let printed = if again { reply::try_again(&reason) } else { reply::refused(&reason) };
            assert!(printed.len() <= reply::MAX_LEN);
            let Reply::Refused { reason: heard, again: same } = reply::parse(printed.as_bytes()) else {
                panic!("{printed} is not read as a refusal");
            };
            assert!(same == again && reason.starts_with(&heard), "{reason:?} became {heard:?}");
        }
        Reply::Unknown => {}
    }
    // And the other way round: whatever the reason, the reply is a refusal that is read as one.
    let why = String::from_utf8_lossy(data);
    let printed = reply::try_again(&why);
    assert!(printed.len() <= reply::MAX_LEN && !printed.contains('\n'));
    assert!(matches!(reply::parse(printed.as_bytes()), Reply::Refused { again: true, .. }), "{printed}");
    let heard = reply::parse(reply::refused(&why).as_bytes());
    assert!(matches!(heard, Reply::Refused { again: false, .. }), "{heard:?}");
}

/// The surveys of a message, if it is one. Each device is named once.
fn read(bytes: &[u8], received: UtcInstant, zone: &TimeZone) -> Option<Vec<Survey>> {
    let surveys = match message::surveys(bytes, received, zone) {
        Ok(surveys) => surveys,
        Err(refusal) => {
            answered(&refusal);
            return None;
        }
    };
    let readings = surveys.iter().flat_map(|survey| &survey.readings);
    readings.for_each(|reading| check_reading(reading, received));
    let devices: BTreeSet<_> = surveys.iter().map(|survey| &survey.device).collect();
    assert_eq!(devices.len(), surveys.len(), "each device has one survey");
    Some(surveys)
}

/// A refusal on its way to the device says whether sending again is of use.
fn answered(refusal: &Refusal) {
    check_refusal(refusal);
    let sent = reply::refused(&refusal.to_string());
    let heard = reply::parse(sent.as_bytes());
    assert!(matches!(heard, Reply::Refused { again: false, .. }), "{sent} became {heard:?}");
}

/// What the gateway journals is what the cloud reads, in order and with what belongs together joined.
fn journaled(records: &[u8], survey: &Survey, received: UtcInstant) {
    let pack = senml::pack([records]);
    let mut read = senml::decode_cbor(&pack, received).expect("what is journaled can be read").surveys;
    assert_eq!(read.len(), 1, "one survey stays one");
    let read = read.remove(0);
    assert_eq!((&read.survey.device, read.received), (&survey.device, Some(received)));
    let (mut before, mut after) = (values(survey), values(&read.survey));
    before.sort_unstable();
    after.sort_unstable();
    before.dedup();
    after.dedup();
    assert_eq!(before, after, "no value is lost, altered or made up");
    // Once joined, it stays as it is: a survey that is journaled, read and journaled again is the same survey.
    let again = senml::pack([&senml::encode_records(&read.survey, Some(received))[..]]);
    let again = senml::decode_cbor(&again, received).expect("it is as good as the first time").surveys;
    assert_eq!(again, [read]);
}

/// Each value on its own, with its instant: what there is, however it is joined.
fn values(survey: &Survey) -> Vec<(UtcInstant, bool, i64)> {
    let one = |reading: &fieldpost_core::Reading| {
        let temperature = reading.values.temperature().map(|value| (reading.time, false, value.hundredths()));
        let moisture = reading.values.moisture().map(|value| (reading.time, true, value.hundredths()));
        [temperature, moisture]
    };
    survey.readings.iter().flat_map(one).flatten().collect()
}

/// The survey printed, as a gateway passes it on now and with every date, reads back as the same survey.
fn passed_on(survey: &Survey, now: UtcInstant, zone: &TimeZone) -> String {
    if survey.readings.is_empty() {
        return format!("{}\n", survey.device);
    }
    let print = |dated: bool| {
        let line = |reading| match dated {
            true => message::dated_line(&survey.device, reading),
            false => message::line(&survey.device, reading, now, zone),
        };
        survey.readings.iter().map(line).collect::<String>()
    };
    let recent = print(false);
    for text in [&recent, &print(true)] {
        let read = message::surveys(text.as_bytes(), now, zone).expect("what is printed can be read");
        assert_eq!(read, std::slice::from_ref(survey), "{text}");
    }
    recent
}
