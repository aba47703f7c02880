//! The reference upload: pieces, empty days, and what cannot be written as text.

use super::*;
use crate::uplink::Answer;
use fieldpost_core::{Survey, UtcInstant, message, senml};
use jiff::tz::TimeZone;

fn text(last: Seq) -> Driver {
    Driver::new(Wire::Tcp(TimeZone::UTC), false, last)
}

/// A survey of more lines than one upload bears.
fn long(seq: Seq) -> StoredSurvey {
    let StoredSurvey { device, .. } = survey(seq);
    let lines =
        (0..300).map(|n| format!("{device} 2026-06-{:02} {:02}:00Z - 20 - 30%\n", n / 24 + 1, n % 24));
    let received: UtcInstant = "2026-07-01T09:00:00Z".parse().unwrap();
    let lines: String = lines.collect();
    let Survey { readings, .. } =
        message::surveys(lines.as_bytes(), received, &TimeZone::UTC).unwrap().remove(0);
    let records = senml::encode_records(&Survey { device: device.clone(), readings }, Some(received));
    StoredSurvey { seq, device, readings: 300, records }
}

fn empty(seq: Seq) -> StoredSurvey {
    let StoredSurvey { device, .. } = survey(seq);
    let records = senml::encode_records(&Survey { device: device.clone(), readings: Vec::new() }, None);
    StoredSurvey { seq, device, readings: 0, records }
}

#[test]
fn a_survey_in_several_pieces_is_held_when_all_are_accepted() {
    let mut it = text(2);
    it.rows.insert(1, long(1));
    let received = || Answer::Reply(b"Surveys received".to_vec());
    it.answers = [received(), failed()].into();
    let said = it.settle();
    let pieces = times(&said, "offer d1");
    let (tried, again): (Vec<Duration>, Vec<Duration>) = pieces.iter().partition(|up| up.is_zero());
    assert_eq!(tried.len(), 2, "after a failure the rest is not sent");
    assert!(again.len() == 3 && again.iter().all(|up| *up == millis(1_000)), "{again:?}, all of it again");
    assert_eq!(only(&said, "held"), ["held 1", "held 2"]);
    assert!(times(&said, "held 1")[0] >= millis(1_000));
}

#[test]
fn an_empty_day_is_settled_without_a_message_and_says_nothing_of_the_cloud() {
    let mut it = text(1);
    it.rows.insert(1, empty(1));
    assert_eq!(it.said(), ["read 0 1", "passed 1"]);
}

#[test]
fn an_empty_day_goes_with_its_neighbours() {
    let mut it = text(3);
    it.rows.insert(2, empty(2));
    let said = it.said();
    assert_eq!(said, ["read 0 3", "offer d1,d3", "held 3", "told well"]);
}

#[test]
fn what_cannot_be_written_as_text_is_found_without_reading_the_page_again() {
    let mut it = text(4);
    it.rows.insert(3, StoredSurvey { records: vec![0xff; 9], ..survey(3) });
    let said = it.settle();
    assert_eq!(only(&said, "read"), ["read 0 4"]);
    assert_eq!(only(&said, "offer"), ["offer d1,d2", "offer d4"]);
    assert_eq!(only(&said, "refused"), ["refused 3"]);
    assert_eq!(it.progress.held_through, 4);
}
