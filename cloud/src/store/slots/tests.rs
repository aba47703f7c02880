//! What is noted of days is what one would count from their readings, whatever came in which order.

use super::*;
use crate::{
    Origin,
    store::{examine::Slice, fleet, vault::Vault},
    submission::{Format, Upload},
};
use fieldpost_core::{DeviceId, Reading, Survey, Temperature, Values, senml};
use proptest::prelude::*;

const MINUTE: i64 = 60_000;
/// 2025-07-01T00:00:00Z.
const START: i64 = 1_751_328_000_000;

fn vault() -> (tempfile::TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    Vault::create(&path).unwrap();
    let vault = Vault::open(&path).unwrap();
    (folder, vault)
}

/// Stores readings of the device `m1` at these minutes from the start on.
fn store(vault: &mut Vault, minutes: &[i64]) {
    let reading = |minute: &i64| Reading {
        time: UtcInstant::from_millis(START + minute * MINUTE),
        values: Values::new(Temperature::from_hundredths(100), None).unwrap(),
    };
    let survey =
        Survey { device: DeviceId::new("m1").unwrap(), readings: minutes.iter().map(reading).collect() };
    let records = senml::encode_records(&survey, None);
    let body = senml::pack([records.as_slice()]).into();
    let origin = Origin { gateway: "north".into(), time_zone: None, custody: None };
    let now = UtcInstant::from_millis(START + 400 * DAY_MS);
    let upload = Upload::new(Format::Cbor, body, origin, now);
    vault.store(vec![upload.read().unwrap()]).remove(0).unwrap();
}

/// Lets the examiner work, a few hours at a time, until it is done.
fn examine(vault: &mut Vault, hours: i64) {
    for _ in 0..1_000 {
        let slice = vault.change(|transaction| Slice::next(transaction, 0, hours)).unwrap();
        let Some(slice) = slice else { return };
        vault.change(|transaction| slice.apply(transaction).map(drop)).unwrap();
    }
    panic!("the examiner never ends");
}

/// The device, and a moment by which it owed nothing.
fn at_rest(transaction: &Connection) -> rusqlite::Result<(Brief, UtcInstant)> {
    let device = fleet::find(transaction, &DeviceId::new("m1").unwrap())?.unwrap();
    let last = UtcInstant::from_millis(device.last_time.unwrap());
    Ok((Brief { contact: Some(last), ..device }, last))
}

fn asked(vault: &mut Vault, days: Range<i64>, room: usize) -> Vec<(i64, i64, i64)> {
    let start = START / DAY_MS;
    let days = start + days.start..start + days.end;
    let counts = vault.change(|transaction| {
        let ((device, now), mut room) = (at_rest(transaction)?, room);
        counts(transaction, &device, Since::set(3_600), days, now, &mut room)
    });
    counts.unwrap().into_iter().map(|count| (count.due, count.filled, count.extra)).collect()
}

fn summed(vault: &mut Vault, days: Range<i64>) -> (i64, i64, i64) {
    let start = START / DAY_MS;
    let days = start + days.start..start + days.end;
    let sum = vault.change(|transaction| {
        let ((device, now), mut room) = (at_rest(transaction)?, MAX_COUNTED);
        sum(transaction, &device, Since::set(3_600), days, now, &mut room)
    });
    let Count { due, filled, extra } = sum.unwrap();
    (due, filled, extra)
}

fn every(step: i64, from: i64, to: i64) -> Vec<i64> {
    (from * 24 * 60..to * 24 * 60).step_by(usize::try_from(step).unwrap()).collect()
}

#[test]
fn days_are_counted_the_same_before_and_after_the_examiner_was_there() {
    let (_folder, mut vault) = vault();
    let year = [every(60, 0, 100), every(15, 100, 110), every(60, 120, 200)].concat();
    store(&mut vault, &year);
    let expected = |day: i64| match day {
        100..110 => (96, 96, 0),
        // Which interval a meter that said nothing had is anybody's guess: the longer one.
        110..120 => (24, 0, 0),
        _ => (24, 24, 0),
    };
    let expected: Vec<_> = (0..200).map(expected).collect();
    let close = |counts: &[(i64, i64, i64)]| {
        for (day, (count, expected)) in counts.iter().zip(&expected).enumerate() {
            assert!((count.0 - expected.0).abs() <= 1 && count.1 == expected.1, "day {day}: {count:?}");
        }
    };
    let before = asked(&mut vault, 0..200, MAX_COUNTED);
    close(&before);
    examine(&mut vault, 500);
    assert_eq!(asked(&mut vault, 0..200, MAX_COUNTED), before);
    let noted = "SELECT count(*) FROM days WHERE due IS NULL";
    assert_eq!(vault.connection.query_row(noted, [], |row| row.get(0)), Ok(0_i64));
}

#[test]
fn what_is_set_counts_from_then_on_and_the_past_stays() {
    let (_folder, mut vault) = vault();
    store(&mut vault, &every(60, 0, 10));
    examine(&mut vault, 4_096);
    let at = |day: i64| UtcInstant::from_millis(START + day * DAY_MS);
    let interval = |vault: &mut Vault, set, day| {
        vault.change(|transaction| super::set(transaction, 1, set, at(day))).unwrap();
    };
    interval(&mut vault, Some(5), 10);
    interval(&mut vault, Some(900), 11);
    store(&mut vault, &every(60, 10, 20));
    examine(&mut vault, 4_096);
    let counts = asked(&mut vault, 0..20, MAX_COUNTED);
    assert!(counts[..11].iter().all(|count| *count == (24, 24, 0)), "as it was due: {counts:?}");
    assert!(counts[12..19].iter().all(|count| *count == (96, 24, 0)), "as people want it: {counts:?}");
    interval(&mut vault, None, 20);
    store(&mut vault, &every(60, 20, 30));
    examine(&mut vault, 4_096);
    let after = asked(&mut vault, 0..30, MAX_COUNTED);
    assert_eq!(after[..19], counts[..19]);
    assert!(after[21..].iter().all(|count| *count == (24, 24, 0)), "as the readings tell: {after:?}");
    for (number, day) in (0..300_u32).zip(30..) {
        store(&mut vault, &[i64::from(number) + 30 * 24 * 60]);
        vault.connection.execute("UPDATE devices SET last_time = ?", [at(day).as_millis() + 1]).unwrap();
        interval(&mut vault, Some(60 + number), day + 1);
    }
    assert_eq!(settings(&vault.connection, 1).unwrap().len(), 100, "so many are remembered");
}

#[test]
fn a_question_that_would_count_for_ever_takes_what_is_noted() {
    let (_folder, mut vault) = vault();
    store(&mut vault, &every(60, 0, 10));
    examine(&mut vault, 4_096);
    store(&mut vault, &every(1, 3, 4));
    assert_eq!(asked(&mut vault, 3..4, 100), [(24, 24, 0)], "a while too old, and soon answered");
    examine(&mut vault, 4_096);
    assert_eq!(asked(&mut vault, 3..4, 100), [(1_440, 1_440, 0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Surveys in any order, the examiner at any time in slices of any length: in the end it is as if all had come at once.
    #[test]
    fn what_is_noted_does_not_depend_on_the_order(
        surveys in prop::collection::vec((0_i64..30, 1_i64..6, prop::sample::select(vec![15_i64, 60, 60, 97, 240])), 1..8),
        hours in 30_i64..400,
    ) {
        let (_folder, mut vault) = vault();
        for (number, (from, days, step)) in surveys.iter().enumerate() {
            store(&mut vault, &every(*step, *from, from + days));
            if number % 2 == 0 {
                examine(&mut vault, hours);
            } else {
                // If all was there before there is nothing to do.
                let slice = vault.change(|transaction| Slice::next(transaction, 0, hours)).unwrap();
                vault.change(|transaction| slice.iter().try_for_each(|one| one.apply(transaction).map(drop))).unwrap();
            }
            let mut room = MAX_COUNTED;
            let start = START / DAY_MS;
            let anew = tally(&vault.connection, 1, start..start + 40, 0, &mut room).unwrap().unwrap();
            let anew: Vec<_> = anew.finish().0.iter().map(|day| (day.due, day.filled, day.extra)).collect();
            let together = anew.iter().fold((0, 0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1, sum.2 + day.2));
            prop_assert_eq!(summed(&mut vault, 0..40), together);
            prop_assert_eq!(asked(&mut vault, 0..40, MAX_COUNTED), anew);
        }
    }
}
