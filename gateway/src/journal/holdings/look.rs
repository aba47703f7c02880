//! Which row is of which device, which are damaged, and which are gone: the journal from end to end, a portion at a time.

use std::collections::BTreeSet;

use fieldpost_core::DeviceId;
use rusqlite::{Connection, params};

use super::{
    super::{Seq, StoredSurvey, reader::read_row, summary},
    readings,
};

const TABLES: &str = "
    PRAGMA temp_store = FILE;
    CREATE TEMP TABLE kept (device TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (device, seq)) WITHOUT ROWID;
    CREATE TEMP TABLE unproven (seq INTEGER PRIMARY KEY, device TEXT);
    CREATE TEMP TABLE gaps (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
    CREATE TEMP TABLE turned_down (seq INTEGER PRIMARY KEY, reason TEXT NOT NULL);";

/// Rows that are held in memory, to go into their table in its order.
const FLUSH: usize = 50_000;

/// A row: its seq, its survey if it is proven, and the device that it says.
type Row = (Seq, Option<StoredSurvey>, Option<String>);

/// Fills the temporary tables, `size` rows at a time; nothing of the journal is held on to while `between` runs.
pub(super) fn at(conn: &Connection, size: usize, mut between: impl FnMut()) -> rusqlite::Result<()> {
    conn.execute_batch(TABLES)?;
    let through = end(conn)?;
    let (mut last, mut kept) = (0, BTreeSet::new());
    loop {
        let rows = portion(conn, last, through, size)?;
        if rows.is_empty() {
            break;
        }
        for (seq, survey, device) in rows {
            note_gap(conn, last, seq)?;
            last = seq;
            match survey.filter(|survey| readings(survey).is_some()) {
                Some(survey) => drop(kept.insert((survey.device, seq))),
                None => note_unproven(conn, seq, device.as_deref())?,
            }
        }
        if kept.len() >= FLUSH {
            flush(conn, &mut kept)?;
        }
        between();
    }
    note_gap(conn, last, through.saturating_add(1))?;
    flush(conn, &mut kept)
}

/// The last survey that is known of now. What a gateway that runs journals after it is left for the next time.
fn end(conn: &Connection) -> rusqlite::Result<Seq> {
    let newest: Option<Seq> = conn.query_row("SELECT max(seq) FROM main.surveys", [], |row| row.get(0))?;
    let closed = summary::last_round(conn)?.map_or(0, |round| round.last_seq);
    Ok(newest.unwrap_or(0).max(closed))
}

/// Rows behind `after`. They are decoded when the statement is done.
fn portion(conn: &Connection, after: Seq, through: Seq, size: usize) -> rusqlite::Result<Vec<Row>> {
    let mut select = conn.prepare_cached(
        "SELECT seq, received, device, readings, records, checksum FROM main.surveys
         WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
    )?;
    let rows = select.query_map(params![after, through, i64::try_from(size).unwrap_or(i64::MAX)], |row| {
        Ok((row.get(0)?, read_row(row)?, row.get(2).ok()))
    })?;
    rows.collect()
}

/// Notes the seqs between two, if there are any.
fn note_gap(conn: &Connection, before: Seq, behind: Seq) -> rusqlite::Result<()> {
    if behind.saturating_sub(before) <= 1 {
        return Ok(());
    }
    let mut insert = conn.prepare_cached("INSERT INTO temp.gaps VALUES (?1, ?2)")?;
    insert.execute([before.saturating_add(1), behind.saturating_sub(1)]).map(drop)
}

fn note_unproven(conn: &Connection, seq: Seq, device: Option<&str>) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO temp.unproven VALUES (?1, ?2)")?.execute(params![seq, device]).map(drop)
}

/// Device by device, in the order of their table.
fn flush(conn: &Connection, kept: &mut BTreeSet<(DeviceId, Seq)>) -> rusqlite::Result<()> {
    // It touches the temporary file only.
    let write = conn.unchecked_transaction()?;
    let mut insert = write.prepare_cached("INSERT INTO temp.kept VALUES (?1, ?2)")?;
    for (device, seq) in std::mem::take(kept) {
        insert.execute(params![device.as_str(), seq])?;
    }
    drop(insert);
    write.commit()
}
