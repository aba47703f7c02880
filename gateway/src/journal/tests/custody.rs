//! What the journal may let go of, and what it must not.

use super::*;

/// A small journal whose surveys the cloud holds, but for two that it refused: one for good, one to be offered again.
fn journal(folder: &Path) -> Journal {
    let mut journal = open(folder);
    journal.commit(&surveys(0..10, at(0)), at(0)).unwrap();
    let refused = |seq, again| Custody::Refused { seq, at: at(1), reason: "no".into(), again };
    let custody = vec![refused(3, None), refused(5, Some(at(2))), Custody::Held { through: 10 }];
    journal.commit(&Batch { custody, ..Batch::default() }, at(1)).unwrap();
    journal
}

#[test]
fn what_the_cloud_refused_is_not_let_go_of_for_want_of_room() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    assert_eq!(journal.prune(at(1), Some(Full::Journal)).unwrap(), 8);
    assert_eq!(journal.prune(at(1), Some(Full::Journal)).unwrap(), 0, "there is no more to let go of");
    assert_eq!(devices(home.path()), names([2, 4].into_iter()));
}

#[test]
fn what_the_cloud_refused_for_good_goes_to_the_quarantine_when_it_is_old() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    let late = at(0).saturating_add(LIMITS.keep).saturating_add(Duration::from_secs(1));
    while journal.prune(late, None).unwrap() > 0 {}
    assert_eq!(devices(home.path()), names([4].into_iter()), "one is still to be offered again");
    let summary = summary(home.path(), &OsDisk).unwrap();
    assert_eq!((summary.quarantined, summary.refusals["refused-by-cloud"]), (1, 1));
}

#[test]
fn a_commit_returns_when_its_bytes_are_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path());
    let setting = |name: &str| -> rusqlite::types::Value {
        journal.conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(setting("synchronous"), 2.into(), "FULL");
    assert_eq!(setting("journal_mode"), "wal".to_owned().into());
}

fn note(journal: &mut Journal, custody: Custody) {
    journal.commit(&Batch { custody: vec![custody], ..Batch::default() }, at(1)).unwrap();
}

fn cursors(journal: &Journal) -> (Seq, Seq) {
    (journal.held_through(), journal.confirmed())
}

fn refused(folder: &Path) -> Vec<Seq> {
    let conn = schema::open_reader(&folder.join(FILE)).unwrap();
    let mut select = conn.prepare("SELECT seq FROM refused ORDER BY seq").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_cloud_that_went_back_takes_both_cursors_with_it_also_after_a_restart_and_never_forward() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    assert_eq!(cursors(&journal), (10, 10));
    note(&mut journal, Custody::Back { to: 4 });
    assert_eq!(cursors(&journal), (4, 4));
    journal.close().unwrap();
    let mut journal = open(home.path());
    assert_eq!(cursors(&journal), (4, 4));
    note(&mut journal, Custody::Back { to: 4 });
    note(&mut journal, Custody::Back { to: 9 });
    assert_eq!(cursors(&journal), (4, 4), "what lies between was not offered again");
}

#[test]
fn a_survey_that_was_refused_and_is_held_after_the_cloud_went_back_is_no_longer_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    assert_eq!(refused(home.path()), [3, 5]);
    note(&mut journal, Custody::Held { through: 10 });
    assert_eq!(refused(home.path()), [3, 5], "it was held before");
    note(&mut journal, Custody::Back { to: 3 });
    note(&mut journal, Custody::Held { through: 4 });
    assert_eq!(refused(home.path()), [3, 5], "neither lies between");
    note(&mut journal, Custody::Held { through: 6 });
    assert_eq!(refused(home.path()), [3]);
    assert_eq!(cursors(&journal), (6, 6));
}

#[test]
fn what_is_passed_or_refused_is_not_confirmed() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..10, at(0)), at(0)).unwrap();
    note(&mut journal, Custody::Held { through: 2 });
    let refused = Custody::Refused { seq: 3, at: at(1), reason: "no".into(), again: None };
    for (custody, held) in [(refused, 3), (Custody::Passed { through: 7 }, 7)] {
        note(&mut journal, custody);
        assert_eq!(cursors(&journal), (held, 2));
    }
    note(&mut journal, Custody::Damaged { seq: 8, at: at(1) });
    assert_eq!(cursors(&journal), (8, 2));
    journal.close().unwrap();
    assert_eq!(cursors(&open(home.path())), (8, 2));
}

#[test]
fn nothing_behind_the_mark_of_a_cloud_that_went_back_is_let_go_of() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    note(&mut journal, Custody::Back { to: 6 });
    let late = at(0).saturating_add(LIMITS.keep).saturating_add(Duration::from_secs(1));
    for short in [None, Some(Full::Journal)] {
        while journal.prune(late, short).unwrap() > 0 {}
        // Behind the mark, and the one that is still to be offered again.
        assert_eq!(devices(home.path()), names([4, 6, 7, 8, 9].into_iter()));
    }
    note(&mut journal, Custody::Held { through: 10 });
    while journal.prune(late, None).unwrap() > 0 {}
    assert_eq!(devices(home.path()), names([4].into_iter()));
}

#[test]
fn p4_a_seq_is_not_given_out_again_when_all_was_let_go_of_and_the_cloud_then_went_back() {
    let late = at(0).saturating_add(LIMITS.keep).saturating_add(Duration::from_secs(1));
    for (short, now) in [(Some(Full::Journal), at(1)), (Some(Full::File), at(1)), (None, late)] {
        let home = tempfile::tempdir().unwrap();
        let mut journal = open(home.path());
        journal.commit(&surveys(0..10, at(0)), at(0)).unwrap();
        note(&mut journal, Custody::Held { through: 10 });
        assert_eq!(journal.prune(now, short).unwrap(), 10);
        note(&mut journal, Custody::Back { to: 4 });
        journal.close().unwrap();
        let mut journal = open(home.path());
        assert_eq!((journal.last_seq(), cursors(&journal)), (10, (4, 4)), "{short:?}");
        journal.commit(&surveys(20..22, now), now).unwrap();
        journal.close().unwrap();
        let (journal, _) = try_open(home.path(), now).unwrap();
        assert!(journal.known(ShortKey::from_sql(21), now).unwrap(), "a copy is known as one after a start");
        assert_eq!(journal.last_seq(), 12);
    }
}

#[test]
fn a_damaged_survey_does_not_stand_in_the_way_of_others_that_are_offered_again() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    let again = Some(at(2));
    note(&mut journal, Custody::Refused { seq: 3, at: at(1), reason: "no".into(), again });
    journal.provoke("UPDATE surveys SET checksum = checksum + 1 WHERE seq = 3");
    let reader = Reader::open(home.path()).unwrap();
    assert_eq!(reader.again(at(1)).unwrap(), None, "it is not time yet");
    assert_eq!(reader.again(at(2)).unwrap().map(|survey| survey.seq), Some(5));
}

#[test]
fn p1_what_a_clock_that_was_years_ahead_saw_refused_is_offered_again_as_soon_as_that_is_put_right() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..2, at(0)), at(0)).unwrap();
    let reason = || "from the future".to_owned();
    let (seen, again) = (at(20_000), Some(at(20_001)));
    note(&mut journal, Custody::Refused { seq: 1, at: seen, reason: reason(), again: None });
    note(&mut journal, Custody::Refused { seq: 2, at: seen, reason: reason(), again });
    let reader = Reader::open(home.path()).unwrap();
    assert_eq!(reader.again(seen).unwrap(), None, "by the same clock it is not time yet");
    assert_eq!(reader.again(at(1)).unwrap().map(|survey| survey.seq), Some(2), "the first one never");
}
