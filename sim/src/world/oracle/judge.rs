//! What a gateway does with what it is handed, judged (P1, P4, P5).

use super::{
    Line, Meaning, Oracle, When,
    custody::{Known, Limbo, Receipt, Row, Seq},
    shown,
};
use crate::world::agenda::{MINUTE, Millis};
use fieldpost_core::{DeviceId, Reading, UtcInstant, message};
use fieldpost_gateway::parts::Outcome;
use jiff::tz::TimeZone;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

/// The longest datagram that is read.
const MAX_DATAGRAM: usize = 4_096;

/// What came in a datagram, as the gateway was handed it.
#[derive(Debug, Clone)]
pub struct Came {
    /// All of its bytes.
    pub bytes: Rc<[u8]>,
    /// Who sent it.
    pub peer: IpAddr,
    /// By the gateway's clock.
    pub received: Millis,
}

/// What should become of a datagram.
#[derive(Debug)]
enum Due {
    /// It is safe already.
    Held,
    /// It becomes these rows; none if it shares the fate of another in its group.
    New(Vec<Row>),
    /// Either.
    Perhaps(Vec<Row>),
    /// It is refused for good.
    Refused,
    /// Refused, or held: it was good by the clock of its first copy.
    RefusedOrHeld,
}

/// How a gateway was set up when it was handed a group.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Its place among the gateways.
    pub gateway: usize,
    /// Its clock.
    pub now: Millis,
    /// The true time.
    pub truth: Millis,
    /// The devices that it waits for.
    pub roster: &'a BTreeSet<DeviceId>,
    /// Its site's zone.
    pub zone: &'a TimeZone,
    /// Its disk failed while it had the group, or a moment ago.
    pub troubled: bool,
    /// There is no room for the group in its journal.
    pub journal_full: bool,
    /// Nor on its disk.
    pub disk_full: bool,
}

impl Oracle {
    /// A gateway was handed a group of datagrams, and said that of them; None if it died meanwhile. `found` reads its
    /// journal.
    pub fn group(
        &mut self,
        setup: &Setup<'_>,
        came: &[Came],
        said: Option<&[Outcome]>,
        found: impl Fn() -> Option<BTreeMap<Seq, Row>>,
    ) {
        let unwritten = |outcome: &Outcome| matches!(outcome, Outcome::Unwritten(_));
        // While nothing can be written, what was in limbo stays there.
        let open = said.is_some_and(|said| !said.iter().any(unwritten));
        if open
            && self.custody(setup.gateway).in_limbo()
            && let Some(found) = found()
        {
            let settled = self.custody(setup.gateway).settle(&found, true);
            self.journaled.extend(settled);
        }
        self.custody(setup.gateway).truth = setup.truth;
        let due = self.due(setup, came);
        match said {
            None => self.unsettled(setup.gateway, came, due),
            Some(said) if said.iter().any(unwritten) => {
                if !setup.troubled {
                    self.fail(format!(
                        "gateway {} cannot write, and nothing keeps it from writing",
                        setup.gateway
                    ));
                }
                self.unsettled(setup.gateway, came, due);
            }
            Some(said) => self.compare(setup, came, due, said, &found),
        }
    }

    fn unsettled(&mut self, gateway: usize, came: &[Came], due: Vec<Due>) {
        let rows = came.iter().zip(due).filter_map(|(came, due)| match due {
            Due::New(rows) | Due::Perhaps(rows) => Some((key(came), receipt(came), rows)),
            _ => None,
        });
        let limbo: Limbo = rows.collect();
        for (_, _, rows) in &limbo {
            self.admit(rows);
        }
        self.custody(gateway).limbo.push(limbo);
    }

    fn compare(
        &mut self,
        setup: &Setup<'_>,
        came: &[Came],
        due: Vec<Due>,
        said: &[Outcome],
        found: &dyn Fn() -> Option<BTreeMap<Seq, Row>>,
    ) {
        if said.len() != came.len() {
            return self.fail(format!("{} datagrams, {} answers", came.len(), said.len()));
        }
        let again = |outcome: &Outcome| outcome.text().ends_with("try again later");
        if let Some(why) = said.iter().find(|outcome| again(outcome) && !setup.excuses(outcome)) {
            self.fail(format!("gateway {} says `{}`, and there is no reason", setup.gateway, why.text()));
        }
        for ((came, due), outcome) in came.iter().zip(due).zip(said) {
            let rows = match (due, outcome) {
                (Due::New(rows) | Due::Perhaps(rows), Outcome::New) => rows,
                (Due::Held, Outcome::Held) => continue,
                (Due::Perhaps(_) | Due::RefusedOrHeld, Outcome::Held) => {
                    self.must_be_held(setup, came, found);
                    continue;
                }
                (Due::New(_) | Due::Perhaps(_), Outcome::Refused(_)) if again(outcome) => continue,
                (Due::Refused | Due::RefusedOrHeld, Outcome::Refused(_)) if !again(outcome) => continue,
                (due, outcome) => {
                    let what = shown(&came.bytes);
                    let wrong = format!("`{what}` should be {due:?}, and is {outcome:?}");
                    return self.fail(format!("gateway {}: {wrong}", setup.gateway));
                }
            };
            self.admit(&rows);
            if !rows.is_empty() {
                self.journaled.insert(Rc::clone(&came.bytes));
                let copies = &mut self.custody(setup.gateway).copies;
                copies.entry(key(came)).or_default().push(receipt(came));
            }
            self.custody(setup.gateway).append(rows);
        }
    }

    /// A gateway that may have forgotten this has not: then what a first copy of it brought is in its journal, or at the cloud.
    fn must_be_held(
        &mut self,
        setup: &Setup<'_>,
        came: &Came,
        found: &dyn Fn() -> Option<BTreeMap<Seq, Row>>,
    ) {
        let Some(found) = found() else { return };
        let receipts = self.custody(setup.gateway).copies.get(&key(came)).cloned().unwrap_or_default();
        let held = receipts.iter().any(|receipt| {
            let first = Came { received: receipt.at, bytes: Rc::clone(&came.bytes), peer: came.peer };
            let Due::New(rows) = self.read(setup, &first) else { return false };
            // Of several rows others may be damaged; they are looked for when the journal is opened.
            rows.first().is_none_or(|row| {
                found.values().any(|found| found.says_the_same(row))
                    || row.readings.iter().all(|reading| self.shelf.has(&row.device, reading))
                    || self.custody(setup.gateway).excuses(row)
            })
        });
        if !held {
            let what = shown(&came.bytes);
            self.fail(format!("gateway {}: `{what}` is held, it says, and it is nowhere", setup.gateway));
        }
    }

    fn due(&mut self, setup: &Setup<'_>, came: &[Came]) -> Vec<Due> {
        let mut in_group: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut due = Vec::new();
        for one in came {
            let key = key(one);
            let known = self.custody(setup.gateway).known(&key, setup.now);
            let (copy, perhaps) = (known == Known::Yes, known == Known::Perhaps);
            due.push(match self.read(setup, one) {
                _ if copy => Due::Held,
                _ if perhaps && in_group.contains(&key) => Due::Perhaps(Vec::new()),
                Due::New(rows) if perhaps => {
                    in_group.insert(key);
                    Due::Perhaps(rows)
                }
                _ if in_group.contains(&key) => Due::New(Vec::new()),
                Due::New(rows) => {
                    in_group.insert(key);
                    Due::New(rows)
                }
                Due::Refused if perhaps => Due::RefusedOrHeld,
                other => other,
            });
        }
        due
    }

    /// What a datagram says if it is the first of its kind.
    fn read(&mut self, setup: &Setup<'_>, came: &Came) -> Due {
        match self.messages.get(&came.bytes) {
            _ if came.bytes.len() > MAX_DATAGRAM => Due::Refused,
            Some(Meaning::Bad) => Due::Refused,
            Some(Meaning::Lines(lines)) => match self.dated(lines, came.received) {
                Some(readings) => {
                    let device = lines.first().map(|line| line.device.clone());
                    Due::New(
                        device
                            .into_iter()
                            .map(|device| row(device, came.received, readings.clone()))
                            .collect(),
                    )
                }
                None => Due::Refused,
            },
            Some(Meaning::Empty) => empty(setup, came),
            None => self.read_stranger(setup, came),
        }
    }

    /// Bytes that no meter sent: a damaged copy. What they say, if anything, the shipped reader says; the question here
    /// is only what becomes of it.
    fn read_stranger(&mut self, setup: &Setup<'_>, came: &Came) -> Due {
        match message::surveys(&came.bytes, UtcInstant::from_millis(came.received), setup.zone) {
            Err(_) => Due::Refused,
            Ok(surveys) if surveys.is_empty() => empty(setup, came),
            Ok(surveys) => Due::New(
                surveys.into_iter().map(|one| row(one.device, came.received, one.readings)).collect(),
            ),
        }
    }

    /// The readings of some lines whose first copy came at `received`; None if they are from the future.
    fn dated(&self, lines: &[Line], received: Millis) -> Option<Vec<Reading>> {
        let date = |line: &Line| {
            let time = match line.when {
                When::Instant(time) => time,
                When::Minute(minute) => self.wall.latest(minute, received)?,
            };
            let good = time <= received + 5 * MINUTE && time >= UtcInstant::EARLIEST.as_millis();
            good.then(|| Reading { time: UtcInstant::from_millis(time), values: line.values })
        };
        lines.iter().map(date).collect()
    }
}

impl Setup<'_> {
    /// Whether there is a reason to say this and take nothing new.
    fn excuses(&self, outcome: &Outcome) -> bool {
        let text = outcome.text();
        let full = (self.journal_full && text.contains("journal full"))
            || (self.disk_full && text.contains("disk full"));
        full || (self.troubled && text.contains("cannot measure"))
    }
}

fn key(came: &Came) -> Vec<u8> {
    match came.bytes.is_empty() {
        true => format!("\0{}", came.peer).into_bytes(),
        false => came.bytes.to_vec(),
    }
}

/// What there is to remember of it.
fn receipt(came: &Came) -> Receipt {
    Receipt { at: came.received, doubtful: false }
}

fn row(device: DeviceId, received: Millis, mut readings: Vec<Reading>) -> Row {
    readings.sort_by_key(|reading| reading.time);
    Row { device, received, readings }
}

fn empty(setup: &Setup<'_>, came: &Came) -> Due {
    let device = DeviceId::new(&came.peer.to_string()).ok();
    match device.filter(|device| setup.roster.contains(device)) {
        Some(device) => Due::New(vec![row(device, came.received, Vec::new())]),
        None => Due::Held,
    }
}
