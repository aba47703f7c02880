//! Readings held by device and UTC day, counted in the transaction that stores them, so that calendars need no scan.

use super::readings::{Fate, Row};
use crate::fleet::slots::day_of;
use rusqlite::{CachedStatement, Connection};
use std::{collections::BTreeMap, sync::LazyLock};

/// Rows of one statement.
const ROWS: usize = 50;

const UPSERT: &str = "ON CONFLICT DO UPDATE SET held = held + excluded.held";

/// What a batch adds, by device and day.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(i64, i64), i64>);

impl Tally {
    /// Adds a survey's readings: those that are new.
    pub(super) fn add(&mut self, rows: &[Row], fates: &[Fate]) {
        // A survey's readings are mostly of one or two days.
        let mut run: Option<((i64, i64), i64)> = None;
        for (row, _) in rows.iter().zip(fates).filter(|(_, fate)| **fate == Fate::New) {
            let key = (row.device, day_of(row.time));
            match &mut run {
                Some((same, count)) if *same == key => *count += 1,
                _ => self.flush(run.replace((key, 1))),
            }
        }
        self.flush(run);
    }

    fn flush(&mut self, run: Option<((i64, i64), i64)>) {
        if let Some((key, count)) = run {
            *self.0.entry(key).or_default() += count;
        }
    }

    /// Writes the counts, in the order of their table.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        static MANY: LazyLock<String> = LazyLock::new(|| {
            format!("INSERT INTO days (device, day, held) VALUES {} {UPSERT}", ["(?,?,?)"; ROWS].join(","))
        });
        static ONE: LazyLock<String> =
            LazyLock::new(|| format!("INSERT INTO days (device, day, held) VALUES (?,?,?) {UPSERT}"));
        let rows: Vec<_> = self.0.into_iter().collect();
        let mut chunks = rows.chunks_exact(ROWS);
        for chunk in &mut chunks {
            run(&mut connection.prepare_cached(&MANY)?, chunk)?;
        }
        for row in chunks.remainder() {
            run(&mut connection.prepare_cached(&ONE)?, std::slice::from_ref(row))?;
        }
        Ok(())
    }
}

fn run(statement: &mut CachedStatement<'_>, rows: &[((i64, i64), i64)]) -> rusqlite::Result<()> {
    for (((device, day), held), first) in rows.iter().zip((1..).step_by(3)) {
        statement.raw_bind_parameter(first, device)?;
        statement.raw_bind_parameter(first + 1, day)?;
        statement.raw_bind_parameter(first + 2, held)?;
    }
    statement.raw_execute().map(|_| ())
}
