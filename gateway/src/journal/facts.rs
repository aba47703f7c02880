//! Single facts of the journal, by name.

use rusqlite::{Connection, OptionalExtension, ToSql, params, types::FromSql};

/// The cloud holds every survey up to this seq (or has refused it for good).
pub(super) const HELD_THROUGH: &str = "held_through";
/// Keys of surveys up to this seq are in the table `keys`.
pub(super) const KEYS_THROUGH: &str = "keys_through";
/// When the open round opened.
pub(super) const ROUND_OPENED: &str = "round_opened";
/// The last round that closed, as JSON.
pub(super) const LAST_ROUND: &str = "last_round";
/// The roster as it was last given, a JSON list.
pub(super) const ROSTER: &str = "roster";
/// The most bytes that the journal may take, as it was last given.
pub(super) const JOURNAL_MAX: &str = "journal_max";
/// The bytes of free disk that are left alone, as it was last given.
pub(super) const MIN_FREE_DISK: &str = "min_free_disk";
/// How the uplink does, as JSON.
pub(super) const UPLINK: &str = "uplink";
/// What tells this journal from every other: 16 hexadecimal digits.
pub(super) const JOURNAL_ID: &str = "journal_id";
/// Up to this seq the cloud has confirmed what it holds.
pub(super) const CONFIRMED: &str = "confirmed";
/// The last seq that was given out when the cursors last went back: rows up to it may be gone, and they told of it.
pub(super) const GIVEN_OUT: &str = "given_out";
/// How often it has been opened to write.
pub(super) const STARTS: &str = "starts";
/// What a salvage found and nobody was told yet: surveys saved, surveys damaged, the name of the damaged file.
pub(super) const SALVAGED: &str = "salvaged";

/// What salvages found gone behind the cursor and have counted, as JSON: the first and the last seq of each gap.
pub(super) const COUNTED_GAPS: &str = "counted_gaps";
/// What was gone from before the cursor when it passed there, in the same form.
pub(super) const PASSED_GAPS: &str = "passed_gaps";
/// The furthest place from which the cursor went back.
pub(super) const FURTHEST: &str = "furthest";

pub(super) fn integer(conn: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    get(conn, name)
}

pub(super) fn text(conn: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    get(conn, name)
}

fn get<T: FromSql>(conn: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    conn.prepare_cached("SELECT value FROM facts WHERE name = ?1")?
        .query_row([name], |row| Ok(row.get(0).ok()))
        .optional()
        // A value of the wrong type is damaged, and no better than none: a salvage would copy it as it is.
        .map(Option::flatten)
}

pub(super) fn set_integer(conn: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    set(conn, name, value)
}

pub(super) fn set_text(conn: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    set(conn, name, value)
}

fn set(conn: &Connection, name: &str, value: impl ToSql) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?1, ?2)")?.execute(params![name, value])?;
    Ok(())
}

pub(super) fn remove(conn: &Connection, name: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM facts WHERE name = ?1")?.execute([name])?;
    Ok(())
}
