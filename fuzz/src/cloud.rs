//! A cloud's answers, as whoever checks or imports reads them: it may be another server, or none that means well.

use crate::rules::{check_printable, check_values};
use fieldpost::Heard;
use fieldpost_core::{DeviceId, Reading};
use serde_json::Value;
use std::collections::BTreeSet;

/// Between two answers: a line of its own.
const BETWEEN: &[u8] = b"\n----\n";
/// The longest error, in characters: what is quoted, and the question.
const MAX_ERROR: usize = 1_000;
/// More questions than answers of so few bytes can lead to.
const MOST: usize = 4_000;

/// Answers of a cloud, each of a first line with the status, and `next` if there is another page, and a body.
///
/// `fieldpost verify` comes to an end with them, though they come again and again. It takes a reading only from an answer that is text
/// with a row for that device and instant, in order and each once; contradicting values in order. `fieldpost import` takes a pack to be
/// held only by an object with the three counts and the status 200. An error is one printable, bounded line.
///
/// # Panics
/// A promise is broken.
pub fn cloud_answers(data: &[u8]) {
    let answers = answers(data);
    verify(&answers, &fieldpost::understand_cloud(&answers, MOST));
    for (status, _, body) in answers {
        import(status, body);
    }
}

fn answers(data: &[u8]) -> Vec<(u16, bool, &[u8])> {
    let (mut answers, mut rest) = (Vec::new(), Some(data));
    while let Some(data) = rest {
        let end = data.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        let (answer, behind) = data.split_at(end.unwrap_or(data.len()));
        rest = end.and_then(|_| behind.get(BETWEEN.len()..));
        let head = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let body = answer.get(head.len() + 1..).unwrap_or_default();
        let mut words =
            head.split(|byte| *byte == b' ').map(|word| std::str::from_utf8(word).unwrap_or_default());
        let status = words.next().and_then(|status| status.parse().ok()).unwrap_or(200);
        answers.push((status, words.next() == Some("next"), body));
    }
    answers
}

fn verify(answers: &[(u16, bool, &[u8])], heard: &Heard) {
    let Heard { devices, asked, error } = heard;
    assert!(*asked < MOST, "it goes in circles: {devices:?}");
    error.iter().for_each(|error| check_printable(error, MAX_ERROR));
    assert!(devices.is_sorted_by(|(one, ..), (next, ..)| one < next), "devices out of their order");
    let rows: BTreeSet<&str> =
        answers.iter().filter_map(|(.., body)| std::str::from_utf8(body).ok()).flat_map(str::lines).collect();
    for (device, held, offered) in devices {
        assert!(held.is_sorted_by(|one, next| one.time < next.time), "readings out of their order");
        assert!(offered.is_sorted_by_key(|reading| reading.time), "conflicts out of their order");
        held.iter().chain(offered).for_each(|reading| check_values(reading.values));
        held.iter().for_each(|reading| assert!(is_said(&rows, device, reading), "nobody said {reading:?}"));
    }
}

/// Whether a row of an answer is of this device and instant.
fn is_said(rows: &BTreeSet<&str>, device: &DeviceId, reading: &Reading) -> bool {
    let said = |row: &&&str| {
        let mut cells = row.split(',');
        cells.next() == Some(device.as_str())
            && cells.next().and_then(|time| time.parse().ok()) == Some(reading.time)
    };
    rows.iter().any(|row| said(&row))
}

fn import(status: u16, body: &[u8]) {
    match fieldpost::understand_report(status, body) {
        Ok(counts) => {
            let report: Value = serde_json::from_slice(body).expect("a report is JSON");
            assert_eq!(status, 200);
            let count = |name: &str| report.as_object().and_then(|report| report.get(name)?.as_u64());
            let [new, duplicate, conflict, expired] = counts;
            for (name, count_heard) in [("new", new), ("duplicate", duplicate), ("conflict", conflict)] {
                assert_eq!(count(name), Some(count_heard), "{name}");
            }
            assert_eq!(count("expired").unwrap_or(0), expired);
        }
        Err(why) => check_printable(&why, MAX_ERROR),
    }
}
