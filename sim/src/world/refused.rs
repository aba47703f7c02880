//! What a gateway's journal and the cloud's store say of what was refused; and a stranger who gives them reason to.

use super::{
    agenda::Millis,
    cloud,
    context::{Context, Event},
    gateway::Gateway,
    machine::Machine,
    oracle::Refused,
    plan::below,
    tally::Strike,
};
use fieldpost_core::message::MAX_DATAGRAM;
use rusqlite::Connection;
use std::rc::Rc;

/// The datagrams of a flood: more groups of them than a quarantine keeps.
const FLOOD: u64 = 1_600;
/// The most time between two of them.
const BETWEEN: Millis = 8;
/// The datagrams of a burst: more than a gateway has places for.
const BURST: usize = 400;
/// The most bursts of a flood.
const BURSTS: u64 = 8;
/// Who it is.
const STRANGER: ([u8; 4], u16) = ([10, 6, 6, 6], 666);

/// What a journal says.
pub(super) fn by_gateway(machine: &Machine) -> rusqlite::Result<Refused> {
    let kept = "SELECT iif(peer = 'journal', NULL, reason), raw FROM quarantine ORDER BY id";
    machine.look(&machine.file(), |journal| read(journal, kept))
}

/// What a store says.
pub(super) fn by_cloud(machine: &Machine) -> rusqlite::Result<Refused> {
    let kept = "SELECT reason, bytes FROM quarantine ORDER BY id";
    machine.look(&cloud::store(machine), |store| read(store, kept))
}

fn read(file: &Connection, kept: &str) -> rusqlite::Result<Refused> {
    let mut found = Refused::default();
    let mut counts = file.prepare_cached("SELECT reason, count FROM refusals")?;
    let mut rows = counts.query([])?;
    while let Some(row) = rows.next()? {
        found.counts.insert(row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs());
    }
    let mut kept = file.prepare_cached(kept)?;
    let mut rows = kept.query([])?;
    while let Some(row) = rows.next()? {
        let reason: Option<String> = row.get(0)?;
        found.bytes += row.get_ref(1)?.as_blob().map_or(0, <[u8]>::len) as u64;
        found.kept.push(match reason {
            Some(reason) => Some((reason, row.get(1)?)),
            None => None,
        });
    }
    Ok(found)
}

/// Somebody sends a gateway a great deal of nothing: short datagrams, or as long as they may be, or bursts of these just when a
/// meter has something to say. Whether it strikes at once.
pub(super) fn flood(world: &mut Context, gateway: &mut Gateway) -> bool {
    let length = match world.rng.below(3) {
        0 => 0,
        1 => MAX_DATAGRAM,
        _ => {
            gateway.bursts += 1 + world.rng.below(BURSTS);
            return false;
        }
    };
    let mut delay = 0;
    for number in 0..FLOOD {
        delay += below(&mut world.rng, BETWEEN);
        let (gateway, peer, bytes) = (gateway.number, STRANGER.into(), garbage(number, length));
        world.agenda.after(delay, Event::Datagram { gateway, peer, bytes, from: None });
    }
    gateway.is_running()
}

/// So much at once that it cannot all be taken.
pub(super) fn burst(world: &mut Context, gateway: &mut Gateway) {
    world.counts.hit(Strike::Flood);
    let bytes = garbage(gateway.bursts, MAX_DATAGRAM);
    for _ in 0..BURST {
        gateway.receive(world, STRANGER.into(), Rc::clone(&bytes), None);
    }
}

/// Nothing, at least so many bytes of it.
fn garbage(number: u64, length: usize) -> Rc<[u8]> {
    Rc::from(format!("{:x<length$}", format!("{number} of {FLOOD}")).as_bytes())
}
