//! Flags come out the same in whatever order readings arrive, and however the work is cut up or interrupted.

use super::super::{
    tests::{origin, vault},
    vault::Vault,
};
use super::*;
use crate::submission::{Submission, Upload};
use fieldpost_core::{Survey, Temperature, Values, senml};
use proptest::prelude::*;

/// 2025-01-01.
const FIRST_HOUR: i64 = 482_136;

type Flagged = BTreeMap<UtcInstant, Finding>;

fn submission(readings: &[Reading]) -> Submission {
    let survey = Survey { device: "m1".parse().unwrap(), readings: readings.to_vec() };
    let pack = senml::pack([senml::encode_records(&survey, None).as_slice()]);
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    Upload::new(crate::submission::Format::Cbor, pack.into(), origin(), now).read().unwrap()
}

fn arrive(vault: &mut Vault, readings: &[Reading]) {
    assert!(vault.store(vec![submission(readings)])[0].is_ok());
}

/// Does one slice; returns whether there was one.
fn slice(vault: &mut Vault, hours: i64) -> bool {
    let transaction = vault.connection.unchecked_transaction().unwrap();
    let Some(slice) = Slice::next(&transaction, 0, hours).unwrap() else { return false };
    drop(transaction);
    assert!(vault.change(|transaction| slice.apply(transaction)).unwrap());
    true
}

fn held(vault: &Vault) -> Flagged {
    let sql = "SELECT time, bits, goes_on FROM flags WHERE device = 1";
    let mut statement = vault.connection.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let flags = Flags::from_bits(row.get(1)?);
        Ok((query::instant(row, 0)?, Finding { flags, goes_on: row.get(2)? }))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// What the rules say of all readings at once.
fn whole(readings: &[Reading]) -> Flagged {
    let mut readings = readings.to_vec();
    readings.sort();
    let (first, last) = (hour_of(readings[0].time), hour_of(readings[readings.len() - 1].time));
    let mut findings = quality::examine(&readings, first..last + 1, false);
    for plateau in std::mem::take(&mut findings.plateaus) {
        let end = start_of(plateau.hours.end);
        let within = |one: &&Reading| one.time < end && one.time >= end.saturating_sub(HIGHEST_WITHIN);
        let moistures = readings.iter().filter(within).filter_map(|one| one.values.moisture());
        if plateau.is_saturated(moistures.filter(|moisture| moisture.hundredths() < HIGHEST_BELOW).max()) {
            findings.saturated(&plateau);
        }
    }
    findings.by_time
}

fn reading(hour: i64, temperature: i64, moisture: i64) -> Reading {
    let values = Values::new(Temperature::from_hundredths(temperature), Moisture::from_hundredths(moisture));
    Reading { time: UtcInstant::from_millis(hour * 3_600_000), values: values.unwrap() }
}

/// A piece of a curve, with a gap behind it if it says so: (hours, level, what kind, gap).
fn pieces() -> impl Strategy<Value = Vec<(i64, i64, u8, i64)>> {
    let gap = prop_oneof![4 => Just(0_i64), 1 => 1..4_i64, 1 => 200..1_500_i64];
    let piece = (10_i64..200, 0_i64..40, 0_u8..5, gap);
    prop::collection::vec(piece, 2..25)
}

fn curve(pieces: &[(i64, i64, u8, i64)]) -> Vec<Reading> {
    let (mut hour, mut readings) = (FIRST_HOUR, Vec::new());
    for (hours, level, kind, gap) in pieces {
        let moisture = |n: i64| match kind {
            0 => level * 100 + [0, 22, 8, -14][usize::try_from(n % 4).unwrap()] + 14,
            1 => level % 3 * 300,
            2 if n < 3 => 2_000 + n * 700,
            2 => 4_000,
            3 => level * 100 + n,
            _ if n == 5 => 6_500,
            _ => level * 100 + n % 3,
        };
        readings.extend((0..*hours).map(|n| reading(hour + n, level * 10 - 100, moisture(n))));
        hour += hours + gap;
    }
    readings
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_ends_in_the_flags_of_the_whole(
        pieces in pieces(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 30),
        survey in 20_usize..200,
        hours in 50_i64..2_000,
        at_once in 0_usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut vault = vault(&folder.path().join("store.db"));
        let readings = curve(&pieces);
        let mut surveys: Vec<&[Reading]> = readings.chunks(survey).collect();
        let mut turn = order.iter().cycle();
        while !surveys.is_empty() {
            let next = turn.next().unwrap().index(surveys.len());
            arrive(&mut vault, surveys.swap_remove(next));
            (0..at_once).for_each(|_| _ = slice(&mut vault, hours));
        }
        while slice(&mut vault, hours) {}
        prop_assert_eq!(held(&vault), whole(&readings));
    }
}

#[test]
fn a_dead_sensor_that_is_found_out_late_is_flagged_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let calm: Vec<_> = (0..40).map(|n| reading(FIRST_HOUR + n, 1_000, 3_000 + n % 3 * 20)).collect();
    let dead: Vec<_> = (40..5_000).map(|n| reading(FIRST_HOUR + n, 1_000, 0)).collect();
    for day in dead.chunks(24) {
        arrive(&mut vault, day);
    }
    while slice(&mut vault, 500) {}
    assert_eq!(held(&vault), Flagged::new(), "nobody knows that it ever measured");
    arrive(&mut vault, &calm);
    while slice(&mut vault, 500) {}
    let flags = held(&vault);
    assert!(dead.iter().all(|one| flags[&one.time].flags.has(Flags::D09)));
    assert_eq!(flags, whole(&[calm, dead].concat()));
}

#[test]
fn a_higher_value_that_comes_late_takes_a_saturated_plateau_back_a_year_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let plateau = curve(&[(60, 20, 0, 0), (40, 0, 2, 0), (60, 20, 0, 0)]);
    arrive(&mut vault, &plateau);
    while slice(&mut vault, 500) {}
    assert!(held(&vault).values().any(|one| one.flags.has(Flags::D10)));
    let earlier = [reading(FIRST_HOUR - 365 * 24, 1_000, 5_000)];
    arrive(&mut vault, &earlier);
    while slice(&mut vault, 500) {}
    assert!(!held(&vault).values().any(|one| one.flags.has(Flags::D10)));
    assert_eq!(held(&vault), whole(&[&earlier, plateau.as_slice()].concat()));
}

#[test]
fn what_was_found_before_more_came_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let spike = |n| reading(FIRST_HOUR + n, 1_000, if n == 20 { 3_000 } else { 2_000 + n % 3 * 20 });
    let readings: Vec<_> = (0..40).map(spike).collect();
    arrive(&mut vault, &readings[..30]);
    let transaction = vault.connection.unchecked_transaction().unwrap();
    let stale = Slice::next(&transaction, 0, 500).unwrap().unwrap();
    drop(transaction);
    arrive(&mut vault, &readings[30..]);
    assert!(!vault.change(|transaction| stale.apply(transaction)).unwrap());
    assert_eq!(held(&vault), Flagged::new());
    // A start after a crash finds the note as it was.
    drop(vault);
    let mut vault = Vault::open(&folder.path().join("store.db")).unwrap();
    while slice(&mut vault, 500) {}
    assert_eq!(held(&vault), whole(&readings));
    assert_eq!(held(&vault).len(), 1);
    arrive(&mut vault, &readings);
    assert!(!slice(&mut vault, 500), "copies need no examination");
}

#[test]
fn an_hour_with_too_many_readings_is_passed_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let crowd = (0..3_000).map(|n| Reading {
        time: UtcInstant::from_millis(FIRST_HOUR * 3_600_000 + n * 600),
        ..reading(0, -100, 7_000)
    });
    let crowd: Vec<_> = crowd.chain([reading(FIRST_HOUR + 5, 1_000, 7_000)]).collect();
    arrive(&mut vault, &crowd);
    let near = load(&vault.connection, 1, FIRST_HOUR - 10..FIRST_HOUR + 10).unwrap();
    assert_eq!(near.len(), 61 + 1, "as many as show that there are too many");
    while slice(&mut vault, 500) {}
    assert_eq!(held(&vault).len(), 1);
}
