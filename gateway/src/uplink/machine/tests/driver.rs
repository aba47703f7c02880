//! Plays the keeper, the reader and the cloud to an uplink, in virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fieldpost_core::{DeviceId, Survey, UtcInstant, message, senml};
use jiff::tz::TimeZone;

use super::*;
use crate::uplink::Answer;

/// More steps than this without a pause are a loop.
const MOST_STEPS: u32 = 2_000;
/// And more than this at all are one that pauses.
const MOST: u32 = 20_000;

pub(super) struct Driver {
    pub(super) uplink: Uplink,
    pub(super) progress: Progress,
    pub(super) now: Moment,
    pub(super) rows: BTreeMap<Seq, StoredSurvey>,
    /// Surveys that a page is.
    pub(super) page: usize,
    /// What the reader, the keeper and the cloud say before what they say by themselves.
    pub(super) pages: VecDeque<Result<Page, JournalError>>,
    pub(super) noting: VecDeque<Noted>,
    pub(super) answers: VecDeque<Answer>,
    /// What the cloud refuses, and whether for the time of day.
    pub(super) refuse: BTreeMap<&'static str, bool>,
    /// The cloud's next mark, while it says one.
    pub(super) mark: Option<Seq>,
    /// What was refused: the tries, and when it is offered again.
    pub(super) again: BTreeMap<Seq, (u32, Option<UtcInstant>)>,
    pub(super) journal_error: Option<fn() -> JournalError>,
    log: Vec<(Duration, String)>,
}

pub(super) fn survey(seq: Seq) -> StoredSurvey {
    let (device, readings) = (DeviceId::new(&format!("d{seq}")).unwrap(), 1);
    let text = format!("{device} 2026-07-01 08:00Z - 20 - 30%\n");
    let received = "2026-07-01T09:00:00Z".parse().unwrap();
    let Survey { readings: list, .. } =
        message::surveys(text.as_bytes(), received, &TimeZone::UTC).unwrap().remove(0);
    let records = senml::encode_records(&Survey { device: device.clone(), readings: list }, Some(received));
    StoredSurvey { seq, device, readings, records }
}

pub(super) fn http(status: u16, body: &str, mark: Option<Seq>) -> Answer {
    let content_type = if status == 200 { "application/json" } else { "application/problem+json" };
    let custody = mark.map(|mark| mark.to_string());
    Answer::Http { status, content_type: content_type.into(), custody, body: body.to_owned().into() }
}

fn refused(future: bool) -> Answer {
    let reason = if future { "future" } else { "bad-time" };
    let body = format!(r#"{{"type":"urn:fieldpost:problem:{reason}","detail":"no","reason":"{reason}"}}"#);
    http(422, &body, None)
}

pub(super) fn failed() -> Answer {
    Answer::Failed("cannot connect".to_owned())
}

impl Driver {
    /// A journal of `last` surveys.
    pub(super) fn new(wire: Wire, once: bool, last: Seq) -> Self {
        let progress = Progress { journal: 7, generation: 1, last_seq: last, ..Progress::default() };
        Self {
            uplink: Uplink::new("cloud".into(), wire, UplinkWhen::Always, once, progress),
            progress,
            now: Moment { utc: "2026-07-01T20:00:00Z".parse().unwrap(), up: Duration::ZERO },
            rows: (1..=last).map(|seq| (seq, survey(seq))).collect(),
            page: 512,
            pages: VecDeque::new(),
            noting: VecDeque::new(),
            answers: VecDeque::new(),
            refuse: BTreeMap::new(),
            mark: None,
            again: BTreeMap::new(),
            journal_error: None,
            log: Vec::new(),
        }
    }

    pub(super) fn http(last: Seq) -> Self {
        Self::new(Wire::Http, false, last)
    }

    /// Asks for the next step, does it and writes it down; false if there is nothing to do but to wait for news.
    pub(super) fn step(&mut self) -> bool {
        let step = self.uplink.poll(self.now, self.progress);
        let (said, goes_on) = self.take(step);
        if let Some(said) = said {
            self.log.push((self.now.up, said));
        }
        goes_on
    }

    /// Until nothing is left to do, or it is done; what was said, but for pauses, with the time since the start.
    pub(super) fn settle(&mut self) -> Vec<(Duration, String)> {
        let (mut all, mut steps, mut up) = (0, 0, self.now.up);
        while self.step() {
            steps = if self.now.up > up { 0 } else { steps + 1 };
            up = self.now.up;
            all += 1;
            assert!(steps < MOST_STEPS && all < MOST, "a loop: {:?}", self.log.last_chunk::<6>());
        }
        std::mem::take(&mut self.log)
    }

    /// Like [`Driver::settle`], without the times.
    pub(super) fn said(&mut self) -> Vec<String> {
        self.settle().into_iter().map(|(_, said)| said).collect()
    }

    /// The same again and again, for so long.
    pub(super) fn pass(&mut self, span: Duration) -> Vec<(Duration, String)> {
        let end = self.now.up + span;
        let mut said = self.settle();
        while let Step::Wait { until, .. } = self.uplink.poll(self.now, self.progress) {
            if until > end {
                break;
            }
            self.advance(until);
            said.extend(self.settle());
        }
        self.advance(end);
        said
    }

    pub(super) fn advance(&mut self, until: Duration) {
        let span = until.saturating_sub(self.now.up);
        self.now = Moment { utc: self.now.utc.saturating_add(span), up: self.now.up + span };
    }

    fn take(&mut self, step: Step) -> (Option<String>, bool) {
        let said = match step {
            Step::Wait { unless_progress: true, .. } => return (None, false),
            Step::Wait { until, .. } => {
                assert!(until > self.now.up && until < Duration::MAX, "waits for what does not come");
                self.advance(until);
                return (None, true);
            }
            Step::Read { after, through } => {
                let page = self.pages.pop_front().unwrap_or_else(|| Ok(self.read(after, through)));
                self.uplink.handle_page(page, self.now);
                format!("read {after} {through}")
            }
            Step::ReadAgain => {
                let due = |(_, at): &(u32, Option<UtcInstant>)| at.is_some_and(|at| at <= self.now.utc);
                let found = self.again.iter().find(|(_, again)| due(again));
                let found = found.map(|(seq, (tries, _))| (self.rows[seq].clone(), *tries));
                let found = self.journal_error.map_or(Ok(found), |error| Err(error()));
                self.uplink.handle_again(found, self.now);
                return (None, true);
            }
            Step::Offer(offer) => self.cloud(offer),
            Step::Note { generation, custody } => self.keeper(generation, &custody),
            Step::Salvage => {
                self.progress.generation += 1;
                self.uplink.handle_salvaged(true, self.now);
                "salvage".to_owned()
            }
            Step::Done(result) => {
                self.log.push((self.now.up, format!("done {result:?}")));
                return (None, false);
            }
        };
        (Some(said), true)
    }

    fn read(&self, after: Seq, through: Seq) -> Page {
        let rows = self.rows.range(after + 1..=through).take(self.page);
        let surveys: Vec<_> = rows.map(|(_, survey)| survey.clone()).collect();
        if surveys.is_empty() { Page::Empty } else { Page::Surveys(surveys) }
    }

    fn cloud(&mut self, offer: Offer) -> String {
        let (said, devices) = match &offer {
            Offer::Http { body, custody } => {
                let pack = senml::decode_cbor(body, UtcInstant::LATEST).unwrap();
                let devices: Vec<String> =
                    pack.surveys.iter().map(|pack| pack.survey.device.to_string()).collect();
                (
                    format!(
                        "offer {} as{}",
                        devices.join(","),
                        custody.trim_start_matches("0000000000000007")
                    ),
                    devices,
                )
            }
            Offer::Text { text } => {
                assert!(text.len() <= 4_096 && text.ends_with('\n'));
                let named = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
                let devices: BTreeSet<String> = text.lines().map(named).filter(|id| !id.is_empty()).collect();
                let devices: Vec<String> = devices.into_iter().collect();
                (format!("offer {}", devices.join(",")), devices)
            }
        };
        let refuses = self.refuse.iter().find(|(device, _)| devices.iter().any(|id| id == *device));
        let answer = self.answers.pop_front().unwrap_or_else(|| match (refuses, &offer) {
            (Some((_, future)), Offer::Http { .. }) => refused(*future),
            (None, Offer::Http { .. }) => http(200, r#"{"new":1,"duplicate":0,"conflict":0}"#, self.mark),
            (Some(_), Offer::Text { .. }) => Answer::Reply(b"Surveys refused: no".to_vec()),
            (None, Offer::Text { .. }) => Answer::Reply(b"Surveys received".to_vec()),
        });
        self.uplink.handle_answer(answer, self.now, 0);
        said
    }

    fn keeper(&mut self, generation: u64, custody: &Custody) -> String {
        assert_eq!(generation, self.progress.generation);
        let noted = self.noting.pop_front().unwrap_or(Noted::Written);
        let known = self.progress;
        let said = match custody {
            Custody::Held { through } => format!("held {through}"),
            Custody::Passed { through } => format!("passed {through}"),
            Custody::Back { to } => format!("back {to}"),
            Custody::Refused { seq, again, .. } if again.is_some() => format!("refused {seq} for now"),
            Custody::Refused { seq, .. } => format!("refused {seq}"),
            Custody::Taken { seq } => format!("taken {seq}"),
            Custody::Damaged { seq, .. } => format!("damaged {seq}"),
            Custody::Uplink(json) if json.contains("\"error\":null") => "told well".to_owned(),
            Custody::Uplink(_) => "told trouble".to_owned(),
        };
        if noted == Noted::Written {
            self.progress = match custody {
                Custody::Held { through } => Progress {
                    held_through: known.held_through.max(*through),
                    confirmed: known.confirmed.max(*through),
                    ..known
                },
                Custody::Back { to } => Progress { held_through: *to, confirmed: *to, ..known },
                Custody::Passed { through: seq }
                | Custody::Refused { seq, .. }
                | Custody::Damaged { seq, .. } => {
                    Progress { held_through: known.held_through.max(*seq), ..known }
                }
                Custody::Taken { .. } | Custody::Uplink(_) => known,
            };
            match custody {
                Custody::Refused { seq, again, .. } => {
                    let tries = self.again.get(seq).map_or(0, |(tries, _)| *tries);
                    self.again.insert(*seq, (tries + 1, *again));
                }
                Custody::Taken { seq } => _ = self.again.remove(seq),
                _ => {}
            }
        }
        self.uplink.handle_noted(noted, self.now);
        if noted == Noted::Written { said } else { format!("{said}: {noted:?}") }
    }
}
