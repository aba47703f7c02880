//! A gateway's rounds in a world: read from its journal, and shown to the oracle.

use super::{
    agenda::{HOUR, Millis},
    context::Context,
    gateway::Gateway,
    machine::Machine,
    oracle::{RoundFacts, RoundStep},
};
use rusqlite::{Connection, OptionalExtension, types::FromSql};

impl Gateway {
    /// What has become of its rounds since it had closed so many; not if it has died meanwhile.
    pub(super) fn judge_rounds(&self, world: &mut Context, before: u64, troubled: bool) {
        let Some(running) = self.running.as_ref().filter(|_| !self.machine.disk.is_off()) else { return };
        let now = self.moment(world);
        let step = RoundStep {
            gateway: self.number,
            now: now.utc.as_millis(),
            roster: &self.roster.iter().cloned().collect(),
            deadline: Millis::try_from(self.deadline.as_millis()).unwrap_or(HOUR),
            closed: running.keeper.progress().rounds_closed - before,
            pause: running.keeper.pause(now),
            troubled,
        };
        world.oracle.round_step(&step, || facts(&self.machine).unwrap_or_default());
    }
}

/// What a journal says of its rounds.
pub(super) fn facts(machine: &Machine) -> rusqlite::Result<RoundFacts> {
    machine.look(&machine.file(), read)
}

fn read(journal: &Connection) -> rusqlite::Result<RoundFacts> {
    let closed: Option<String> = fact(journal, "last_round")?;
    Ok(RoundFacts {
        closed: closed.and_then(|json| serde_json::from_str(&json).ok()),
        opened: fact(journal, "round_opened")?,
    })
}

fn fact<T: FromSql>(journal: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    let mut fact = journal.prepare_cached("SELECT value FROM facts WHERE name = ?1")?;
    fact.query_row([name], |row| row.get(0)).optional()
}
