//! Flags for readings, and slots of their days, after they are stored: a slice of the work at a time.
//!
//! ```text
//! upload's transaction:  readings, and in `unexamined` the range that is new       (note)
//! later, reading:        of some devices, what the rules say of a range of hours   (Slice::next)
//! later, writing:        the flags, the slots, and what remains of the note, together         (Slice::apply)
//! ```
//!
//! Whatever is interrupted is done again: the note goes with the flags, in one transaction. If more came between reading and
//! writing, the note has another version, and the slice is thrown away. What the rules depend on has a reach, so a note
//! of readings from a to b means: flags from a, less the reach, to b and the reach. Everything before that is right.

use super::{query, readings, slots};
use crate::fleet::slots::Count;
use fieldpost_core::{
    Moisture, Reading, UtcInstant,
    quality::{
        self, Finding, Flags, HIGHEST_BELOW, HIGHEST_WITHIN, MAX_AN_HOUR, Plateau, REACH_HOURS, STATE_HOURS,
        hour_of, start_of,
    },
};
use rusqlite::{Connection, OptionalExtension, Transaction};
use std::{collections::BTreeMap, ops::Range};

/// Notes that readings from `first` to `last` are new.
pub(super) fn note(
    connection: &Connection,
    device: i64,
    first: UtcInstant,
    last: UtcInstant,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO unexamined (device, from_time, to_time, version) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT DO UPDATE SET from_time = min(from_time, ?2), to_time = max(to_time, ?3),
                                       version = version + 1",
        )?
        .execute((device, first.as_millis(), last.as_millis()))?;
    Ok(())
}

/// What is to be examined of a device.
#[derive(Debug, Clone, Copy)]
struct Note {
    device: i64,
    from: UtcInstant,
    to: UtcInstant,
    version: i64,
}

/// What an examination of a device's hours changes.
#[derive(Debug)]
pub(super) struct Slice {
    note: Note,
    /// Readings whose flags change, and to what.
    changes: Vec<(UtcInstant, Finding)>,
    /// Days whose slots are counted anew.
    days: Vec<(i64, Option<Count>)>,
    /// The note that remains; None if all is examined.
    remains: Option<(UtcInstant, UtcInstant)>,
    /// Readings that were looked at.
    pub(super) looked_at: usize,
}

impl Slice {
    /// The number of the device.
    pub(super) fn device(&self) -> i64 {
        self.note.device
    }

    /// Examines at most `hours` hours of the first device behind `after` that has something to examine. All that is read must be
    /// of one moment.
    pub(super) fn next(
        transaction: &Transaction<'_>,
        after: i64,
        hours: i64,
    ) -> rusqlite::Result<Option<Self>> {
        let find = "SELECT device, from_time, to_time, version FROM unexamined
                    WHERE device > ? ORDER BY device LIMIT 1";
        let note = transaction.prepare_cached(find)?.query_row([after], |row| {
            let (from, to) = (query::instant(row, 1)?, query::instant(row, 2)?);
            Ok(Note { device: row.get(0)?, from, to, version: row.get(3)? })
        });
        note.optional()?.map(|note| note.examine(transaction, hours)).transpose()
    }

    /// Writes what was found, unless more has come since; returns whether it did.
    pub(super) fn apply(&self, transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        let device = self.note.device;
        let version = transaction
            .prepare_cached("SELECT version FROM unexamined WHERE device = ?")?
            .query_row([device], |row| row.get::<_, i64>(0))
            .optional()?;
        if version != Some(self.note.version) {
            return Ok(false);
        }
        let mut put = transaction.prepare_cached(
            "INSERT OR REPLACE INTO flags (device, time, bits, goes_on) VALUES (?, ?, ?, ?)",
        )?;
        let mut take = transaction.prepare_cached("DELETE FROM flags WHERE device = ? AND time = ?")?;
        for (time, finding) in &self.changes {
            match finding.flags {
                Flags::NONE => take.execute((device, time.as_millis()))?,
                flags => put.execute((device, time.as_millis(), flags.bits(), finding.goes_on))?,
            };
        }
        slots::note(transaction, device, &self.days)?;
        match self.remains {
            None => transaction.prepare_cached("DELETE FROM unexamined WHERE device = ?")?.execute([device])?,
            Some((from, to)) => transaction
                .prepare_cached(
                    "UPDATE unexamined SET from_time = ?2, to_time = ?3, version = version + 1 WHERE device = ?1",
                )?
                .execute((device, from.as_millis(), to.as_millis()))?,
        };
        Ok(true)
    }
}

impl Note {
    fn examine(self, connection: &Connection, most: i64) -> rusqlite::Result<Slice> {
        let Some(extent) = self.extent(connection)? else {
            return Ok(Slice {
                note: self,
                changes: Vec::new(),
                days: Vec::new(),
                remains: None,
                looked_at: 0,
            });
        };
        let to = self.saturated_later(connection)?.max(self.to);
        let start = (hour_of(self.from) - REACH_HOURS).max(extent.start);
        let last = (hour_of(to) + REACH_HOURS + 1).min(extent.end);
        let hours = start..last.min(start.saturating_add(most)).max(start);
        let readings = load(connection, self.device, hours.start - REACH_HOURS..hours.end + REACH_HOURS)?;
        let before = self.flags(connection, hours.start - STATE_HOURS..hours.end)?;
        let goes_on = |flags: &BTreeMap<UtcInstant, Finding>, hour: i64| {
            flags.range(start_of(hour)..start_of(hour + 1)).any(|(_, finding)| finding.goes_on)
        };
        let mut findings =
            quality::examine(&readings, hours.clone(), goes_on(&before, hours.start - STATE_HOURS));
        for plateau in std::mem::take(&mut findings.plateaus) {
            if plateau.is_saturated(self.highest(connection, &plateau)?) {
                findings.saturated(&plateau);
            }
        }
        // What goes on in the last hours decides about the next ones, however far away what has changed is.
        let edge = hours.start.max(hours.end - STATE_HOURS)..hours.end;
        let spreads = edge.into_iter().any(|hour| goes_on(&before, hour) != goes_on(&findings.by_time, hour));
        let more = hours.end < last || (spreads && hours.end < extent.end);
        let from = start_of(hours.end + REACH_HOURS);
        let (begin, end) = (start_of(hours.start).as_millis(), start_of(hours.end).as_millis());
        Ok(Slice {
            note: self,
            changes: changes(&before, &findings.by_time, hours.start),
            days: slots::settle(connection, self.device, begin, end)?,
            remains: more.then(|| (from, to.max(start_of(hours.end + 1)))),
            looked_at: readings.len(),
        })
    }

    /// The hours in which the device has readings.
    fn extent(&self, connection: &Connection) -> rusqlite::Result<Option<Range<i64>>> {
        let ends = connection
            .prepare_cached(
                "SELECT first_time, last_time FROM devices WHERE id = ? AND first_time IS NOT NULL",
            )?
            .query_row([self.device], |row| Ok((query::instant(row, 0)?, query::instant(row, 1)?)));
        Ok(ends.optional()?.map(|(first, last)| hour_of(first)..hour_of(last) + 1))
    }

    /// The last saturated reading behind the reach, if what is new may be higher than it: it may be saturated no more.
    fn saturated_later(&self, connection: &Connection) -> rusqlite::Result<UtcInstant> {
        let behind = start_of(hour_of(self.to) + REACH_HOURS);
        let last: Option<i64> = connection
            .prepare_cached(
                "SELECT max(time) FROM flags WHERE device = ? AND time >= ? AND time <= ? AND bits & ? != 0",
            )?
            .query_row(
                (
                    self.device,
                    behind.as_millis(),
                    behind.saturating_add(HIGHEST_WITHIN).as_millis(),
                    Flags::D10.bits(),
                ),
                |row| row.get(0),
            )?;
        Ok(last.map_or(self.to, UtcInstant::from_millis))
    }

    /// The highest moisture that a plateau is compared with.
    fn highest(&self, connection: &Connection, plateau: &Plateau) -> rusqlite::Result<Option<Moisture>> {
        let end = start_of(plateau.hours.end);
        let highest: Option<i64> = connection
            .prepare_cached(
                "SELECT max(moisture) FROM readings WHERE device = ? AND time >= ? AND time < ? AND moisture < ?",
            )?
            .query_row(
                (
                    self.device,
                    end.saturating_sub(HIGHEST_WITHIN).as_millis(),
                    end.as_millis(),
                    HIGHEST_BELOW,
                ),
                |row| row.get(0),
            )?;
        Ok(highest.and_then(Moisture::from_hundredths))
    }

    /// The flags that readings of these hours have now.
    fn flags(
        &self,
        connection: &Connection,
        hours: Range<i64>,
    ) -> rusqlite::Result<BTreeMap<UtcInstant, Finding>> {
        let mut statement = connection.prepare_cached(
            "SELECT time, bits, goes_on FROM flags WHERE device = ? AND time >= ? AND time < ? ORDER BY time",
        )?;
        let bounds = (self.device, start_of(hours.start).as_millis(), start_of(hours.end).as_millis());
        let rows = statement.query_map(bounds, |row| {
            let flags = Flags::from_bits(row.get(1)?);
            Ok((query::instant(row, 0)?, Finding { flags, goes_on: row.get(2)? }))
        })?;
        rows.collect()
    }
}

/// What has to be written so that `now` stands where `before` stood, from the hour `first` on.
fn changes(
    before: &BTreeMap<UtcInstant, Finding>,
    now: &BTreeMap<UtcInstant, Finding>,
    first: i64,
) -> Vec<(UtcInstant, Finding)> {
    let gone = before.keys().filter(|time| hour_of(**time) >= first && !now.contains_key(time));
    let gone = gone.map(|time| (*time, Finding::default()));
    let new = now.iter().filter(|(time, finding)| before.get(time) != Some(finding));
    gone.chain(new.map(|(time, finding)| (*time, *finding))).collect()
}

/// The readings in some hours, in order of time; of an hour with too many for the rules, only as many as show that.
fn load(connection: &Connection, device: i64, hours: Range<i64>) -> rusqlite::Result<Vec<Reading>> {
    let mut statement = connection.prepare_cached(
        "SELECT time, temperature, moisture FROM readings
         WHERE device = ? AND time >= ? AND time < ? ORDER BY time",
    )?;
    let (mut found, mut from) = (Vec::new(), Some(start_of(hours.start)));
    let end = start_of(hours.end).as_millis();
    while let Some(start) = from.take() {
        let (mut hour, mut in_hour) = (i64::MIN, 0_usize);
        let mut rows = statement.query((device, start.as_millis(), end))?;
        while let Some(row) = rows.next()? {
            let time = query::instant(row, 0)?;
            let this = hour_of(time);
            in_hour = if this == hour { in_hour + 1 } else { 1 };
            hour = this;
            if let Some(values) = readings::values(row, 1)? {
                found.push(Reading { time, values });
            }
            if in_hour > MAX_AN_HOUR {
                from = Some(start_of(hour + 1));
                break;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
