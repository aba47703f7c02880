//! The least that could be called storing: multi-row inserts on the cloud's own schema, and nothing understood.

use super::packs::{self, Extent};
use anyhow::Result;
use rusqlite::{Connection, params_from_iter};
use std::{
    iter,
    path::Path,
    time::{Duration, Instant},
};

/// Rows a statement.
const ROWS: usize = 250;

/// Inserts the readings of `extent` into the store at `path`, which the cloud has made, in transactions of as many
/// readings as a body has. Returns how long that took, to the last commit.
pub(super) fn insert(path: &Path, extent: Extent, bodies: usize) -> Result<Duration> {
    let mut rows = Vec::with_capacity(usize::try_from(extent.readings())?);
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
        for chunk in commit.chunks(ROWS) {
            let mut statement = prepare(&transaction, chunk.len())?;
            let values = chunk.iter().flat_map(|(device, time, temperature, moisture)| {
                [Some(*device), Some(*time), *temperature, *moisture]
            });
            statement.execute(params_from_iter(values))?;
        }
        transaction.commit()?;
    }
    Ok(began.elapsed())
}

fn prepare(store: &Connection, rows: usize) -> Result<rusqlite::CachedStatement<'_>> {
    let values: Vec<_> = iter::repeat_n("(?,?,?,?)", rows).collect();
    let sql =
        format!("INSERT INTO readings (device, time, temperature, moisture) VALUES {}", values.join(","));
    Ok(store.prepare_cached(&sql)?)
}
