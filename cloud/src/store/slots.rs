//! Slots by device and UTC day. The examiner counts them from the readings once these are stored, and notes them beside the
//! day's readings; what it has not been at yet is counted when somebody asks.

use super::query::count;
use crate::fleet::{
    pace::{Pace, Settings, Since, TELLING},
    select::Brief,
    slots::{Count, DAY_MS, Tally, horizon, start_of},
    state::SURVEY_S,
};
use fieldpost_core::{UtcInstant, quality::REACH_HOURS};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use std::ops::Range;

/// Readings that one question counts itself at most, some 200 ms of work. Beyond, it takes what is noted, old or not.
pub(super) const MAX_COUNTED: usize = 1_000_000;
/// Readings that the examiner counts at once.
const MAX_SETTLED: usize = 6_000_000;
/// Settings of a device's interval that are remembered; of more, the newest.
const MAX_SETTINGS: i64 = 100;
/// Days that are noted, between such that are not, and are counted with these: one look for readings around instead of two.
const NEAR: i64 = 3;
/// A reading so little before midnight, in milliseconds, may fill a slot of the day behind it.
const EDGE_MS: i64 = 60_000;

/// What people set of a device's interval.
pub(super) fn settings(connection: &Connection, device: i64) -> rusqlite::Result<Settings> {
    let sql = "SELECT since, interval_s FROM intervals WHERE device = ? ORDER BY since";
    connection.prepare_cached(sql)?.query_map([device], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Notes that from `now` on the interval of a device is `interval_s`, or what its readings tell. What was set since its last
/// reading has judged none, and counts as never set.
pub(super) fn set(
    connection: &Connection,
    device: i64,
    interval_s: Option<u32>,
    now: UtcInstant,
) -> rusqlite::Result<()> {
    let execute = |sql, of: &[&dyn rusqlite::ToSql]| connection.prepare_cached(sql)?.execute(of);
    execute(
        "DELETE FROM intervals WHERE device = ?1
             AND since >= ifnull((SELECT last_time FROM devices WHERE id = ?1), since)",
        &[&device],
    )?;
    if settings(connection, device)?.last().and_then(|(_, set)| *set) != interval_s {
        let sql = "INSERT OR REPLACE INTO intervals (device, since, interval_s) VALUES (?, ?, ?)";
        execute(sql, &[&device, &now.as_millis(), &interval_s])?;
    }
    execute(
        "DELETE FROM intervals WHERE device = ?1 AND since <=
             (SELECT since FROM intervals WHERE device = ?1 ORDER BY since DESC LIMIT 1 OFFSET ?2)",
        &[&device, &MAX_SETTINGS],
    )?;
    Ok(())
}

/// The times of the readings before `time`, as many as tell an interval there; in order.
pub(super) fn before(connection: &Connection, device: i64, time: i64) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT time FROM readings WHERE device = ? AND time < ? ORDER BY time DESC LIMIT ?";
    let mut times = near(&mut connection.prepare_cached(sql)?, device, time)?;
    times.reverse();
    Ok(times)
}

/// Those at and behind it.
pub(super) fn behind(connection: &Connection, device: i64, time: i64) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT time FROM readings WHERE device = ? AND time >= ? ORDER BY time LIMIT ?";
    near(&mut connection.prepare_cached(sql)?, device, time)
}

fn near(statement: &mut CachedStatement<'_>, device: i64, time: i64) -> rusqlite::Result<Vec<i64>> {
    // The steps are between them, and one may have come too early to count.
    statement.query_map((device, time, count(TELLING + 2)), |row| row.get(0))?.collect()
}

/// Counts the slots of some days from the readings, and names the first `named` that are empty. None if that takes more than
/// `room` readings; what it took is taken from that.
pub(super) fn tally(
    connection: &Connection,
    device: i64,
    days: Range<i64>,
    named: usize,
    room: &mut usize,
) -> rusqlite::Result<Option<Tally>> {
    let mut tally = Tally::new(days.clone(), named);
    let mut pace = Pace::new(settings(connection, device)?);
    let from = start_of(days.start).as_millis().saturating_sub(EDGE_MS);
    let to = start_of(days.end).as_millis();
    let earlier = before(connection, device, from)?;
    let later = behind(connection, device, to)?;
    let mut add = |time: i64| {
        if let Some(paced) = pace.push(time, ()) {
            tally.add(paced.time, paced.interval);
        }
    };
    earlier.into_iter().for_each(&mut add);
    let sql = "SELECT time FROM readings WHERE device = ? AND time >= ? AND time < ? ORDER BY time";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((device, from, to))?;
    while let Some(row) = rows.next()? {
        let Some(left) = room.checked_sub(1) else { return Ok(None) };
        *room = left;
        add(row.get(0)?);
    }
    later.into_iter().for_each(add);
    while let Some(paced) = pace.finish() {
        tally.add(paced.time, paced.interval);
    }
    Ok(Some(tally))
}

/// A day as it is noted.
struct Noted {
    day: i64,
    held: i64,
    /// None if it is not counted.
    count: Option<Count>,
}

fn noted(connection: &Connection, device: i64, days: &Range<i64>) -> rusqlite::Result<Vec<Noted>> {
    let sql = "SELECT day, held, due, filled, extra FROM days WHERE device = ? AND day >= ? AND day < ? ORDER BY day";
    let noted = |row: &Row<'_>| {
        let due: Option<i64> = row.get(2)?;
        let count = match due {
            Some(due) => Some(Count { due, filled: row.get(3)?, extra: row.get(4)? }),
            None => None,
        };
        Ok(Noted { day: row.get(0)?, held: row.get(1)?, count })
    };
    connection.prepare_cached(sql)?.query_map((device, days.start, days.end), noted)?.collect()
}

/// The days that readings from `from` to `to`, in milliseconds, may change.
fn reach(connection: &Connection, device: i64, from: i64, to: i64) -> rusqlite::Result<Range<i64>> {
    let first = before(connection, device, from)?.first().copied().unwrap_or(from);
    let last = behind(connection, device, to)?.last().copied().unwrap_or(to);
    Ok(first.div_euclid(DAY_MS)..last.saturating_add(EDGE_MS).div_euclid(DAY_MS).saturating_add(1))
}

/// The days of which what is noted may not be right: new readings came that the examiner has not seen.
fn unsettled(connection: &Connection, device: i64) -> rusqlite::Result<Range<i64>> {
    let sql = "SELECT from_time, to_time FROM unexamined WHERE device = ?";
    let range = connection.prepare_cached(sql)?.query_row([device], |row| Ok((row.get(0)?, row.get(1)?)));
    match range.optional()? {
        // The examiner leaves a note that begins its reach behind where it was.
        Some((from, to)) => reach(connection, device, i64::saturating_sub(from, REACH_HOURS * 3_600_000), to),
        None => Ok(0..0),
    }
}

/// The slots of each of `days`, by now; `room` as for [`tally`].
pub(super) fn counts(
    connection: &Connection,
    device: &Brief,
    since: Since,
    days: Range<i64>,
    now: UtcInstant,
    room: &mut usize,
) -> rusqlite::Result<Vec<Count>> {
    let Some(alive) = alive(device) else { return Ok(Tally::new(days, 0).finish().0) };
    let mut notes = noted(connection, device.number, &days)?.into_iter().peekable();
    let unsettled = unsettled(connection, device.number)?;
    let (mut counts, mut open) = (Vec::new(), Vec::new());
    for day in days.clone() {
        let note = notes.next_if(|note| note.day == day);
        let settled = note.as_ref().is_some_and(|note| note.count.is_some()) && !unsettled.contains(&day);
        if alive.contains(&day) && !settled {
            open.push(day);
        }
        counts.push(note.map_or(Count::default(), |note| {
            note.count.unwrap_or_else(|| guess(note.held, since.interval_s))
        }));
    }
    for run in runs(&open) {
        let Some(tally) = tally(connection, device.number, run.clone(), 0, room)? else { break };
        let place = usize::try_from(run.start.saturating_sub(days.start)).unwrap_or(usize::MAX);
        let places = counts.iter_mut().skip(place);
        places.zip(tally.finish().0).for_each(|(count, counted)| *count = counted);
    }
    let mut all = Tally::of(days.start, counts);
    wait(&mut all, device, since, now);
    Ok(all.finish().0)
}

/// The slots of `days` together, by now; `room` as for [`tally`].
pub(super) fn sum(
    connection: &Connection,
    device: &Brief,
    since: Since,
    days: Range<i64>,
    now: UtcInstant,
    room: &mut usize,
) -> rusqlite::Result<Count> {
    let mut sum = Count::default();
    let mut add = |count: &Count| {
        sum.due = sum.due.saturating_add(count.due);
        sum.filled = sum.filled.saturating_add(count.filled);
        sum.extra = sum.extra.saturating_add(count.extra);
    };
    match settled(connection, device, &days)? {
        Some(noted) => {
            let mut behind = Tally::new(days, 0);
            wait(&mut behind, device, since, now);
            behind.finish().0.iter().chain([&noted]).for_each(&mut add);
        }
        None => counts(connection, device, since, days, now, room)?.iter().for_each(&mut add),
    }
    Ok(sum)
}

/// What is noted of `days` together, up to the device's last reading; None if not all that has to be is noted.
fn settled(connection: &Connection, device: &Brief, days: &Range<i64>) -> rusqlite::Result<Option<Count>> {
    let Some(alive) = alive(device) else { return Ok(None) };
    let days = alive.start.max(days.start)..alive.end.min(days.end);
    let sql = "SELECT count(due), ifnull(sum(due), 0), ifnull(sum(filled), 0), ifnull(sum(extra), 0),
            EXISTS (SELECT 1 FROM unexamined WHERE device = ?1)
        FROM days WHERE device = ?1 AND day >= ?2 AND day < ?3";
    connection.prepare_cached(sql)?.query_row((device.number, days.start, days.end), |row| {
        let noted: i64 = row.get(0)?;
        let all = noted == days.end.saturating_sub(days.start).max(0) && !row.get::<_, bool>(4)?;
        Ok(if all { Some(Count { due: row.get(1)?, filled: row.get(2)?, extra: row.get(3)? }) } else { None })
    })
}

/// The days of a device's slots, but for those since its last reading.
fn alive(device: &Brief) -> Option<Range<i64>> {
    let (first, last) = device.first_time.zip(device.last_time)?;
    Some(first.div_euclid(DAY_MS)..last.saturating_add(EDGE_MS).div_euclid(DAY_MS).saturating_add(1))
}

/// Counts the slots since the device's last reading.
pub(super) fn wait(tally: &mut Tally, device: &Brief, since: Since, now: UtcInstant) {
    if let (Some(last), Some(contact)) = (device.last_time, device.contact) {
        let end = horizon(contact, device.survey_s.unwrap_or(SURVEY_S), now);
        tally.wait(last, since.interval, end.as_millis());
    }
}

/// What a day that takes too long to count looks like, by the readings that it has.
pub(super) fn guess(held: i64, interval_s: u32) -> Count {
    let due = DAY_MS / (i64::from(interval_s.max(1)) * 1_000).clamp(1, DAY_MS);
    Count { due, filled: held.min(due), extra: held.saturating_sub(due).max(0) }
}

/// Days, which are in order, as runs of days; those that are near each other are of one run.
fn runs(days: &[i64]) -> Vec<Range<i64>> {
    let mut runs: Vec<Range<i64>> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some(run) if day.saturating_sub(run.end) < NEAR => run.end = day.saturating_add(1),
            _ => runs.push(*day..day.saturating_add(1)),
        }
    }
    runs
}

/// What has to be noted of days that readings from `from` to `to`, in milliseconds, may change.
pub(super) fn settle(
    connection: &Connection,
    device: i64,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<(i64, Option<Count>)>> {
    let days = reach(connection, device, from, to)?;
    let mut room = MAX_SETTLED;
    let counted = tally(connection, device, days.clone(), 0, &mut room)?;
    let counted = counted.map(|tally| tally.finish().0);
    let count = |day: i64| {
        let place = usize::try_from(day.saturating_sub(days.start)).ok()?;
        counted.as_ref()?.get(place).copied()
    };
    let notes = noted(connection, device, &days)?.into_iter().map(|note| (note, count));
    let changed = notes.filter_map(|(note, count)| {
        let count = count(note.day);
        (count != note.count).then_some((note.day, count))
    });
    Ok(changed.collect())
}

/// Notes it.
pub(super) fn note(
    connection: &Connection,
    device: i64,
    changes: &[(i64, Option<Count>)],
) -> rusqlite::Result<()> {
    let sql = "UPDATE days SET due = ?, filled = ?, extra = ? WHERE device = ? AND day = ?";
    let mut statement = connection.prepare_cached(sql)?;
    for (day, count) in changes {
        let [due, filled, extra] = match count {
            Some(count) => [count.due, count.filled, count.extra].map(Some),
            None => [None; 3],
        };
        statement.execute((due, filled, extra, device, day))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
