//! Inserting readings: fast when they are new, careful when some are held.
//!
//! Nearly all readings are new. They go in by statements of many rows; such a statement aborts as a whole at the
//! first instant that is held already (the primary key says so), and then its rows go in one by one, each compared
//! with what is held (promise P3).

use fieldpost_core::{
    Moisture, Offer, Temperature, UtcInstant, Values,
    bug::{self, Bug},
};
use rusqlite::{CachedStatement, Connection, ErrorCode};

/// What became of a reading that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its instant is new.
    New,
    /// It brought the value that was missing in what is held.
    Filled,
    /// It is held.
    Duplicate,
    /// It contradicts what is held.
    Conflict,
    /// It is older than is kept.
    Expired,
}

/// A reading as a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) device: i64,
    pub(super) time: UtcInstant,
    pub(super) values: Values,
}

/// Rows of one statement, largest first: measured, more than 250 gain nothing.
const LARGE: usize = 250;
const SMALL: usize = 25;

/// Inserts `rows`; says what became of each.
pub(super) fn insert(connection: &Connection, rows: &[Row]) -> rusqlite::Result<Vec<Fate>> {
    let mut fates = Vec::with_capacity(rows.len());
    let mut large = rows.chunks_exact(LARGE);
    for chunk in &mut large {
        insert_chunk(connection, chunk, LARGE, &mut fates)?;
    }
    let mut small = large.remainder().chunks_exact(SMALL);
    for chunk in &mut small {
        insert_chunk(connection, chunk, SMALL, &mut fates)?;
    }
    insert_each(connection, small.remainder(), &mut fates)?;
    Ok(fates)
}

/// Inserts `chunk`, which has `size` rows, in one statement if all are new.
fn insert_chunk(
    connection: &Connection,
    chunk: &[Row],
    size: usize,
    fates: &mut Vec<Fate>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(statement(size))?;
    for (row, first) in chunk.iter().zip((1..).step_by(4)) {
        bind(&mut statement, first, row)?;
    }
    match statement.raw_execute() {
        Ok(_) => {
            fates.resize(fates.len().saturating_add(chunk.len()), Fate::New);
            Ok(())
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            insert_each(connection, chunk, fates)
        }
        Err(error) => Err(error),
    }
}

fn statement(rows: usize) -> &'static str {
    use std::sync::LazyLock;
    fn of(rows: usize) -> String {
        let values = vec!["(?,?,?,?)"; rows].join(",");
        format!("INSERT INTO readings (device, time, temperature, moisture) VALUES {values}")
    }
    static LARGE_SQL: LazyLock<String> = LazyLock::new(|| of(LARGE));
    static SMALL_SQL: LazyLock<String> = LazyLock::new(|| of(SMALL));
    if rows == LARGE { &LARGE_SQL } else { &SMALL_SQL }
}

fn bind(statement: &mut CachedStatement<'_>, first: usize, row: &Row) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(first, row.device)?;
    statement.raw_bind_parameter(first + 1, row.time.as_millis())?;
    statement.raw_bind_parameter(first + 2, row.values.temperature().map(Temperature::hundredths))?;
    statement.raw_bind_parameter(first + 3, row.values.moisture().map(Moisture::hundredths))
}

fn insert_each(connection: &Connection, rows: &[Row], fates: &mut Vec<Fate>) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut add = connection.prepare_cached(
        "INSERT INTO readings (device, time, temperature, moisture) VALUES (?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )?;
    for row in rows {
        bind(&mut add, 1, row)?;
        let fate = if add.raw_execute()? == 1 { Fate::New } else { offer(connection, row)? };
        fates.push(fate);
    }
    Ok(())
}

/// Offers a reading whose instant is held.
fn offer(connection: &Connection, row: &Row) -> rusqlite::Result<Fate> {
    let held = connection
        .prepare_cached("SELECT temperature, moisture FROM readings WHERE device = ? AND time = ?")?
        .query_row((row.device, row.time.as_millis()), |row| values(row, 0))?;
    // A row of two NULLs is none of ours; whatever is offered is more than that.
    let Some(held) = held else { return fill(connection, row, row.values) };
    match held.offer(row.values) {
        Offer::Same => Ok(Fate::Duplicate),
        Offer::Adds(_) if bug::on(Bug::NeverFill) => Ok(Fate::Duplicate),
        Offer::Differs if bug::on(Bug::LastValueWins) => fill(connection, row, row.values),
        Offer::Adds(both) => fill(connection, row, both),
        Offer::Differs => Ok(Fate::Conflict),
    }
}

fn fill(connection: &Connection, row: &Row, both: Values) -> rusqlite::Result<Fate> {
    let temperature = both.temperature().map(Temperature::hundredths);
    let moisture = both.moisture().map(Moisture::hundredths);
    connection
        .prepare_cached("UPDATE readings SET temperature = ?, moisture = ? WHERE device = ? AND time = ?")?
        .execute((temperature, moisture, row.device, row.time.as_millis()))?;
    Ok(Fate::Filled)
}

/// The values in the columns from `first` on.
pub(super) fn values(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Option<Values>> {
    let temperature: Option<i64> = row.get(first)?;
    let moisture: Option<i64> = row.get(first + 1)?;
    Ok(Values::new(
        temperature.and_then(Temperature::from_hundredths),
        moisture.and_then(Moisture::from_hundredths),
    ))
}
