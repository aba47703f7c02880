//! What a gateway's journal and the cloud's store say of what was refused; and a stranger who gives them reason to.

use super::{
    agenda::Millis,
    cloud,
    context::{Context, Event},
    machine::Machine,
    oracle::Refused,
    plan::below,
};
use rusqlite::{Connection, OpenFlags};
use std::{net::SocketAddr, path::Path, rc::Rc};

/// The datagrams of a flood: more groups of them than a quarantine keeps.
const FLOOD: u64 = 1_600;
/// The most time between two of them.
const BETWEEN: Millis = 8;

/// What a journal says.
pub(super) fn by_gateway(machine: &Machine) -> rusqlite::Result<Refused> {
    let kept = "SELECT iif(peer = 'journal', NULL, reason), raw FROM quarantine ORDER BY id";
    machine.disk.quietly(|| read(&machine.file(), kept))
}

/// What a store says.
pub(super) fn by_cloud(machine: &Machine) -> rusqlite::Result<Refused> {
    let kept = "SELECT reason, bytes FROM quarantine ORDER BY id";
    machine.disk.quietly(|| read(&cloud::store(machine), kept))
}

fn read(path: &Path, kept: &str) -> rusqlite::Result<Refused> {
    let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut found = Refused::default();
    let mut counts = file.prepare("SELECT reason, count FROM refusals")?;
    let mut rows = counts.query([])?;
    while let Some(row) = rows.next()? {
        found.counts.insert(row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs());
    }
    let mut kept = file.prepare(kept)?;
    let mut rows = kept.query([])?;
    while let Some(row) = rows.next()? {
        let reason: Option<String> = row.get(0)?;
        found.kept.push(match reason {
            Some(reason) => Some((reason, row.get(1)?)),
            None => None,
        });
    }
    Ok(found)
}

/// Somebody sends a gateway a great deal of nothing.
pub(super) fn flood(world: &mut Context, gateway: usize) {
    world.counts.others += 1;
    let peer = SocketAddr::from(([10, 6, 6, 6], 666));
    let mut delay = 0;
    for number in 0..FLOOD {
        delay += below(&mut world.rng, BETWEEN);
        let bytes = Rc::from(format!("{number} of {FLOOD}").as_bytes());
        world.agenda.after(delay, Event::Datagram { gateway, peer, bytes, from: None });
    }
}
