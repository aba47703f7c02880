//! The cloud in a world: the shipped rules of ingest and the shipped store, on a disk that can fail.

use super::{
    agenda::{MINUTE, SECOND},
    context::{Context, Event},
    ingest::Waiting,
    machine::Machine,
    oracle::{Backup, Shelf},
    tally::Strike,
};
use crate::rng::Rng;
use bytes::Bytes;
use fieldpost_cloud::parts::Vault;
use fieldpost_core::{DeviceId, Moisture, Temperature, Values};
use fieldpost_gateway::parts::Answer;
use fieldpost_simdisk::Snapshot;
use rusqlite::Connection;
use std::{cell::RefCell, path::PathBuf};

/// In each so many worlds the cloud's store is made anew.
const MADE_EVERY: u64 = 16;

thread_local! {
    /// The disk of a cloud whose store has just been made: all of its versions' tables take longer than a day of a world.
    static EMPTY: RefCell<Option<Snapshot>> = const { RefCell::new(None) };
}

/// The cloud.
pub struct Cloud {
    /// Its machine.
    pub machine: Machine,
    pub(super) vault: Option<Vault>,
    /// What waits for the next transaction.
    pub(super) inbox: Vec<Waiting>,
    /// A backup, and what the oracle knew then.
    pub backup: Option<(Snapshot, Backup)>,
}

impl Cloud {
    /// A cloud with an empty store, not started. Most worlds begin with a copy of one that was made before on this thread.
    ///
    /// # Errors
    /// The store cannot be made: an error of the simulator.
    pub fn new(seed: u64) -> Result<Self, fieldpost_cloud::Error> {
        let machine = Machine::new("cloud");
        match EMPTY.take().filter(|_| !seed.is_multiple_of(MADE_EVERY)) {
            Some(empty) => {
                machine.disk.restore(&empty);
                EMPTY.set(Some(empty));
            }
            None => {
                Vault::create(&store(&machine))?;
                EMPTY.set(Some(machine.disk.snapshot()));
            }
        }
        Ok(Self { machine, vault: None, inbox: Vec::new(), backup: None })
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
        let Some(vault) = &mut self.vault else { return };
        let strikes = self.machine.strikes();
        vault.probe();
        if self.machine.disk.is_off() {
            return self.die(world, "died when it was asked how it is");
        }
        if vault.is_failing() && self.machine.strikes() == strikes {
            world.oracle.fail("the cloud says that it cannot write, and nothing keeps it from writing");
        }
        match super::refused::by_cloud(&self.machine) {
            Ok(found) => world.oracle.cloud_refusals(found),
            Err(error) => world.oracle.fail(format!("the cloud's refusals: {error}")),
        }
        match shelf(&self.machine) {
            Ok(found) => world.oracle.inspected(found),
            Err(error) => world.oracle.fail(format!("the cloud's store cannot be read: {error}")),
        }
    }

    /// The process is killed.
    pub fn kill(&mut self, world: &mut Context, how: &str) {
        self.machine.disk.restart_after_kill();
        self.end(world, how);
    }

    /// The power is cut; or the process was killed, if that is what its disk saw.
    pub fn die(&mut self, world: &mut Context, how: &str) {
        if self.machine.disk.is_killed() {
            world.counts.hit(Strike::CloudKillStep);
            return self.kill(world, how);
        }
        world.counts.hit(Strike::CloudPower);
        self.machine.disk.cut_power();
        let rng = &mut world.rng;
        self.machine.disk.restart_after_power_cut(&mut |limit| rng.below(limit));
        self.end(world, how);
    }

    fn end(&mut self, world: &mut Context, how: &str) {
        world.trace(|| format!("the cloud {how}"));
        self.vault = None;
        for one in std::mem::take(&mut self.inbox) {
            super::ingest::unheard(world, &one.upload);
        }
        self.machine.life += 1;
        let pause = super::plan::below(&mut world.rng, 10 * MINUTE);
        world.agenda.after(pause, Event::StartCloud(self.machine.life));
    }
}

pub(super) fn store(machine: &Machine) -> PathBuf {
    machine.disk.folder().join("store.db")
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
pub(super) fn shelf(machine: &Machine) -> rusqlite::Result<Shelf> {
    machine.look(&store(machine), read_shelf)
}

fn read_shelf(store: &Connection) -> rusqlite::Result<Shelf> {
    let mut shelf = Shelf::default();
    // Rows of one device mostly stand together.
    let mut last: Option<DeviceId> = None;
    let mut values = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Option<(DeviceId, i64, Values)>> {
        let temperature = row.get::<_, Option<i64>>(2)?.and_then(Temperature::from_hundredths);
        let values =
            Values::new(temperature, row.get::<_, Option<i64>>(3)?.and_then(Moisture::from_hundredths));
        let name = row.get_ref(0)?.as_str()?;
        if last.as_ref().is_none_or(|last| last.as_str() != name) {
            last = DeviceId::new(name).ok();
        }
        let time = row.get(1).unwrap_or(0);
        Ok(last.clone().zip(values).map(|(device, values)| (device, time, values)))
    };
    let mut readings = store.prepare_cached(
        "SELECT name, time, temperature, moisture FROM readings JOIN devices ON id = device",
    )?;
    let mut rows = readings.query([])?;
    while let Some(row) = rows.next()? {
        if let Some((device, time, held)) = values(row)? {
            shelf.readings.insert((device, time), held);
        }
    }
    let mut conflicts = store.prepare_cached(
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
