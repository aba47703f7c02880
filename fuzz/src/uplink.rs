//! Between gateway and cloud: an answer as the gateway's uplink reads it, and the header by which a gateway says how far it is.

use crate::rules::check_printable;
use bytes::Bytes;
use fieldpost_cloud::parts::{Outcome, Stored, http_answer, parse_custody};
use fieldpost_core::{
    DeviceId, Reason, Survey, UtcInstant,
    reply::{self, Reply},
    senml,
};
use fieldpost_gateway::{
    UplinkWhen,
    parts::{Answer, Custody, Moment, Noted, Page, Progress, Seq, Step, StoredSurvey, Uplink, Wire},
};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::time::Duration;

/// The survey that is offered, and the one before it, up to which the cloud has confirmed everything.
const OFFERED: Seq = 42;
const CONFIRMED: Seq = 41;
/// The longest reason, and what the gateway says beside it, in characters.
const MAX_REASON: usize = 300;
const MAX_TOLD: usize = 500;
/// Things the uplink does before it offers the next survey or waits.
const MAX_STEPS: usize = 16;

/// A cloud's answer to one survey: the status, the content type and the mark, a line each, then the body. Or `reply` in the first
/// line, then the answer to a reference upload.
///
/// The survey counts as held only after a 200 with a whole report, or the one exact text; as refused for good only if our cloud finds
/// fault with the survey itself; the gateway goes back only to a mark that stands in the answer. What is foreign is bounded and one
/// printable line.
///
/// # Panics
/// A promise is broken.
pub fn answer(data: &[u8]) {
    let answer = read(data);
    let noted = noted(answer.clone());
    let settled = noted.iter().filter(|note| !matches!(note, Custody::Uplink(_))).count();
    assert!(settled <= 1, "one survey has one fate: {noted:?}");
    for note in &noted {
        match note {
            Custody::Held { through } => {
                assert!(*through == OFFERED && is_acknowledgement(&answer), "held: {answer:?}");
                assert!(mark(&answer).is_none_or(|mark| mark >= CONFIRMED), "a lost cloud: {answer:?}");
            }
            Custody::Back { to } => {
                assert!(is_acknowledgement(&answer) && mark(&answer) == Some(*to), "back: {answer:?}");
                assert!(*to < CONFIRMED, "back to where it is");
            }
            Custody::Refused { seq, reason, again, .. } => {
                assert!(*seq == OFFERED && is_refusal(&answer), "refused: {answer:?}");
                assert!(again.is_none_or(|again| again > now().utc), "again, but later");
                check_printable(reason, MAX_REASON);
            }
            Custody::Uplink(json) => told(json),
            Custody::Passed { .. } | Custody::Taken { .. } | Custody::Damaged { .. } => {
                panic!("no answer says so: {note:?}")
            }
        }
    }
    understood(data);
}

fn read(data: &[u8]) -> Answer {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let first = line();
    if first == "reply" {
        return Answer::Reply(data.get(first.len() + 1..).unwrap_or_default().to_vec());
    }
    let (content_type, custody) = (line(), line());
    let body = Bytes::copy_from_slice(lines.next().unwrap_or_default());
    let custody = Some(custody).filter(|custody| !custody.is_empty());
    Answer::Http { status: first.parse().unwrap_or(200), content_type, custody, body }
}

fn now() -> Moment {
    Moment { utc: UtcInstant::from_millis(1_782_939_600_000), up: Duration::from_secs(60) }
}

/// What is to be written after a survey was offered and this came back.
fn noted(answer: Answer) -> Vec<Custody> {
    let progress = Progress {
        journal: 7,
        generation: 1,
        last_seq: OFFERED,
        closed_through: OFFERED,
        held_through: CONFIRMED,
        confirmed: CONFIRMED,
        rounds_closed: 1,
    };
    let wire = match answer {
        Answer::Reply(_) => Wire::Tcp(TimeZone::UTC),
        Answer::Http { .. } | Answer::Failed(_) => Wire::Http,
    };
    let mut uplink = Uplink::new("http://cloud".into(), wire, UplinkWhen::Always, false, progress);
    let (mut answer, mut notes) = (Some(answer), Vec::new());
    for _ in 0..MAX_STEPS {
        match uplink.poll(now(), progress) {
            Step::Read { .. } => uplink.handle_page(Ok(Page::Surveys(vec![survey()])), now()),
            Step::Offer(_) => match answer.take() {
                Some(answer) => uplink.handle_answer(answer, now(), 0),
                None => return notes,
            },
            Step::Note { custody, .. } => {
                notes.push(custody);
                uplink.handle_noted(Noted::Written, now());
            }
            Step::Wait { .. } => return notes,
            step @ (Step::ReadAgain | Step::Salvage | Step::Done(_)) => panic!("no reason for {step:?}"),
        }
    }
    panic!("it does not come to an end: {notes:?}")
}

fn survey() -> StoredSurvey {
    let text = b"m 08:00 - 20 - 30%\n";
    let surveys = fieldpost_core::message::surveys(text, now().utc, &TimeZone::UTC).expect("a message");
    let device = DeviceId::new("m").expect("an id");
    let records = surveys.iter().flat_map(|survey: &Survey| senml::encode_records(survey, Some(now().utc)));
    StoredSurvey { seq: OFFERED, device, readings: 1, records: records.collect() }
}

/// Whether it is our cloud's report, whole, or the reference cloud's text.
fn is_acknowledgement(answer: &Answer) -> bool {
    match answer {
        Answer::Http { status, body, .. } => {
            let report = serde_json::from_slice::<Value>(body).unwrap_or_default();
            let counts = |name: &str| report.get(name).is_some_and(Value::is_u64);
            *status == 200 && ["new", "duplicate", "conflict"].into_iter().all(counts)
        }
        Answer::Reply(bytes) => bytes == reply::RECEIVED.as_bytes(),
        Answer::Failed(_) => false,
    }
}

/// Whether our cloud finds fault with the survey.
fn is_refusal(answer: &Answer) -> bool {
    match answer {
        Answer::Http { status, content_type, body, .. } => {
            let problem = serde_json::from_slice::<Value>(body).unwrap_or_default();
            let says = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let ours = says("type").starts_with("urn:fieldpost:problem:");
            let is_final = Reason::from_code(&says("reason")).is_some_and(Reason::is_final);
            let status = matches!(status, 400 | 413 | 422);
            status && content_type.starts_with("application/problem+json") && ours && is_final
        }
        Answer::Reply(bytes) => matches!(reply::parse(bytes), Reply::Refused { again: false, .. }),
        Answer::Failed(_) => false,
    }
}

/// The mark in the answer, if there is one: digits, and nothing else.
fn mark(answer: &Answer) -> Option<Seq> {
    let Answer::Http { custody: Some(custody), .. } = answer else { return None };
    custody.chars().all(|char| char.is_ascii_digit()).then(|| custody.parse().ok()).flatten()
}

/// How the uplink does, as `status` shows it.
fn told(json: &str) {
    let state: Value = serde_json::from_str(json).expect("the state is JSON");
    if let Some(error) = state.get("error").and_then(Value::as_str) {
        check_printable(error, MAX_TOLD);
    }
}

/// The other way round: whatever a cloud of ours counts and whatever its mark, the gateway knows the survey to be held, or goes back.
fn understood(data: &[u8]) {
    let number = data.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(251).wrapping_add(u64::from(*byte)));
    let outcome = Outcome {
        new: number,
        duplicate: number.rotate_left(21),
        conflict: number.rotate_left(42),
        expired: number.rotate_left(53),
    };
    let mark = (number % 3 > 0).then_some((number >> 2) % 84);
    let said = http_answer(&Ok(Stored { outcome, mark }));
    let (content_type, body) = (said.content_type.to_owned(), Bytes::from(said.body));
    let answer = Answer::Http { status: said.status, content_type, custody: said.custody, body };
    let expected = match mark.map(u64::cast_signed) {
        Some(mark) if mark < CONFIRMED => Custody::Back { to: mark },
        _ => Custody::Held { through: OFFERED },
    };
    assert!(noted(answer).contains(&expected), "{outcome:?}, mark {mark:?}");
}

/// A request's `Fieldpost-Custody` as a cloud reads it: it says where it begins and ends, never backwards, and printed it reads back
/// the same.
///
/// # Panics
/// A promise is broken.
pub fn custody(data: &[u8]) {
    let Ok(header) = std::str::from_utf8(data) else { return };
    match parse_custody(header) {
        Ok(custody) => {
            assert!(
                custody.after <= custody.through && i64::try_from(custody.through).is_ok(),
                "{custody:?}"
            );
            let printed = custody.to_string();
            assert_eq!(parse_custody(&printed), Ok(custody), "{printed}");
            let digits = |text: &str| {
                text.split(' ').map(|word| word.trim_start_matches('0').to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(digits(&printed), digits(header), "another number");
        }
        Err(fault) => check_printable(&fault.to_string(), MAX_REASON),
    }
}
