//! What comes to a gateway in a world, and what it says of it: the shipped keeper commits it, and the oracle judges.

use super::{
    context::{Context, Event, LOOKED_AT},
    gateway::Gateway,
    network::Line,
    oracle::{Came, Setup},
    tally::Strike,
};
use fieldpost_core::{DeviceId, UtcInstant, message::MAX_DATAGRAM, reply};
use fieldpost_gateway::parts::{Entry, Group, Outcome, Sender, read_datagram};
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

fn says(outcomes: &[Outcome], what: &str) -> bool {
    outcomes.iter().any(|outcome| outcome.text().contains(what))
}

/// A datagram that waits for the next commit.
#[derive(Debug)]
pub(super) struct Waiting {
    peer: SocketAddr,
    bytes: Rc<[u8]>,
    from: Option<(usize, u64)>,
    received: UtcInstant,
}

impl Gateway {
    /// A datagram comes.
    pub fn receive(
        &mut self,
        world: &mut Context,
        peer: SocketAddr,
        bytes: Rc<[u8]>,
        from: Option<(usize, u64)>,
    ) {
        if self.running.is_none() {
            return;
        }
        if from.is_some() && self.bursts > 0 {
            self.bursts -= 1;
            super::refused::burst(world, self);
        }
        if self.waiting.is_empty() {
            let delay = super::plan::below(&mut world.rng, 30);
            world.agenda.after(delay, Event::Commit(self.number, self.machine.life));
        }
        let received = self.moment(world).utc;
        let shown = bytes.get(..MAX_DATAGRAM).unwrap_or(&bytes);
        let datagram = read_datagram(shown, bytes.len(), peer.ip(), received, &world.zone);
        // In a world nobody shares a counter with anybody.
        let sender = match peer.ip() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(_) => 0,
        };
        let sender = Sender { address: sender, port: sender };
        if self.inbox.push(Entry { socket: 0, peer, datagram }, sender) {
            self.waiting.push(Waiting { peer, bytes, from, received });
        } else if from.is_some() {
            world.oracle.fail(format!("gateway {} had no place for what {peer} sent", self.number));
        }
    }

    /// Commits what has come, and answers it.
    pub fn commit(&mut self, world: &mut Context, life: u64) {
        if life != self.machine.life || self.running.is_none() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let group = self.inbox.take();
        let texts = self.handle(world, group, &waiting);
        if self.machine.disk.is_off() {
            return self.die(world, "died in a commit");
        }
        // The last step at which it can die: all is durable, and nobody has heard of it.
        if world.now() < world.calm && world.rng.below(1_000) < self.machine.fragile {
            world.counts.hit(Strike::GatewayFragile);
            return self.kill(world, "died before it answered");
        }
        for (one, text) in waiting.iter().zip(texts) {
            self.answer(world, one, text);
        }
        self.judge_size(world);
        if world.rng.chance(LOOKED_AT) {
            self.look(world);
        }
        self.go_on(world);
    }

    fn answer(&self, world: &mut Context, one: &Waiting, text: String) {
        let Some((meter, exchange)) = one.from else { return };
        if world.is_cut(self.number) {
            return world.counts.hit(Strike::CutLine);
        }
        let Some(delay) = world.line.carry_reply(&mut world.rng) else {
            return world.counts.hit(Strike::ReplyLost);
        };
        world.counts.hits(Strike::ReplyLate, u64::from(delay > Line::USUAL));
        let garbled = world.rng.chance(world.line.garbled);
        world.counts.hits(Strike::ReplyDamaged, u64::from(garbled));
        let bytes =
            if garbled { super::network::damage(&mut world.rng, text.as_bytes()) } else { text.into_bytes() };
        // A cut `Surveys arrived` is none; a cut refusal may still be one.
        let misleading = garbled && matches!(reply::parse(&bytes), reply::Reply::Refused { .. });
        if !misleading {
            world.agenda.after(delay, Event::Reply(meter, exchange, bytes));
        }
    }

    /// Hands a group to the keeper, and tells the oracle. The answers.
    pub(super) fn handle(&mut self, world: &mut Context, group: Group, waiting: &[Waiting]) -> Vec<String> {
        let torn = self.is_torn();
        if torn && !waiting.is_empty() {
            // If it finds out now, its journal is looked at before anything new is in it.
            self.handle(world, Group::default(), &[]);
        }
        let now = self.moment(world);
        let left = self.left();
        let came: Vec<Came> = waiting
            .iter()
            .map(|one| Came {
                bytes: Rc::clone(&one.bytes),
                peer: one.peer.ip(),
                received: one.received.as_millis(),
            })
            .collect();
        let scant = self.is_scant(left, &came);
        let Some(running) = &mut self.running else { return Vec::new() };
        let rounds = running.keeper.progress().rounds_closed;
        let strikes = self.machine.strikes();
        let outcomes = running.keeper.handle(group, now);
        let findings = running.keeper.findings();
        let salvaged = !findings.is_empty();
        self.findings.extend(findings);
        let troubled = self.machine.struck(strikes, world.now()) || torn;
        self.judge_room(world, &outcomes, salvaged, troubled);
        let texts: Vec<String> = outcomes.iter().map(|outcome| outcome.text().to_owned()).collect();
        let off = self.machine.disk.is_off();
        if !waiting.is_empty() {
            let roster: BTreeSet<DeviceId> = self.roster.iter().cloned().collect();
            let setup = Setup {
                gateway: self.number,
                now: now.utc.as_millis(),
                truth: world.now(),
                roster: &roster,
                zone: &world.zone.clone(),
                troubled,
                journal_full: says(&outcomes, "journal full")
                    && self.journal_is_full(&came)
                    && self.garbage_gave_way(world.now()),
                disk_full: says(&outcomes, "disk full") && self.is_short(left.min(self.left()), &came),
            };
            let said = (!off).then_some(outcomes.as_slice());
            let machine = &self.machine;
            world.oracle.group(&setup, &came, said, || machine.journal().ok());
            world.oracle.gateway_refused(self.number, &came, said, setup.zone, scant || troubled);
            world.trace(|| {
                let what: Vec<_> = came.iter().map(|one| super::oracle::shown(&one.bytes)).collect();
                format!("gateway {} at {}: {what:?} -> {said:?}", self.number, now.utc)
            });
        }
        if salvaged {
            world.oracle.custody(self.number).doubt_rounds();
        }
        self.judge_rounds(world, rounds, troubled);
        if torn && salvaged && !self.machine.disk.is_off() {
            self.look(world);
        }
        texts
    }

    /// Whether its journal's file was damaged beneath it, and it has not said so yet.
    pub(super) fn is_torn(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.torn)
    }
}
