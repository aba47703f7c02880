//! The examples in docs/PROTOCOL.md are true.
#![expect(clippy::unwrap_used, reason = "this file is a test")]

use fieldpost_core::{UtcInstant, message, senml};
use jiff::tz::TimeZone;

/// The blocks of the document whose fence is followed by `name`: what else the fence says, and the text.
fn blocks(name: &str) -> Vec<(String, String)> {
    let document = include_str!("../../docs/PROTOCOL.md");
    let mut found = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```").and_then(|info| info.strip_prefix(name)) else { continue };
        let text: String =
            lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        found.push((info.trim().to_owned(), text));
    }
    assert!(!found.is_empty(), "no block `{name}` in the document");
    found
}

fn now() -> UtcInstant {
    "2026-07-01T21:30:00Z".parse().unwrap()
}

#[test]
fn the_datagrams_are_read_whole() {
    let datagrams = blocks("datagram");
    assert_eq!(datagrams.len(), 2);
    for (length, text) in datagrams {
        if !length.is_empty() {
            assert_eq!(text.len().to_string(), length, "{text}");
        }
        let surveys = message::surveys(text.as_bytes(), now(), &TimeZone::UTC).unwrap();
        assert_eq!(surveys.len(), 1);
        let lines = text.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(surveys[0].readings.len(), lines, "{text}");
    }
}

#[test]
fn the_dialect_prints_as_it_is_read() {
    let (_, text) = blocks("datagram").pop().unwrap();
    let survey = message::surveys(text.as_bytes(), now(), &TimeZone::UTC).unwrap().remove(0);
    let printed: String =
        survey.readings.iter().map(|reading| message::dated_line(&survey.device, reading)).collect();
    assert_eq!(printed.replace("\n\n", "\n"), text);
}

#[test]
fn the_bad_lines_are_refused_for_the_reasons_given() {
    for line in blocks("refused").concat_text().lines() {
        let (reason, line) = line.split_once(' ').unwrap();
        let refusal = message::surveys(line.trim().as_bytes(), now(), &TimeZone::UTC).unwrap_err();
        assert_eq!(refusal.reason().code(), reason, "{line}: {refusal}");
    }
}

#[test]
fn the_pack_is_the_same_in_json_and_in_cbor_and_is_printed_so() {
    let json = senml::decode_json(blocks("senml+json").concat_text().as_bytes(), now()).unwrap();
    let hex: String = blocks("senml+cbor")
        .concat_text()
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().replace(' ', ""))
        .collect();
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    let cbor = senml::decode_cbor(&bytes, now()).unwrap();
    assert_eq!(cbor.surveys[0].survey, json.surveys[0].survey);
    let received = cbor.surveys[0].received;
    assert_eq!(received, Some("2025-07-01T22:48:00Z".parse().unwrap()));
    assert_eq!(senml::pack([&senml::encode_records(&cbor.surveys[0].survey, received)[..]]), bytes);
}

trait ConcatText {
    fn concat_text(self) -> String;
}

impl ConcatText for Vec<(String, String)> {
    fn concat_text(self) -> String {
        self.into_iter().map(|(_, text)| text).collect()
    }
}
