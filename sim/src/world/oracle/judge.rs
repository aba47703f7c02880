//! What a gateway does with what it is handed, judged (P1, P4, P5).

use super::{
    Line, Meaning, Oracle, When,
    custody::{Limbo, Row, Seq},
    shown,
};
use crate::world::agenda::{DAY, HOUR, MINUTE, Millis};
use fieldpost_core::{DeviceId, Reading, UtcInstant, message};
use fieldpost_gateway::parts::Outcome;
use jiff::tz::TimeZone;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

/// The same bytes within this time are a copy.
const COPY_WINDOW: Millis = 20 * HOUR;
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
    /// Something may keep it from writing.
    pub troubled: bool,
}

impl Oracle {
    /// A gateway was handed a group of datagrams, and said that of them; None if it died meanwhile. `found` reads its
    /// journal.
    pub fn group(
        &mut self,
        setup: &Setup<'_>,
        came: &[Came],
        said: Option<&[Outcome]>,
        found: impl FnOnce() -> Option<BTreeMap<Seq, Row>>,
    ) {
        let unwritten = |outcome: &Outcome| matches!(outcome, Outcome::Unwritten(_));
        // While nothing can be written, what was in limbo stays there.
        let open = said.is_some_and(|said| !said.iter().any(unwritten));
        if open
            && self.custody(setup.gateway).in_limbo()
            && let Some(found) = found()
        {
            let settled = self.custody(setup.gateway).settle(&found);
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
            Some(said) => self.compare(setup, came, due, said),
        }
    }

    fn unsettled(&mut self, gateway: usize, came: &[Came], due: Vec<Due>) {
        let rows = came.iter().zip(due).filter_map(|(came, due)| match due {
            Due::New(rows) | Due::Perhaps(rows) => Some((key(came), came.received, rows)),
            _ => None,
        });
        let limbo: Limbo = rows.collect();
        for (_, _, rows) in &limbo {
            self.admit(rows);
        }
        self.custody(gateway).limbo.push(limbo);
    }

    fn compare(&mut self, setup: &Setup<'_>, came: &[Came], due: Vec<Due>, said: &[Outcome]) {
        if said.len() != came.len() {
            return self.fail(format!("{} datagrams, {} answers", came.len(), said.len()));
        }
        let again = |outcome: &Outcome| outcome.text().ends_with("try again later");
        if said.iter().any(again) && !setup.troubled {
            self.fail(format!("gateway {} says that it is full, and it is not", setup.gateway));
        }
        for ((came, due), outcome) in came.iter().zip(due).zip(said) {
            let rows = match (due, outcome) {
                (Due::New(rows) | Due::Perhaps(rows), Outcome::New) => rows,
                (Due::Held | Due::Perhaps(_) | Due::RefusedOrHeld, Outcome::Held) => continue,
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
                self.custody(setup.gateway).copies.entry(key(came)).or_default().push(came.received);
            }
            self.custody(setup.gateway).append(rows);
        }
    }

    fn due(&mut self, setup: &Setup<'_>, came: &[Came]) -> Vec<Due> {
        let mut in_group: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut due = Vec::new();
        for one in came {
            let key = key(one);
            let receipts = self.custody(setup.gateway).copies.get(&key).cloned().unwrap_or_default();
            let forgetful = self.custody(setup.gateway).forgetful;
            let copy = !forgetful && receipts.last().is_some_and(|first| is_copy(*first, setup.now));
            // By a clock that jumps nobody can tell: what was too old is near again, what was near is from the future.
            let perhaps = forgetful && !receipts.is_empty();
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

    /// A gateway has opened its journal, and this is in it. `salvaged`: it said that the file was damaged.
    pub fn opened(
        &mut self,
        gateway: usize,
        found: &BTreeMap<Seq, Row>,
        last: Seq,
        now: Millis,
        salvaged: bool,
    ) {
        let settled = self.custody(gateway).settle(found);
        self.journaled.extend(settled);
        let (shelf, Some(custody)) = (&self.shelf, self.custodies.get_mut(gateway)) else { return };
        let delivered = |row: &Row| row.readings.iter().all(|reading| shelf.has(&row.device, reading));
        let (damaged, prunes) = (custody.damaged, custody.prunes);
        let mut lost = Vec::new();
        let mut gone = Vec::new();
        for (seq, kept) in custody.rows.iter().filter(|(_, kept)| kept.excuse.is_none()) {
            match found.get(seq) {
                Some(row) if row.says_the_same(&kept.row) => {}
                None if (prunes || now - kept.row.received > DAY * 29)
                    && (kept.ahead || delivered(&kept.row)) => {}
                _ if damaged && !custody.spared.contains(seq) => gone.push(*seq),
                Some(row) => lost.push(format!("survey {seq} became {row:?}, and was {:?}", kept.row)),
                None => lost.push(format!("survey {seq} is lost: {:?}", kept.row)),
            }
        }
        let foreign = found
            .iter()
            .find(|(seq, _)| !custody.rows.contains_key(seq))
            .map(|(seq, row)| format!("survey {seq} is from nowhere: {row:?}"));
        custody.spared.clear();
        for seq in &gone {
            custody.excuse(*seq, "destroyed");
        }
        if damaged {
            custody.last = last;
            custody.rows.retain(|seq, _| *seq <= last);
            // Which datagrams they were is not known: any may be taken for new again.
            custody.forgetful = true;
        }
        let last_is = custody.last;
        if let Some(first) = lost.into_iter().chain(foreign).next() {
            return self.fail(format!("gateway {gateway}: {first}"));
        }
        if !gone.is_empty() && !salvaged {
            return self.fail(format!(
                "gateway {gateway}: surveys {gone:?} of its damaged journal are gone, and it did not say so"
            ));
        }
        if last != last_is {
            self.fail(format!("gateway {gateway}: its last survey is {last}, and should be {last_is}"));
        }
    }

    /// Every survey in a gateway's custody has reached the cloud.
    pub fn all_delivered(&mut self, gateway: usize) {
        let shelf = &self.shelf;
        let Some(custody) = self.custodies.get(gateway) else { return };
        let missing = custody.rows.iter().filter(|(_, kept)| kept.excuse.is_none() && !kept.ahead).find_map(|(seq, kept)| {
            let missing = kept.row.readings.iter().find(|reading| !shelf.has(&kept.row.device, reading))?;
            Some(format!(
                "acknowledged and missing: {} of {} at {} (survey {seq} of gateway {gateway}, received {})",
                missing.values, kept.row.device, missing.time, super::shown_time(kept.row.received)
            ))
        });
        if let Some(missing) = missing {
            self.fail(missing);
        }
    }
}

fn is_copy(first: Millis, now: Millis) -> bool {
    let age = now - first;
    (-COPY_WINDOW..COPY_WINDOW).contains(&age)
}

fn key(came: &Came) -> Vec<u8> {
    match came.bytes.is_empty() {
        true => format!("\0{}", came.peer).into_bytes(),
        false => came.bytes.to_vec(),
    }
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
