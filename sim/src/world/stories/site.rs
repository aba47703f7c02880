//! A gateway at the beginning of a story, and who hands it surveys.

use crate::world::{
    machine::{Machine, SimDisk},
    oracle::Seq,
};
use anyhow::{Context as _, Result, ensure};
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

/// Hands in a datagram; what the gateway says.
pub(super) fn hand_in(keeper: &mut Keeper, text: &str) -> Result<Outcome> {
    let peer = SocketAddr::from(([192, 168, 1, 2], 5_000));
    let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), noon().utc, &TimeZone::UTC);
    let group = Group { entries: vec![Entry { socket: 0, peer, datagram }], orders: Vec::new(), dropped: 0 };
    keeper.handle(group, noon()).pop().context("a datagram without an answer")
}

/// Has the gateway note what became of surveys.
pub(super) fn note(keeper: &mut Keeper, custody: Custody) -> Result<()> {
    let (done, mut noted) = oneshot::channel();
    let order = Order::Note(Note { generation: keeper.progress().generation, custody, done });
    keeper.handle(Group { entries: Vec::new(), orders: vec![order], dropped: 0 }, noon());
    ensure!(noted.try_recv()? == Noted::Written, "a note is not written");
    Ok(())
}

/// The survey of a story that gets this number in its journal, the first being 1: a day of readings, like no other's.
pub(super) fn survey(seq: Seq) -> String {
    let line = |hour| format!("192.168.1.2 {hour:02}:00 - 20 - {}.{:02}%\n", seq / 100, seq % 100);
    (0..12).map(line).collect()
}
