//! What lists say of devices, at any time of day.

use super::*;
use crate::{
    Origin,
    fleet::{select::Sort, slots::DAY_MS},
    store::vault::Vault,
    submission::{Format, Upload},
};
use fieldpost_core::{Reading, Survey, Temperature, Values, senml};

/// 2026-07-01T00:00:00Z.
const START: i64 = 1_782_864_000_000;
const HOUR_MS: i64 = 3_600_000;

fn vault() -> (tempfile::TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    Vault::create(&path).unwrap();
    let vault = Vault::open(&path).unwrap();
    (folder, vault)
}

/// Stores a survey that comes at `now`.
fn store(vault: &mut Vault, device: &str, times: impl IntoIterator<Item = i64>, now: i64) {
    let reading = |time: i64| Reading {
        time: UtcInstant::from_millis(time),
        values: Values::new(Temperature::from_hundredths(2_000), None).unwrap(),
    };
    let readings = times.into_iter().map(reading).collect();
    let records = senml::encode_records(&Survey { device: DeviceId::new(device).unwrap(), readings }, None);
    let body = senml::pack([records.as_slice()]).into();
    let origin = Origin { gateway: "north".into(), time_zone: None, custody: None };
    let upload = Upload::new(Format::Cbor, body, origin, UtcInstant::from_millis(now));
    vault.store(vec![upload.read().unwrap()]).remove(0).unwrap();
}

fn asked(vault: &Vault, memo: &Memo, now: i64) -> Fleet {
    let question = Question {
        search: String::new(),
        placed: false,
        at: None,
        states: None,
        sort: Sort::Name,
        descending: false,
        offset: 0,
        limit: 100,
    };
    fleet(&vault.connection, memo, &question, UtcInstant::from_millis(now)).unwrap()
}

/// The reference system's meters, whose lines are of the last day before they came.
#[test]
fn a_first_survey_is_complete_at_whatever_time_of_day_it_comes_until_the_next_one_is_late() {
    let files = [
        include_str!("../../../../surveys/Surveys1.txt"),
        include_str!("../../../../surveys/Surveys2.txt"),
        include_str!("../../../../surveys/Surveys3.txt"),
        include_str!("../../../../surveys/Surveys4.txt"),
    ];
    for hour in 0..24 {
        let came = START + hour * HOUR_MS + 300_000;
        let ((_folder, mut vault), memo) = (vault(), Memo::new());
        for (number, file) in (1..).zip(files) {
            let hours = file.lines().map(|line| line[..2].parse::<i64>().unwrap());
            // Each line is of the latest such time that is over.
            let of_day = |hour: i64| came - (came - hour * HOUR_MS).rem_euclid(DAY_MS);
            let mut times: Vec<_> = hours.map(of_day).collect();
            times.sort_unstable();
            store(&mut vault, &format!("m{number}"), times, came);
        }
        for later in [0, 6, 12, 18, 25] {
            for shown in asked(&vault, &memo, came + later * HOUR_MS).devices {
                let (held, due) = (shown.held, shown.due);
                assert_eq!((held, due), (4, 4), "{}, come at {hour}, {later} h later", shown.brief.id);
            }
        }
        assert!(asked(&vault, &memo, came + 50 * HOUR_MS).devices.iter().all(|shown| shown.held < shown.due));
    }
}

#[test]
fn the_last_seven_days_have_today_and_of_it_what_must_have_come() {
    let (_folder, mut vault) = vault();
    let hours = |from: i64, to: i64| (from..to).map(|hour| START + hour * HOUR_MS);
    store(&mut vault, "m1", hours(0, 24 * 9 + 18), START + (24 * 9 + 18) * HOUR_MS);
    store(&mut vault, "m2", hours(0, 24 * 9), START + 24 * 9 * HOUR_MS);
    store(&mut vault, "old", hours(0, 24), START + 24 * 9 * HOUR_MS);
    let shown = asked(&vault, &Memo::new(), START + (24 * 9 + 20) * HOUR_MS).devices;
    let counts: Vec<_> = shown.iter().map(|shown| (shown.held, shown.due)).collect();
    // What the third one lacks it can only have lost: it has reported since.
    assert_eq!(counts, [(6 * 24 + 18, 6 * 24 + 18), (6 * 24, 6 * 24), (0, 6 * 24)]);
}

#[test]
fn what_is_remembered_of_devices_is_what_one_would_find() {
    let ((_folder, mut vault), memo) = (vault(), Memo::new());
    let same = |vault: &Vault, now: i64, what: &str| {
        let shown = |memo: &Memo| {
            let devices = asked(vault, memo, now).devices.into_iter();
            devices.map(|one| (one.held, one.due, one.flags, one.interval_s, one.spark)).collect::<Vec<_>>()
        };
        let found = shown(&Memo::new());
        assert_eq!(shown(&memo), found, "{what}");
        found
    };
    let hours = |from: i64, to: i64| (from..to).map(|hour| START + hour * HOUR_MS);
    let now = START + 24 * 9 * HOUR_MS;
    store(&mut vault, "m1", hours(0, 24 * 8), now);
    store(&mut vault, "m2", hours(0, 24 * 9), now);
    let first = same(&vault, now, "at first");
    assert_eq!(same(&vault, now, "again"), first);
    store(&mut vault, "m1", hours(24 * 8, 24 * 9).step_by(2), now);
    let second = same(&vault, now, "something came");
    assert!(second[0] != first[0] && second[1] == first[1], "of one of them");
    store(&mut vault, "m2", hours(0, 24 * 9), now);
    same(&vault, now, "a copy came");
    while vault.let_go(UtcInstant::from_millis(START + 24 * 5 * HOUR_MS)).unwrap().is_some() {}
    assert_ne!(same(&vault, now, "some was let go of")[1].4, second[1].4);
}
