//! That what is counted beside the readings is what the readings say: each device's row, and its days.
//!
//! One moment's state is read through once, a device at a time, whatever is written meanwhile.

use super::{super::migrations, MAX_NAMED};
use crate::fleet::slots::{day_of, start_of};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;

/// The first version whose devices have last values, and days.
const WITH_DAYS: i64 = 3;

/// What is said of a device's readings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sum {
    readings: i64,
    conflicts: i64,
    first: Option<i64>,
    last: Option<i64>,
    /// Of the last one, in hundredths.
    temperature: Option<i64>,
    moisture: Option<i64>,
}

/// The first faults, in words.
pub(super) fn faults(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let moment = connection.unchecked_transaction()?;
    let with_days = migrations::version(&moment)? >= WITH_DAYS;
    let mut faults = strangers(&moment)?;
    let values = if with_days { "last_temperature, last_moisture" } else { "NULL, NULL" };
    let sql = format!(
        "SELECT readings, conflicts, first_time, last_time, {values}, id, name FROM devices ORDER BY id"
    );
    let mut devices = moment.prepare(&sql)?;
    let mut devices = devices.query([])?;
    while let Some(row) = devices.next()? {
        let (listed, device, name) = (sum(row)?, row.get(6)?, row.get::<_, String>(7)?);
        let (mut held, days) = held(&moment, device)?;
        if !with_days {
            (held.temperature, held.moisture) = (None, None);
        }
        compare(&name, &listed, &held, &mut faults);
        if with_days {
            compare_days(&name, &listed_days(&moment, device)?, &days, &mut faults);
        }
        if faults.len() >= MAX_NAMED {
            break;
        }
    }
    faults.truncate(MAX_NAMED);
    Ok(faults)
}

/// Readings of devices that no list has.
fn strangers(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql =
        "SELECT device, count(*) FROM readings WHERE device NOT IN (SELECT id FROM devices) GROUP BY device";
    let mut strangers = connection.prepare(sql)?;
    let fault = |row: &Row<'_>| {
        let (device, readings): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(format!("{readings} readings are of device {device}, which is in no list"))
    };
    strangers.query_map([], fault)?.take(MAX_NAMED).collect()
}

fn sum(row: &Row<'_>) -> rusqlite::Result<Sum> {
    Ok(Sum {
        readings: row.get(0)?,
        conflicts: row.get(1)?,
        first: row.get(2)?,
        last: row.get(3)?,
        temperature: row.get(4)?,
        moisture: row.get(5)?,
    })
}

/// What the rows say, in all and by day.
fn held(connection: &Connection, device: i64) -> rusqlite::Result<(Sum, BTreeMap<i64, i64>)> {
    let (mut sum, mut days) = (Sum::default(), BTreeMap::new());
    let sql = "SELECT count(*) FROM conflicts WHERE device = ?";
    sum.conflicts = connection.prepare_cached(sql)?.query_row([device], |row| row.get(0))?;
    let sql = "SELECT time, temperature, moisture FROM readings WHERE device = ? ORDER BY time";
    let mut readings = connection.prepare_cached(sql)?;
    let mut readings = readings.query([device])?;
    while let Some(row) = readings.next()? {
        let time = row.get(0)?;
        sum.readings += 1;
        sum.first = sum.first.or(Some(time));
        sum.last = Some(time);
        (sum.temperature, sum.moisture) = (row.get(1)?, row.get(2)?);
        *days.entry(day_of(UtcInstant::from_millis(time))).or_default() += 1;
    }
    Ok((sum, days))
}

fn listed_days(connection: &Connection, device: i64) -> rusqlite::Result<BTreeMap<i64, i64>> {
    let mut days = connection.prepare_cached("SELECT day, held FROM days WHERE device = ?")?;
    days.query_map([device], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn compare(name: &str, listed: &Sum, held: &Sum, faults: &mut Vec<String>) {
    for (what, listed, held) in
        [("readings", listed.readings, held.readings), ("conflicts", listed.conflicts, held.conflicts)]
    {
        if listed != held {
            faults.push(format!("the list says {listed} {what} of {name}, and {held} are held"));
        }
    }
    let instant = |time: Option<i64>| shown(time.map(|time| UtcInstant::from_millis(time).to_string()));
    let number = |hundredths: Option<i64>| shown(hundredths.map(|number| format!("{number} hundredths")));
    for (what, listed, held) in [
        ("first reading", instant(listed.first), instant(held.first)),
        ("last reading", instant(listed.last), instant(held.last)),
        ("last temperature", number(listed.temperature), number(held.temperature)),
        ("last moisture", number(listed.moisture), number(held.moisture)),
    ] {
        if listed != held {
            faults.push(format!("the list says that the {what} of {name} is {listed}, and it is {held}"));
        }
    }
}

fn compare_days(
    name: &str,
    listed: &BTreeMap<i64, i64>,
    held: &BTreeMap<i64, i64>,
    faults: &mut Vec<String>,
) {
    let of = |days: &BTreeMap<i64, i64>, day| days.get(day).copied().unwrap_or(0);
    let mut all: Vec<_> = listed.keys().chain(held.keys()).collect();
    all.sort_unstable();
    all.dedup();
    for day in all {
        let (listed, held) = (of(listed, day), of(held, day));
        if listed != held {
            let date: String = start_of(*day).to_string().chars().take(10).collect();
            faults.push(format!(
                "the calendar says {listed} readings of {name} on {date}, and {held} are held"
            ));
        }
    }
}

fn shown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "none".into())
}

#[cfg(test)]
mod tests {
    use super::super::{
        super::tests::{submission, vault},
        check,
    };

    /// What a check says of a store after this was done to it.
    fn after(spoil: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut vault = vault(&path);
        vault.store(vec![submission("m1", 10), submission("m2", 3)]);
        assert_eq!(check(&path).unwrap(), Vec::<String>::new());
        vault.connection.execute_batch(spoil).unwrap();
        check(&path).unwrap()
    }

    #[test]
    fn a_list_that_does_not_agree_with_the_rows_is_named() {
        assert_eq!(
            after("DELETE FROM readings WHERE device = 1 AND time = 1000000000000"),
            [
                "the list says 10 readings of m1, and 9 are held",
                "the list says that the first reading of m1 is 2001-09-09T01:46:40Z, and it is 2001-09-09T01:46:41Z",
                "the calendar says 10 readings of m1 on 2001-09-09, and 9 are held",
            ]
        );
        for (spoil, said) in [
            (
                "UPDATE devices SET conflicts = 1 WHERE id = 2",
                "the list says 1 conflicts of m2, and 0 are held",
            ),
            (
                "UPDATE devices SET last_time = NULL WHERE id = 2",
                "the list says that the last reading of m2 is none, and it is 2001-09-09T01:46:42Z",
            ),
            (
                "UPDATE devices SET last_temperature = 5 WHERE id = 1",
                "the list says that the last temperature of m1 is 5 hundredths, and it is 100 hundredths",
            ),
            (
                "UPDATE devices SET last_moisture = 5 WHERE id = 1",
                "the list says that the last moisture of m1 is 5 hundredths, and it is none",
            ),
            (
                "UPDATE days SET held = 4 WHERE device = 2",
                "the calendar says 4 readings of m2 on 2001-09-09, and 3 are held",
            ),
            (
                "INSERT INTO days (device, day, held) VALUES (1, 0, 2)",
                "the calendar says 2 readings of m1 on 1970-01-01, and 0 are held",
            ),
            ("INSERT INTO readings VALUES (77, 1, 2, 3)", "1 readings are of device 77, which is in no list"),
        ] {
            assert_eq!(after(spoil), [said]);
        }
    }
}
