//! Names and the numbers that rows carry instead of them.

use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// Remembered names of a kind. Hostile senders can make up names without end, so the memory is bounded: when it is
/// full it is emptied, and fills again with those in use.
const MAX_REMEMBERED: usize = 50_000;

/// The numbers of the names in one table.
#[derive(Debug)]
pub(super) struct Names {
    find: &'static str,
    add: &'static str,
    known: HashMap<Box<str>, i64>,
}

impl Names {
    pub(super) fn devices() -> Self {
        Self::of(
            "SELECT id FROM devices WHERE name = ?1",
            "INSERT INTO devices (name, last_contact) VALUES (?1, ?2)",
        )
    }

    pub(super) fn gateways() -> Self {
        Self::of(
            "SELECT id FROM gateways WHERE name = ?1",
            "INSERT INTO gateways (name, last_contact) VALUES (?1, ?2)",
        )
    }

    fn of(find: &'static str, add: &'static str) -> Self {
        Self { find, add, known: HashMap::new() }
    }

    /// The number of `name`, which is added at `now` if it is new.
    pub(super) fn id(&mut self, connection: &Connection, name: &str, now: i64) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        let found = connection.prepare_cached(self.find)?.query_row([name], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => connection.prepare_cached(self.add)?.insert((name, now))?,
        };
        if self.known.len() >= MAX_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(name.into(), id);
        Ok(id)
    }

    /// Forgets everything: after a rollback, names that it took back may be among what is remembered.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}
