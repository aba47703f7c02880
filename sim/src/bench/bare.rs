//! The least that could be called storing: multi-row inserts on the cloud's own schema, and nothing understood.

use super::packs::{self, Extent};
use anyhow::Result;
use rusqlite::{CachedStatement, Connection};
use std::{
    iter,
    path::Path,
    time::{Duration, Instant},
};

/// Device, time, temperature, moisture, as the columns have them.
type Row = (i64, i64, Option<i64>, Option<i64>);

/// Rows a statement.
const ROWS: usize = 250;

/// Inserts the readings of `extent` into the store at `path`, which the cloud has made, in transactions of as many
/// readings as a body has. Returns how long that took, to the last commit.
pub(super) fn insert(path: &Path, extent: Extent, bodies: usize) -> Result<Duration> {
    let mut rows: Vec<Row> = Vec::with_capacity(usize::try_from(extent.readings())?);
    for (device, day) in extent.surveys() {
        for reading in packs::readings(device, day) {
            let (temperature, moisture) = (reading.values.temperature(), reading.values.moisture());
            let temperature = temperature.map(|value| value.hundredths());
            let moisture = moisture.map(|value| value.hundredths());
            rows.push((i64::try_from(device)?, reading.time.as_millis(), temperature, moisture));
        }
    }
    let mut store = Connection::open(path)?;
    // As the cloud has it.
    store.pragma_update(None, "journal_mode", "wal")?;
    store.pragma_update(None, "synchronous", "full")?;
    store.pragma_update(None, "cache_size", -16 * 1024)?;
    store.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    let began = Instant::now();
    for commit in rows.chunks(rows.len().div_ceil(bodies.max(1)).max(1)) {
        let transaction = store.transaction()?;
        let mut statement = transaction.prepare_cached(&insert_sql(ROWS))?;
        let chunks = commit.chunks_exact(ROWS);
        let rest = chunks.remainder();
        for chunk in chunks {
            bind_and_run(&mut statement, chunk)?;
        }
        if !rest.is_empty() {
            bind_and_run(&mut transaction.prepare_cached(&insert_sql(rest.len()))?, rest)?;
        }
        drop(statement);
        transaction.commit()?;
    }
    Ok(began.elapsed())
}

fn bind_and_run(statement: &mut CachedStatement<'_>, rows: &[Row]) -> Result<()> {
    let mut place = 0;
    for (device, time, temperature, moisture) in rows {
        for value in [Some(*device), Some(*time), *temperature, *moisture] {
            place += 1;
            statement.raw_bind_parameter(place, value)?;
        }
    }
    statement.raw_execute()?;
    Ok(())
}

fn insert_sql(rows: usize) -> String {
    let values: Vec<_> = iter::repeat_n("(?,?,?,?)", rows).collect();
    format!("INSERT INTO readings (device, time, temperature, moisture) VALUES {}", values.join(","))
}
