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
    assert_eq!(journal.prune(at(1), true).unwrap(), 8);
    assert_eq!(journal.prune(at(1), true).unwrap(), 0, "there is no more to let go of");
    assert_eq!(devices(home.path()), names([2, 4].into_iter()));
}

#[test]
fn what_the_cloud_refused_for_good_goes_to_the_quarantine_when_it_is_old() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = journal(home.path());
    let late = at(0).saturating_add(LIMITS.keep).saturating_add(Duration::from_secs(1));
    while journal.prune(late, false).unwrap() > 0 {}
    assert_eq!(devices(home.path()), names([4].into_iter()), "one is still to be offered again");
    let summary = summary(home.path()).unwrap();
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
