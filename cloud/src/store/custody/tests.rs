//! The marks, pack by pack.

use super::super::{
    SubmitError,
    outcome::Stored,
    tests::{at, origin, submission, vault},
    vault::Vault,
};
use super::*;
use crate::{
    Origin,
    submission::{Format, Submission, Upload},
};
use bytes::Bytes;

/// An empty pack of `gateway` that comes at second `second`.
fn pack(gateway: &str, journal: u64, after: u64, through: u64, second: i64) -> Submission {
    let custody = Some(Custody { journal, after, through });
    let origin = Origin { gateway: gateway.into(), custody, ..origin() };
    let received = UtcInstant::from_millis(at("2026-07-01T00:00:00Z").as_millis() + second * 1000);
    Upload::new(Format::Cbor, Bytes::from_static(b"\x80"), origin, received).read().unwrap()
}

fn marks(said: &[Result<Stored, SubmitError>]) -> Vec<Option<u64>> {
    said.iter().map(|one| one.as_ref().unwrap().mark).collect()
}

/// The mark that is answered to one pack.
fn mark(vault: &mut Vault, journal: u64, after: u64, through: u64) -> u64 {
    marks(&vault.store(vec![pack("north", journal, after, through, 0)]))[0].unwrap()
}

#[test]
fn a_mark_goes_on_with_each_pack_and_stays_where_the_store_has_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    assert_eq!(mark(&mut vault, 1, 0, 10), 0, "nothing was known");
    assert_eq!(mark(&mut vault, 1, 10, 25), 10);
    assert_eq!(mark(&mut vault, 1, 40, 50), 25, "25 to 40 are missing");
    assert_eq!(mark(&mut vault, 1, 50, 60), 25, "and still are");
    assert_eq!(mark(&mut vault, 1, 25, 60), 25, "here they come");
    assert_eq!(mark(&mut vault, 1, 60, 60), 60);
    assert_eq!(mark(&mut vault, 2, 7, 9), 0, "another journal");
    assert_eq!(mark(&mut vault, 2, 7, 9), 0, "of which the start is missing");
    let largest = i64::MAX.unsigned_abs();
    assert_eq!(mark(&mut vault, u64::MAX, 0, largest), 0);
    assert_eq!(mark(&mut vault, u64::MAX, largest, largest), largest);
}

#[test]
fn packs_in_one_transaction_move_the_mark_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    let said = vault.store(vec![
        pack("north", 1, 0, 10, 0),
        submission("m1", 3),
        pack("south", 1, 0, 7, 0),
        pack("north", 1, 10, 20, 0),
        pack("north", 1, 30, 40, 0),
        pack("north", 1, 20, 30, 0),
    ]);
    assert_eq!(marks(&said), [Some(0), None, Some(0), Some(10), Some(20), Some(20)]);
    assert_eq!(mark(&mut vault, 1, 30, 30), 30);
}

#[test]
fn p1_the_mark_and_the_readings_are_stored_both_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut vault = vault(&path);
    let full = |after, through| {
        let mut submission = submission("m1", 3);
        submission.origin.custody = Some(Custody { journal: 1, after, through });
        submission
    };
    assert_eq!(marks(&vault.store(vec![full(0, 10)])), [Some(0)]);
    let spoil = "CREATE TRIGGER spoil BEFORE UPDATE ON surveys BEGIN SELECT RAISE(ABORT, 'spoilt'); END";
    vault.connection.execute_batch(spoil).unwrap();
    let said = vault.store(vec![full(10, 20), full(20, 30)]);
    assert!(said.iter().all(|one| matches!(one, Err(SubmitError::Store(_)))), "{said:?}");
    vault.connection.execute_batch("DROP TRIGGER spoil").unwrap();
    drop(vault);
    let mut vault = Vault::open(&path).unwrap();
    assert_eq!(marks(&vault.store(vec![full(10, 20)])), [Some(10)]);
    let spoil = "CREATE TRIGGER spoil BEFORE UPDATE ON custody BEGIN SELECT RAISE(ABORT, 'spoilt'); END";
    vault.connection.execute_batch(spoil).unwrap();
    let fresh = Submission { surveys: submission("m2", 5).surveys, ..full(20, 30) };
    assert!(vault.store(vec![fresh])[0].is_err());
    assert_eq!(vault.readings(), 3, "without its mark it is not stored");
}

#[test]
fn p6_of_a_gateways_journals_the_newest_eight_are_remembered_and_always_the_present_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = vault(&folder.path().join("store.db"));
    vault.store(vec![pack("south", 99, 0, 5, -1000)]);
    for journal in 0..8 {
        let second = i64::try_from(journal).unwrap();
        vault.store(vec![pack("north", journal, 0, 5, second)]);
    }
    vault.store(vec![pack("north", 0, 5, 6, 100)]);
    // A ninth comes, from a time before all others: the clock was set back.
    vault.store(vec![pack("north", 8, 0, 5, -500)]);
    let journals = |vault: &Vault| -> String {
        let sql = "SELECT group_concat(ltrim(journal, '0')) FROM custody
                   WHERE gateway = (SELECT id FROM gateways WHERE name = 'north')";
        vault.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(journals(&vault), ",2,3,4,5,6,7,8", "the oldest was 1: 0 came again since");
    vault.store(vec![pack("north", 9, 0, 5, 200)]);
    assert_eq!(journals(&vault), ",2,3,4,5,6,7,9");
    let said = vault.store(vec![pack("north", 1, 5, 9, 300), pack("south", 99, 5, 5, 300)]);
    assert_eq!(
        marks(&said),
        [Some(0), Some(5)],
        "what is forgotten has no mark; another gateway's is untouched"
    );
}
