//! What a datagram says, and when it says it happened. No input, no output, no clock.

use std::net::IpAddr;

use fieldpost_core::{
    DeviceId, Key, Reason, Refusal, Survey, UtcInstant,
    message::{self, MAX_DATAGRAM},
    senml,
};
use jiff::tz::TimeZone;

use crate::journal::{NewSurvey, ShortKey};

/// A datagram as it was understood.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) received: UtcInstant,
    /// What a copy of it is recognised by.
    pub(crate) key: ShortKey,
    pub(crate) content: Content,
}

/// What is in a datagram.
#[derive(Debug)]
pub(crate) enum Content {
    /// Surveys, dated by this copy's receipt, and ready for the journal; the first bears the key.
    Surveys(Vec<NewSurvey>),
    /// Nothing: a legal, empty day. It names nobody; if the sender's address is an id, it may be that device.
    Empty(Option<NewSurvey>),
    /// Something that cannot be taken, and as much of it as is kept.
    Refused { refusal: Refusal, raw: Vec<u8> },
}

/// Reads a datagram of `length` bytes, of which `bytes` fitted into the buffer.
pub(crate) fn read(
    bytes: &[u8],
    length: usize,
    peer: IpAddr,
    received: UtcInstant,
    zone: &TimeZone,
) -> Datagram {
    if length > MAX_DATAGRAM {
        let detail = format!(
            "the datagram has {length} bytes, the limit is {MAX_DATAGRAM}; send it in parts, whole lines each"
        );
        return refused(Refusal::new(Reason::TooLong, detail), bytes, received);
    }
    let surveys = match message::surveys(bytes, received, zone) {
        Ok(surveys) if surveys.is_empty() => return empty(peer, received),
        Ok(surveys) => surveys,
        Err(refusal) => return refused(refusal, bytes, received),
    };
    let key = ShortKey::of(&Key::of(&[bytes]));
    let mut first = Some(key);
    let rows = surveys.iter().map(|survey| encode(survey, first.take(), received)).collect();
    Datagram { received, key, content: Content::Surveys(rows) }
}

fn refused(refusal: Refusal, bytes: &[u8], received: UtcInstant) -> Datagram {
    let raw = bytes.get(..MAX_DATAGRAM).unwrap_or(bytes).to_vec();
    // The whole message's key: if our clock was set back, a copy of an accepted one may look wrong now.
    Datagram { received, key: ShortKey::of(&Key::of(&[bytes])), content: Content::Refused { refusal, raw } }
}

fn empty(peer: IpAddr, received: UtcInstant) -> Datagram {
    let address = peer.to_canonical().to_string();
    // All empty datagrams have the same bytes; who sent it tells copies apart. No message starts with a NUL.
    let key = ShortKey::of(&Key::of(&[b"\0empty ", address.as_bytes()]));
    let device = DeviceId::new(&address).ok();
    let survey = device.map(|device| Survey { device, readings: Vec::new() });
    let row = survey.map(|survey| encode(&survey, Some(key), received));
    Datagram { received, key, content: Content::Empty(row) }
}

fn encode(survey: &Survey, key: Option<ShortKey>, received: UtcInstant) -> NewSurvey {
    NewSurvey {
        received,
        key,
        device: survey.device.clone(),
        readings: u32::try_from(survey.readings.len()).unwrap_or(u32::MAX),
        records: senml::encode_records(survey, Some(received)),
    }
}

impl Datagram {
    /// What it takes in memory and on disk, generously.
    pub(crate) fn weight(&self) -> usize {
        match &self.content {
            Content::Surveys(rows) => rows.iter().map(NewSurvey::weight).sum(),
            Content::Empty(row) => row.as_ref().map_or(0, NewSurvey::weight),
            Content::Refused { raw, .. } => raw.len(),
        }
    }
}
