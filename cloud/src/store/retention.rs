//! Readings that are older than the operator wants to keep: shown before, and then let go of, slice by slice.
//!
//! What is let go of is gone, so the clock alone never decides: the operator's own word sets where the kept readings begin, and
//! from there on that moves by at most [`STEP`] in each run. A clock that jumps years ahead costs six times the hours until it is
//! put right, not the years; a cloud that was off for a month has caught up within a week.
//!
//! What comes in from before there is not stored at all (`batch`): its sender is told that it is older than is kept.
//!
//! When more days are kept, or all, what is gone stays gone: `gone_before`, in the settings as well, is the furthest that the beginning ever
//! was, and explains to whoever compares what was acknowledged with what is held.

use super::{ReadError, Store, SubmitError};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, Transaction};
use std::time::Duration;

/// Fewer days cannot be asked for: a gateway offers again what it keeps, 30 days, to a cloud that lacks it.
pub(crate) const MIN_DAYS: u32 = 32;
/// More are as good as for ever.
pub(crate) const MAX_DAYS: u32 = 36_525;
/// How often readings are let go of.
pub(crate) const EVERY: Duration = Duration::from_secs(60 * 60);
/// How far the beginning of the kept readings moves in one run.
const STEP: Duration = Duration::from_secs(6 * 60 * 60);
/// A UTC day.
const DAY_MS: i64 = 86_400_000;
/// Readings that one transaction lets go of: uploads wait some milliseconds behind it.
const SLICE: i64 = 5_000;
/// Devices that a preview names.
const MAX_NAMED: i64 = 1_000;
/// Bytes that a reading takes in the file, its share of the pages included; sim's benchmark of the store measures it.
const BYTES: i64 = 19;

/// What would go, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preview {
    /// Readings that are older than asked for.
    pub(crate) readings: i64,
    /// About the room that they take in the file.
    pub(crate) bytes: i64,
    /// Devices and how many of their readings would go, most first; at most a thousand.
    pub(crate) devices: Vec<(String, i64)>,
}

/// Where the readings of the last `days` begin.
pub(crate) fn beginning(now: UtcInstant, days: u32) -> UtcInstant {
    now.saturating_sub(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}

impl Store {
    /// How many days readings are kept; None is for ever.
    pub(crate) async fn keep_days(&self) -> Result<Option<u32>, ReadError> {
        let days = self.readers.ask(|connection| setting(connection, "keep_days")).await?;
        Ok(days.and_then(|days| u32::try_from(days).ok()))
    }

    /// Up to where readings were let go of, or not taken; None if that never was so.
    pub(crate) async fn kept_from(&self) -> Result<Option<UtcInstant>, ReadError> {
        self.readers.ask(gone_before).await
    }

    /// Sets how many days readings are kept, by somebody who has seen what that means now.
    pub(crate) async fn keep_for(&self, days: Option<u32>, now: UtcInstant) -> Result<(), SubmitError> {
        self.write(move |transaction| keep_for(transaction, days, now)).await
    }

    /// Moves the beginning of the kept readings towards `now` less the days; where it is. None if all are kept.
    pub(crate) async fn move_on(&self, now: UtcInstant) -> Result<Option<UtcInstant>, SubmitError> {
        self.write(move |transaction| move_on(transaction, now)).await
    }

    /// What letting go of everything before `before` would mean.
    pub(crate) async fn preview(&self, before: UtcInstant) -> Result<Preview, ReadError> {
        self.readers.ask(move |connection| preview(connection, before)).await
    }

    /// Lets go of some readings from before `before`; how many went, None if there are none.
    pub(crate) async fn let_go(&self, before: UtcInstant) -> Result<Option<u64>, SubmitError> {
        self.with_vault(move |vault| vault.let_go(before)).await
    }
}

fn setting(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT value FROM settings WHERE name = ?";
    connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
}

/// Where the kept readings begin; None if all are kept.
pub(super) fn kept_from(connection: &Connection) -> rusqlite::Result<Option<UtcInstant>> {
    Ok(setting(connection, "kept_from")?.map(UtcInstant::from_millis))
}

/// The furthest that the kept readings ever began.
fn gone_before(connection: &Connection) -> rusqlite::Result<Option<UtcInstant>> {
    let furthest = setting(connection, "gone_before")?.max(setting(connection, "kept_from")?);
    Ok(furthest.map(UtcInstant::from_millis))
}

fn keep_for(transaction: &Transaction<'_>, days: Option<u32>, now: UtcInstant) -> rusqlite::Result<()> {
    set(transaction, "gone_before", gone_before(transaction)?.map(UtcInstant::as_millis))?;
    set(transaction, "keep_days", days.map(i64::from))?;
    set(transaction, "kept_from", days.map(|days| beginning(now, days).as_millis()))
}

fn set(transaction: &Transaction<'_>, name: &str, value: Option<i64>) -> rusqlite::Result<()> {
    match value {
        Some(value) => transaction.execute("REPLACE INTO settings VALUES (?, ?)", (name, value))?,
        None => transaction.execute("DELETE FROM settings WHERE name = ?", [name])?,
    };
    Ok(())
}

fn move_on(transaction: &Transaction<'_>, now: UtcInstant) -> rusqlite::Result<Option<UtcInstant>> {
    let days = setting(transaction, "keep_days")?.and_then(|days| u32::try_from(days).ok());
    let (Some(days), Some(from)) = (days, kept_from(transaction)?) else { return Ok(None) };
    let next = beginning(now, days).min(from.saturating_add(STEP)).max(from);
    set(transaction, "kept_from", Some(next.as_millis()))?;
    Ok(Some(next))
}

fn preview(connection: &Connection, before: UtcInstant) -> rusqlite::Result<Preview> {
    let counts = "SELECT name, (SELECT count(*) FROM readings WHERE device = devices.id AND time < ?1) AS old
        FROM devices WHERE first_time < ?1";
    let before = before.as_millis();
    let sum = format!("SELECT coalesce(sum(old), 0) FROM ({counts})");
    let readings: i64 = connection.prepare_cached(&sum)?.query_row([before], |row| row.get(0))?;
    let mut devices =
        connection.prepare_cached(&format!("{counts} ORDER BY old DESC, name LIMIT {MAX_NAMED}"))?;
    let devices = devices.query_map([before], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let devices = devices.collect::<rusqlite::Result<_>>()?;
    Ok(Preview { readings, bytes: readings.saturating_mul(BYTES), devices })
}

/// A slice of the readings of one device, with what belongs to them.
pub(super) fn let_go(transaction: &Transaction<'_>, before: UtcInstant) -> rusqlite::Result<Option<u64>> {
    let before = before.as_millis();
    let oldest = "SELECT id FROM devices WHERE first_time < ? LIMIT 1";
    let device: Option<i64> = transaction.query_row(oldest, [before], |row| row.get(0)).optional()?;
    let Some(device) = device else { return let_go_of_empty(transaction, before) };
    let behind = "SELECT time FROM readings WHERE device = ? AND time < ? ORDER BY time LIMIT 1 OFFSET ?";
    let end: Option<i64> =
        transaction.query_row(behind, (device, before, SLICE), |row| row.get(0)).optional()?;
    let end = end.unwrap_or(before);
    let execute = |sql, of| transaction.execute(sql, of).map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
    let gone = execute("DELETE FROM readings WHERE device = ? AND time < ?", (device, end))?;
    let conflicts = execute("DELETE FROM conflicts WHERE device = ? AND time < ?", (device, end))?;
    execute("DELETE FROM flags WHERE device = ? AND time < ?", (device, end))?;
    // Who examines this device at the moment would put flags beside readings that are gone: that counts for nothing now.
    transaction.execute("UPDATE unexamined SET version = version + 1 WHERE device = ?", [device])?;
    // A long survey of which readings remain is still what brought them.
    execute("DELETE FROM surveys WHERE device = ? AND max(starts, ifnull(ends, starts)) < ?", (device, end))?;
    execute("DELETE FROM days WHERE device = ? AND day <= ?", (device, end / DAY_MS))?;
    transaction.execute(
        "INSERT INTO days (device, day, held) SELECT device, ?2 / ?3, count(*) FROM readings
         WHERE device = ?1 AND time >= ?2 AND time < (?2 / ?3 + 1) * ?3 GROUP BY device",
        (device, end, DAY_MS),
    )?;
    transaction.execute(
        "UPDATE devices SET readings = readings - ?2, conflicts = conflicts - ?3,
             first_time = (SELECT min(time) FROM readings WHERE device = ?1),
             last_time = (SELECT max(time) FROM readings WHERE device = ?1),
             last_temperature = (SELECT temperature FROM readings WHERE device = ?1 ORDER BY time DESC LIMIT 1),
             last_moisture = (SELECT moisture FROM readings WHERE device = ?1 ORDER BY time DESC LIMIT 1)
         WHERE id = ?1",
        (device, gone, conflicts),
    )?;
    Ok(Some(gone.unsigned_abs()))
}

/// Some surveys of devices of which no reading is held, such as those that only ever sent empty days: no reading that goes takes
/// these along. They hold none, so none goes with them.
fn let_go_of_empty(transaction: &Transaction<'_>, before: i64) -> rusqlite::Result<Option<u64>> {
    let gone = transaction.execute(
        "DELETE FROM surveys WHERE (device, starts, identity) IN (
             SELECT device, starts, identity FROM devices JOIN surveys ON device = devices.id
             WHERE first_time IS NULL AND starts < ?1 AND max(starts, ifnull(ends, starts), surveys.received) < ?1
             LIMIT ?2)",
        (before, SLICE),
    )?;
    Ok((gone > 0).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::super::{
        Outcome,
        tests::{origin, submission, vault},
    };
    use super::*;
    use crate::submission::{Format, Upload};
    use fieldpost_core::{Survey, senml};

    #[test]
    fn what_is_let_go_of_goes_in_slices_and_the_lists_agree_with_the_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let many = usize::try_from(SLICE).unwrap() + 10;
        vault.store(vec![submission("m1", SLICE + 10), submission("m2", 5)]);
        let end = "SELECT max(time) FROM readings WHERE device = 1";
        let end: i64 = vault.connection.query_row(end, [], |row| row.get(0)).unwrap();
        let before = UtcInstant::from_millis(end);
        let seen = preview(&vault.connection, before).unwrap();
        assert_eq!(seen.devices, [("m1".to_owned(), SLICE + 9), ("m2".to_owned(), 5)]);
        let mut gone = Vec::new();
        while let Some(slice) = vault.let_go(before).unwrap() {
            gone.push(slice);
        }
        assert_eq!(gone, [5_000, 9, 5]);
        let surveys = "SELECT group_concat(device) FROM surveys";
        let surveys: String = vault.connection.query_row(surveys, [], |row| row.get(0)).unwrap();
        assert_eq!(surveys, "1", "what brought the reading that is left");
        assert_eq!(vault.readings(), 1, "of {many} and 5");
        let wrong =
            "SELECT count(*) FROM devices WHERE readings != (SELECT count(*) FROM readings WHERE device = id)
            OR first_time IS NOT (SELECT min(time) FROM readings WHERE device = id)
            OR last_temperature IS NOT
                (SELECT temperature FROM readings WHERE device = id ORDER BY time DESC LIMIT 1)";
        assert_eq!(vault.connection.query_row(wrong, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
        let days = "SELECT (SELECT sum(held) FROM days), (SELECT count(*) FROM readings)";
        let days = vault.connection.query_row(days, [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(days.unwrap(), (1_i64, 1_i64));
    }

    #[test]
    fn p6_surveys_of_a_device_that_only_sends_empty_days_go_when_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let begin: UtcInstant = "2025-07-01T06:00:00Z".parse().unwrap();
        let day = |number: u64| begin.saturating_add(Duration::from_secs(number * 24 * 60 * 60));
        let mut empty = |device: &str, number| {
            let survey = Survey { device: device.parse().unwrap(), readings: Vec::new() };
            let pack = senml::pack([senml::encode_records(&survey, Some(day(number))).as_slice()]);
            let upload = Upload::new(Format::Cbor, pack.into(), origin(), day(number));
            vault.store(vec![upload.read().unwrap()]).remove(0).unwrap();
        };
        (0..10).for_each(|number| empty("m1", number));
        empty("m2", 1);
        vault.store(vec![submission("m3", 5)]);
        assert_eq!(vault.let_go(day(7)).unwrap(), Some(5), "the readings of m3 first");
        assert_eq!(vault.let_go(day(7)).unwrap(), Some(0));
        assert_eq!(vault.let_go(day(7)).unwrap(), None);
        let left =
            "SELECT count(*) || ' of device ' || min(device) || ' from ' || min(received) FROM surveys";
        let left: String = vault.connection.query_row(left, [], |row| row.get(0)).unwrap();
        assert_eq!(left, format!("3 of device 1 from {}", day(7).as_millis()));
        assert_eq!(super::super::check::faults(&vault.connection).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn readings_from_before_the_beginning_are_expired_and_nothing_is_left_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let all = submission("m1", 700);
        let times: Vec<_> = all.surveys[0].survey.readings.iter().map(|one| one.time).collect();
        vault.change(|transaction| set(transaction, "kept_from", Some(times[600].as_millis()))).unwrap();
        let mut said = |submission| vault.store(vec![submission]).remove(0).unwrap().outcome;
        assert_eq!(said(all), Outcome { new: 100, expired: 600, ..Outcome::default() });
        assert_eq!(
            said(submission("m1", 700)),
            Outcome { duplicate: 100, expired: 600, ..Outcome::default() }
        );
        assert_eq!(said(submission("old", 300)), Outcome { expired: 300, ..Outcome::default() });
        let held = "SELECT group_concat(name || ' ' || readings || ' ' || ifnull(first_time, '-') || ' ' || (unjudged IS NULL)
                || ' ' || (SELECT count(*) FROM surveys WHERE device = id) || ' '
                || (SELECT coalesce(sum(held), 0) FROM days WHERE device = id), ', ') FROM devices";
        let held: String = vault.connection.query_row(held, [], |row| row.get(0)).unwrap();
        let first = times[600].as_millis();
        assert_eq!(held, format!("m1 100 {first} 0 1 100, old 0 - 1 0 0"));
        assert_eq!(super::super::check::faults(&vault.connection).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_cloud_that_was_off_for_a_month_has_caught_up_within_a_week() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let off: UtcInstant = "2026-06-01T00:00:00Z".parse().unwrap();
        vault
            .change(|transaction| {
                set(transaction, "keep_days", Some(40))?;
                set(transaction, "kept_from", Some(beginning(off, 40).as_millis()))
            })
            .unwrap();
        let mut now = off.saturating_add(Duration::from_secs(30 * 24 * 60 * 60));
        let mut runs = 0;
        while vault.change(|transaction| move_on(transaction, now)).unwrap() != Some(beginning(now, 40)) {
            (now, runs) = (now.saturating_add(EVERY), runs + 1);
        }
        assert!(runs < 7 * 24, "{runs} hours");
    }

    #[test]
    fn a_clock_that_jumps_ahead_moves_the_beginning_by_hours_and_one_that_jumps_back_does_not_move_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let at = |text: &str| text.parse::<UtcInstant>().unwrap();
        let mut moved = |now| vault.change(|transaction| move_on(transaction, now)).unwrap();
        assert_eq!(moved(at("2026-06-01T00:00:00Z")), None);
        let first = beginning(at("2026-06-01T00:00:00Z"), 40);
        vault
            .change(|transaction| {
                set(transaction, "keep_days", Some(40))?;
                set(transaction, "kept_from", Some(first.as_millis()))
            })
            .unwrap();
        let mut moved = |now| vault.change(|transaction| move_on(transaction, now)).unwrap();
        assert_eq!(moved(at("2026-06-01T01:00:00Z")), Some(at("2026-04-22T01:00:00Z")));
        assert_eq!(moved(at("2099-06-01T01:00:00Z")), Some(at("2026-04-22T07:00:00Z")));
        assert_eq!(moved(at("2025-06-01T01:00:00Z")), Some(at("2026-04-22T07:00:00Z")));
    }

    #[test]
    fn what_is_gone_stays_explained_when_more_is_kept_or_all_and_old_readings_are_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let now: UtcInstant = "2026-06-01T00:00:00Z".parse().unwrap();
        vault.change(|transaction| keep_for(transaction, None, now)).unwrap();
        assert_eq!(gone_before(&vault.connection).unwrap(), None);
        for (days, begins, gone) in [
            (Some(400), Some(400), 400),
            (Some(40), Some(40), 40),
            (Some(100), Some(100), 40),
            (None, None, 40),
            (None, None, 40),
            (Some(35), Some(35), 35),
        ] {
            vault.change(|transaction| keep_for(transaction, days, now)).unwrap();
            let begins = begins.map(|days| beginning(now, days));
            assert_eq!(kept_from(&vault.connection).unwrap(), begins, "{days:?}");
            assert_eq!(gone_before(&vault.connection).unwrap(), Some(beginning(now, gone)), "{days:?}");
        }
    }
}
