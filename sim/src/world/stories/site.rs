//! A gateway at the beginning of a story, and who hands it surveys.

use crate::world::{
    machine::{Machine, SimDisk},
    oracle::Seq,
};
use anyhow::{Result, ensure};
use fieldpost_core::UtcInstant;
use fieldpost_gateway::parts::{
    Custody, Entry, Group, Keeper, Limits, Moment, Note, Noted, Order, Outcome, read_datagram,
};
use jiff::tz::TimeZone;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::oneshot;

const HOUR: Duration = Duration::from_secs(3_600);

/// A gateway's machine.
pub(super) struct Site {
    pub(super) machine: Machine,
    pub(super) journal_max: u64,
}

impl Site {
    pub(super) fn new(journal_max: u64) -> Self {
        Self { machine: Machine::new("gateway"), journal_max }
    }

    /// Starts its gateway.
    pub(super) fn open(&self) -> Result<Keeper> {
        let limits = Limits { keep: 24 * HOUR, journal_max: self.journal_max, min_free_disk: 0 };
        let folder = self.machine.disk.folder();
        Ok(Keeper::open(Arc::new(SimDisk), folder, limits, Vec::new(), HOUR, 1, noon())?)
    }
}

/// When it all happens.
pub(super) fn noon() -> Moment {
    Moment { utc: UtcInstant::from_millis(1_782_907_200_000), up: Duration::ZERO }
}

/// Hands in datagrams for one commit; what the gateway says of each.
pub(super) fn hand_in(keeper: &mut Keeper, texts: &[String]) -> Result<Vec<Outcome>> {
    let peer = SocketAddr::from(([192, 168, 1, 2], 5_000));
    let entries = texts.iter().map(|text| {
        let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), noon().utc, &TimeZone::UTC);
        Entry { socket: 0, peer, datagram }
    });
    let group = Group { entries: entries.collect(), orders: Vec::new(), dropped: 0 };
    let said = keeper.handle(group, noon());
    ensure!(said.len() == texts.len(), "a datagram without an answer");
    Ok(said)
}

/// Has the gateway note what became of surveys.
pub(super) fn note(keeper: &mut Keeper, custody: Custody) -> Result<()> {
    let (done, mut noted) = oneshot::channel();
    let order = Order::Note(Note { generation: keeper.progress().generation, custody, done });
    keeper.handle(Group { entries: Vec::new(), orders: vec![order], dropped: 0 }, noon());
    ensure!(noted.try_recv()? == Noted::Written, "a note is not written");
    Ok(())
}

/// The survey of a story that gets this number in its journal, the first being 1: a reading like no other.
pub(super) fn survey(seq: Seq) -> String {
    let moisture = seq % 10_000;
    format!("192.168.1.2 10:00 - 0.{:02} - {}.{:02}%\n", seq / 10_000, moisture / 100, moisture % 100)
}
