//! Other values for readings that are held (promise P3): kept beside them, each once.

use super::{
    batch::Span,
    readings::{Fate, Row},
};
use fieldpost_core::{
    Moisture, Temperature,
    bug::{self, Bug},
};
use rusqlite::Connection;

/// Different values kept for one reading. A meter that is broken enough to say more says nothing new by it.
pub(super) const MAX_PER_READING: i64 = 8;

/// Records a survey's conflicts; says how many were not known.
pub(super) fn record(
    connection: &Connection,
    span: &Span,
    rows: &[Row],
    fates: &[Fate],
) -> rusqlite::Result<i64> {
    if bug::on(Bug::DropConflicts) {
        return Ok(0);
    }
    let mut recorded = 0;
    for (row, _) in rows.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Conflict) {
        recorded += i64::from(record_one(connection, span, row)?);
    }
    Ok(recorded)
}

fn record_one(connection: &Connection, span: &Span, row: &Row) -> rusqlite::Result<bool> {
    let temperature = row.values.temperature().map(Temperature::hundredths);
    let moisture = row.values.moisture().map(Moisture::hundredths);
    let (time, now) = (row.time.as_millis(), span.received.as_millis());
    let again = connection
        .prepare_cached(
            "UPDATE conflicts SET count = count + 1, last_offered = max(last_offered, ?5)
             WHERE device = ?1 AND time = ?2
               AND ifnull(temperature, -32768) = ifnull(?3, -32768) AND ifnull(moisture, -32768) = ifnull(?4, -32768)",
        )?
        .execute((span.device, time, temperature, moisture, now))?;
    if again > 0 {
        return Ok(false);
    }
    let added = connection
        .prepare_cached(
            "INSERT INTO conflicts (device, time, temperature, moisture, gateway, first_offered, last_offered)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6
             WHERE (SELECT count(*) FROM conflicts WHERE device = ?1 AND time = ?2) < ?7",
        )?
        .execute((span.device, time, temperature, moisture, span.gateway, now, MAX_PER_READING))?;
    Ok(added > 0)
}
