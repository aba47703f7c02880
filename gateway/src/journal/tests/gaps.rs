//! Surveys that are gone are counted once, however often the journal is salvaged before the cursor has passed them.

use super::*;

/// A journal of twenty surveys, five of them held by the cloud.
fn journal() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..20, at(0)), at(0)).unwrap();
    hold(&mut journal, 5);
    journal.close().unwrap();
    home
}

fn hold(journal: &mut Journal, through: Seq) {
    let held = Batch { custody: vec![Custody::Held { through }], ..Batch::default() };
    journal.commit(&held, at(0)).unwrap();
}

/// Does something to the closed journal.
fn harm(home: &tempfile::TempDir, sql: &str) {
    Connection::open(home.path().join(FILE)).unwrap().execute_batch(sql).unwrap();
}

/// Salvages the journal; how many are damaged and how many lost.
fn salvage(home: &tempfile::TempDir) -> (u64, u64) {
    let mut findings = Vec::new();
    let mut journal = Journal::open(&place(home.path()), Trust::Damaged, at(1), &mut findings).unwrap();
    journal.told().unwrap();
    journal.close().unwrap();
    assert_eq!(findings.len(), 1);
    (findings[0].damaged, findings[0].lost)
}

#[test]
fn what_two_salvages_find_gone_is_counted_once() {
    let home = journal();
    harm(&home, "DELETE FROM surveys WHERE seq IN (3, 8, 9)");
    assert_eq!(salvage(&home), (0, 2), "what the cloud holds may be gone");
    assert_eq!(salvage(&home), (0, 0));
    harm(&home, "DELETE FROM surveys WHERE seq IN (7, 12)");
    assert_eq!(salvage(&home), (0, 2), "a gap may have grown, or be new");
    let mut journal = open(home.path());
    hold(&mut journal, 8);
    journal.close().unwrap();
    harm(&home, "DELETE FROM surveys WHERE seq = 10");
    assert_eq!(salvage(&home), (0, 1), "the cursor has moved into a gap");
    assert_eq!(salvage(&home), (0, 0));
    assert_eq!(summary(home.path(), &OsDisk).unwrap().refusals["lost"], 5);
}

#[test]
fn what_a_salvage_put_into_the_quarantine_is_not_lost_at_the_next_one() {
    let home = journal();
    harm(&home, "UPDATE surveys SET received = received + 1 WHERE seq IN (1, 17)");
    harm(&home, "DELETE FROM surveys WHERE seq = 18");
    assert_eq!(salvage(&home), (2, 1));
    assert_eq!(salvage(&home), (0, 0));
    let refusals = summary(home.path(), &OsDisk).unwrap().refusals;
    assert_eq!((refusals["checksum"], refusals["checksum-passed-on"], refusals["lost"]), (1, 1, 1));
}

#[test]
fn of_more_gaps_than_are_remembered_the_first_are_counted_once() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..601, at(0)), at(0)).unwrap();
    journal.close().unwrap();
    harm(&home, "DELETE FROM surveys WHERE seq % 2 = 0");
    assert_eq!(salvage(&home), (0, 300));
    assert_eq!(salvage(&home), (0, 300 - 256), "better too many than too few");
}

#[test]
fn what_a_salvage_counted_is_not_counted_when_the_cursor_passes_it_nor_the_other_way_round() {
    let home = journal();
    harm(&home, "DELETE FROM surveys WHERE seq IN (8, 9)");
    assert_eq!(salvage(&home), (0, 2));
    harm(&home, "DELETE FROM surveys WHERE seq IN (7, 12)");
    let mut journal = open(home.path());
    hold(&mut journal, 12);
    journal.commit(&Batch { custody: vec![Custody::Back { to: 6 }], ..Batch::default() }, at(0)).unwrap();
    journal.close().unwrap();
    assert_eq!(summary(home.path(), &OsDisk).unwrap().refusals["lost"], 4);
    assert_eq!(salvage(&home), (0, 0), "the cursor went back to where they were");
    assert_eq!(summary(home.path(), &OsDisk).unwrap().refusals["lost"], 4);
}
