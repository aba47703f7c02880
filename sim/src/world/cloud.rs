//! The cloud in a world: the shipped rules of ingest and the shipped store, on a disk that can fail.

use super::{
    agenda::{HOUR, MINUTE, Millis, SECOND},
    context::{Context, Event, Upload},
    gateway::Gateway,
    machine::Machine,
    oracle::{Backup, Judgement, Said, Shelf, Tally},
};
use crate::rng::Rng;
use bytes::Bytes;
use fieldpost_cloud::parts::{self, Custody, Format, Origin, Stored, SubmitError, Vault};
use fieldpost_core::{DeviceId, Moisture, Reading, Temperature, UtcInstant, Values, message, senml};
use fieldpost_gateway::parts::{Answer, Offer};
use fieldpost_simdisk::Snapshot;
use rusqlite::{Connection, OpenFlags};
use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

/// How long the same undated text is a copy.
const TEXT_WINDOW: Millis = 20 * HOUR;
/// And a pack with relative times.
const RELATIVE_WINDOW: Millis = 2 * MINUTE;

/// The cloud.
pub struct Cloud {
    /// Its machine.
    pub machine: Machine,
    vault: Option<Vault>,
    /// A backup, and what the oracle knew then.
    pub backup: Option<(Snapshot, Backup)>,
}

impl Cloud {
    /// A cloud with an empty store, not started.
    ///
    /// # Errors
    /// The store cannot be made: an error of the simulator.
    pub fn new() -> Result<Self, fieldpost_cloud::Error> {
        let machine = Machine::new("cloud");
        Vault::create(&store(&machine))?;
        Ok(Self { machine, vault: None, backup: None })
    }

    /// Starts it, if that life is still the one.
    pub fn start(&mut self, world: &mut Context, life: u64) {
        if life != self.machine.life || self.vault.is_some() {
            return;
        }
        let strikes = self.machine.strikes();
        let opened = Vault::open(&store(&self.machine));
        if self.machine.disk.is_off() {
            drop(opened);
            return self.die(world, "died while it started");
        }
        match opened {
            Ok(vault) => {
                self.vault = Some(vault);
                world.trace(|| "the cloud runs".into());
                self.look(world);
            }
            Err(error) => {
                world.trace(|| format!("the cloud cannot start: {error}"));
                if self.machine.strikes() == strikes {
                    world.oracle.fail(format!("the cloud cannot start: {error}"));
                }
                world.agenda.after(10 * SECOND, Event::StartCloud(self.machine.life));
            }
        }
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.vault.is_some()
    }

    /// Compares the store with what it must hold.
    pub fn look(&mut self, world: &mut Context) {
        if self.vault.is_none() {
            return;
        }
        match shelf(&self.machine) {
            Ok(found) => world.oracle.inspected(found),
            Err(error) => world.oracle.fail(format!("the cloud's store cannot be read: {error}")),
        }
    }

    /// A request comes.
    pub fn receive(&mut self, world: &mut Context, upload: Upload) {
        match upload {
            Upload::Offer(gateway, life, id, offer) => {
                let answer = self.take_offer(world, gateway, &offer);
                reply(world, gateway, life, id, answer);
            }
            Upload::Relative(bytes, tries) => {
                let answer = self.take_relative(world, &bytes);
                super::relative::answered(world, &bytes, tries, answer.as_ref());
            }
        }
        if self.machine.disk.is_off() {
            self.die(world, "died in a commit");
        }
    }

    /// None: no answer comes.
    fn take_offer(&mut self, world: &mut Context, gateway: usize, offer: &Offer) -> Option<Answer> {
        let now = world.now();
        let received = UtcInstant::from_millis(now);
        let origin = |custody| Origin {
            gateway: Gateway::name(gateway),
            time_zone: Some(world.zone.clone()),
            custody,
        };
        match offer {
            Offer::Http { body, custody } => {
                let readings = senml::decode_cbor(body, UtcInstant::LATEST).ok().map(flat);
                let judgement = Judgement { readings, receipt: None };
                let custody: Option<Custody> = parts::parse_custody(custody).ok();
                let upload = parts::Upload::new(Format::Cbor, body.clone(), origin(custody), received);
                let result = self.store(world, &upload, judgement)?;
                let answer = parts::http_answer(&result);
                Some(Answer::Http {
                    status: answer.status,
                    content_type: answer.content_type.to_owned(),
                    custody: answer.custody,
                    body: Bytes::from(answer.body),
                })
            }
            Offer::Text { text } => {
                let bytes: Rc<[u8]> = Rc::from(text.as_bytes());
                let first = world.oracle.first_receipt(&bytes, now, TEXT_WINDOW);
                let surveys = message::surveys(&bytes, UtcInstant::from_millis(first), &world.zone);
                let readings = surveys.ok().map(|surveys| {
                    surveys
                        .into_iter()
                        .flat_map(|one| {
                            one.readings.into_iter().map(move |reading| (one.device.clone(), reading))
                        })
                        .collect()
                });
                let judgement = Judgement { readings, receipt: Some((bytes, first)) };
                let format = Format::Text(world.zone.clone());
                let upload = parts::Upload::new(format, Bytes::from(text.clone()), origin(None), received);
                let result = self.store(world, &upload, judgement)?;
                Some(Answer::Reply(parts::text_answer(&result).into_bytes()))
            }
        }
    }

    fn take_relative(
        &mut self,
        world: &mut Context,
        bytes: &Rc<[u8]>,
    ) -> Option<Result<Stored, SubmitError>> {
        let now = world.now();
        let first = world.oracle.first_receipt(bytes, now, RELATIVE_WINDOW);
        let readings = Some(world.oracle.relative_readings(bytes, first));
        let judgement = Judgement { readings, receipt: Some((Rc::clone(bytes), first)) };
        let origin = Origin { gateway: "http:192.168.1.9".into(), time_zone: None, custody: None };
        let received = UtcInstant::from_millis(now);
        let upload = parts::Upload::new(Format::Json, Bytes::copy_from_slice(bytes), origin, received);
        self.store(world, &upload, judgement)
    }

    /// Reads, stores, and tells the oracle; None if the cloud is not there, or dies.
    fn store(
        &mut self,
        world: &mut Context,
        upload: &parts::Upload,
        judgement: Judgement,
    ) -> Option<Result<Stored, SubmitError>> {
        let vault = self.vault.as_mut()?;
        let strikes = self.machine.strikes();
        let result = match upload.read() {
            Ok(submission) => vault.store(vec![submission]).pop()?,
            Err(refusal) => Err(SubmitError::Refused(refusal)),
        };
        let off = self.machine.disk.is_off();
        let said = match &result {
            Ok(stored) => {
                let outcome = stored.outcome;
                let (new, duplicate, conflict) = (outcome.new, outcome.duplicate, outcome.conflict);
                Said::Stored(Tally { new, duplicate, conflict })
            }
            Err(SubmitError::Refused(refusal)) => Said::Refused(refusal.to_string()),
            Err(other) => Said::Later(other.to_string()),
        };
        world.trace(|| {
            format!(
                "the cloud takes {} readings: {said:?}{}",
                judgement.readings.iter().flatten().count(),
                if off { ", and dies" } else { "" }
            )
        });
        let troubled = self.machine.strikes() > strikes;
        let machine = &self.machine;
        world.oracle.uploaded(world.now(), judgement, (!off).then_some(said), troubled, || {
            shelf(machine).unwrap_or_default()
        });
        if off {
            return None;
        }
        // It has committed, and dies before it answers.
        if world.now() < world.calm && world.rng.below(1_000) < self.machine.fragile {
            self.kill(world, "died before it answered");
            return None;
        }
        Some(result)
    }

    /// The process is killed.
    pub fn kill(&mut self, world: &mut Context, how: &str) {
        self.machine.disk.restart_after_kill();
        self.end(world, how);
    }

    /// The power is cut.
    pub fn die(&mut self, world: &mut Context, how: &str) {
        self.machine.disk.cut_power();
        let rng = &mut world.rng;
        self.machine.disk.restart_after_power_cut(&mut |limit| rng.below(limit));
        self.end(world, how);
    }

    fn end(&mut self, world: &mut Context, how: &str) {
        world.trace(|| format!("the cloud {how}"));
        world.counts.deaths += 1;
        self.vault = None;
        self.machine.life += 1;
        let pause = super::plan::below(&mut world.rng, 10 * MINUTE);
        world.agenda.after(pause, Event::StartCloud(self.machine.life));
    }
}

fn store(machine: &Machine) -> PathBuf {
    machine.disk.folder().join("store.db")
}

fn flat(pack: senml::Pack) -> Vec<(DeviceId, Reading)> {
    let readings = |one: senml::PackSurvey| {
        let device = one.survey.device;
        one.survey.readings.into_iter().map(move |reading| (device.clone(), reading))
    };
    pack.surveys.into_iter().flat_map(readings).collect()
}

/// An answer goes back to a gateway, if the road lets it.
fn reply(world: &mut Context, gateway: usize, life: u64, id: u64, answer: Option<Answer>) {
    let Some(mut answer) = answer else { return };
    if world.rng.chance(world.road.deaf) || world.is_cut_off(gateway) {
        world.counts.road += 1;
        return;
    }
    if world.rng.chance(world.road.cut) {
        world.counts.road += 1;
        answer = cut(&mut world.rng, answer);
    }
    let delay = 1 + super::plan::below(&mut world.rng, SECOND);
    world.agenda.after(delay, Event::Answered(gateway, life, id, Rc::new(answer)));
}

fn cut(rng: &mut Rng, answer: Answer) -> Answer {
    let mut shorter = |length: usize| usize::try_from(rng.below(length as u64)).unwrap_or(0);
    match answer {
        Answer::Http { .. } => Answer::Failed("the connection broke".into()),
        Answer::Reply(mut bytes) => {
            bytes.truncate(shorter(bytes.len()));
            Answer::Reply(bytes)
        }
        other => other,
    }
}

/// What a captive portal or a proxy says.
pub fn stranger(rng: &mut Rng, text: bool) -> Answer {
    if text {
        return Answer::Reply(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    }
    let (status, content_type, body) = match rng.below(6) {
        0 => (200, "text/html", "<h1>Welcome! Please sign in</h1>"),
        1 => (204, "", ""),
        2 => (404, "text/html", "not found"),
        3 => (413, "text/plain", "too large"),
        4 => (422, "application/problem+json", r#"{"type":"about:blank","title":"no","detail":"no"}"#),
        _ => (502, "text/html", "bad gateway"),
    };
    Answer::Http {
        status,
        content_type: content_type.to_owned(),
        custody: None,
        body: Bytes::from_static(body.as_bytes()),
    }
}

/// What a store holds, read by anybody.
fn shelf(machine: &Machine) -> rusqlite::Result<Shelf> {
    machine.disk.quietly(|| read_shelf(&store(machine)))
}

fn read_shelf(path: &Path) -> rusqlite::Result<Shelf> {
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut shelf = Shelf::default();
    let values = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Option<(DeviceId, i64, Values)>> {
        let temperature = row.get::<_, Option<i64>>(2)?.and_then(Temperature::from_hundredths);
        let values =
            Values::new(temperature, row.get::<_, Option<i64>>(3)?.and_then(Moisture::from_hundredths));
        let device = DeviceId::new(&row.get::<_, String>(0)?).ok();
        Ok(device
            .zip(values)
            .map(|(device, values)| (device, 0, values))
            .map(|(device, _, values)| (device, row.get(1).unwrap_or(0), values)))
    };
    let mut readings = store
        .prepare("SELECT name, time, temperature, moisture FROM readings JOIN devices ON id = device")?;
    let mut rows = readings.query([])?;
    while let Some(row) = rows.next()? {
        if let Some((device, time, held)) = values(row)? {
            shelf.readings.insert((device, time), held);
        }
    }
    let mut conflicts = store.prepare(
        "SELECT name, time, temperature, moisture, count FROM conflicts JOIN devices ON devices.id = conflicts.device",
    )?;
    let mut rows = conflicts.query([])?;
    while let Some(row) = rows.next()? {
        if let Some((device, time, offered)) = values(row)? {
            let count: i64 = row.get(4)?;
            shelf.conflicts.entry((device, time)).or_default().insert(offered, count.unsigned_abs());
        }
    }
    Ok(shelf)
}
