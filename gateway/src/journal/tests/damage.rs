//! Damaged journals: what can be saved is, what cannot is told, and it goes on.

use super::*;
use std::fs;

const COUNT: i64 = 2_000;

/// A closed journal of many surveys, half of them held by the cloud.
fn journal() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    for first in (0..COUNT).step_by(100) {
        journal.commit(&surveys(first..first + 100, at(0)), at(0)).unwrap();
    }
    let held = Batch { custody: vec![Custody::Held { through: COUNT / 2 }], ..Batch::default() };
    journal.commit(&held, at(0)).unwrap();
    journal.close().unwrap();
    home
}

/// Aside files, not their companions.
fn set_aside(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".corrupt-")).count()
}

#[test]
fn a_row_whose_bytes_changed_goes_to_the_quarantine_and_the_rest_goes_on() {
    let home = journal();
    let path = home.path().join(FILE);
    let bytes = fs::read(&path).unwrap();
    let place = bytes.windows(16).position(|bytes| bytes == b"records of 1234 ").unwrap();
    let mut changed = bytes;
    changed[place] ^= 1;
    fs::write(&path, changed).unwrap();

    let mut journal = open(home.path());
    let reader = Reader::open(home.path()).unwrap();
    let Page::Surveys(before) = reader.page(1_200, Seq::MAX, 100, 1 << 20).unwrap() else { panic!() };
    assert_eq!(before.last().unwrap().seq, 1_234, "number n has seq n + 1");
    let Page::Damaged(seq) = reader.page(1_234, Seq::MAX, 100, 1 << 20).unwrap() else { panic!() };
    let note = Batch { custody: vec![Custody::Damaged { seq, at: at(1) }], ..Batch::default() };
    journal.commit(&note, at(1)).unwrap();
    let summary = summary(home.path(), &OsDisk).unwrap();
    assert_eq!((summary.quarantined, summary.refusals["checksum"]), (1, 1));
    assert_eq!(devices(home.path()), names((0..COUNT).filter(|number| *number != 1_234)));
}

#[test]
fn a_file_with_a_page_of_garbage_is_set_aside_and_all_other_rows_are_saved() {
    let home = journal();
    let path = home.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.windows(16).position(|bytes| bytes == b"records of 1234 ").unwrap() / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();

    let (journal, finding) = try_open(home.path(), at(1)).unwrap();
    let finding = finding.unwrap();
    assert!(finding.aside.exists() && finding.to_string().contains("damaged"));
    assert_eq!(journal.held_through(), COUNT / 2, "the cursor was saved");
    let saved = devices(home.path());
    assert_eq!(saved.len() as u64, finding.saved);
    assert!(saved.len() > 1_950, "a page holds some twenty rows, saved {}", saved.len());
    assert!(saved.contains(&"d0".to_owned()) && saved.contains(&format!("d{}", COUNT - 1)));
    assert!(journal.known(ShortKey::from_sql(COUNT - 1), at(1)).unwrap(), "copies are still recognised");
    journal.close().unwrap();
    let (mut journal, again) = try_open(home.path(), at(2)).unwrap();
    assert_eq!(again, Some(finding), "a gateway that died before it had said so says so now");
    journal.told().unwrap();
    journal.close().unwrap();
    assert_eq!(try_open(home.path(), at(3)).unwrap().1, None, "once");
}

/// With the end unreadable too, nobody can tell how far the rows go.
#[test]
fn a_page_that_can_be_read_between_many_that_cannot_is_saved_wherever_it_is() {
    let home = journal();
    let path = home.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    for island in [700, 1_100, 1_300, 1_900] {
        let mut bytes = whole.clone();
        for page in bytes.chunks_mut(4096) {
            let text = String::from_utf8_lossy(page).into_owned();
            let rows = text.split("records of ").skip(1);
            let numbers = rows.filter_map(|rest| rest.split(' ').next()?.parse::<i64>().ok());
            let numbers: Vec<i64> = numbers.collect();
            if numbers.iter().any(|number| *number >= 500) && !numbers.contains(&island) {
                page.fill(0);
            }
        }
        fs::write(&path, bytes).unwrap();
        let (journal, finding) = try_open(home.path(), at(1)).unwrap();
        assert_eq!(finding.unwrap().saved, devices(home.path()).len() as u64);
        assert!(devices(home.path()).contains(&format!("d{island}")), "{island}");
        journal.close().unwrap();
    }
}

/// The clock at the meter's gateway was ahead, so the cloud would not have the survey yet; then the page that says so is lost.
#[test]
fn p5_what_nobody_can_tell_to_be_refused_for_now_is_offered_again() {
    for let_go_of in [0, 500] {
        let home = journal();
        let mut journal = open(home.path());
        let (seq, reason) = (COUNT / 2 + 1, "is in the future; set the meter's clock".to_owned());
        let refused = Custody::Refused { seq, at: at(0), reason, again: Some(at(1)) };
        journal.commit(&Batch { custody: vec![refused], ..Batch::default() }, at(0)).unwrap();
        journal.conn.execute("DELETE FROM surveys WHERE seq = ?1", [let_go_of]).unwrap();
        journal.close().unwrap();
        let path = home.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        let page = bytes.windows(16).position(|bytes| bytes == b"is in the future").unwrap() / 4096 * 4096;
        bytes[page..page + 4096].fill(0);
        fs::write(&path, bytes).unwrap();

        let mut findings = Vec::new();
        let journal = Journal::open(&place(home.path()), Trust::Damaged, at(1), &mut findings).unwrap();
        assert_eq!(findings[0].lost, 0);
        assert_eq!(journal.held_through(), let_go_of, "that one or any other was refused");
        assert_eq!(journal.last_seq, COUNT);
        let holdings = summary(home.path(), &OsDisk).unwrap();
        assert_eq!(holdings.refusals.get("lost"), None, "the cloud has what was let go of");
    }
}

#[test]
fn a_count_under_a_name_that_nobody_gives_is_damaged() {
    let home = journal();
    let counts = "INSERT INTO refusals VALUES ('malformed', 3), ('lost', 2), ('malforme' || char(0), 1)";
    Connection::open(home.path().join(FILE)).unwrap().execute_batch(counts).unwrap();
    let mut findings = Vec::new();
    Journal::open(&place(home.path()), Trust::Damaged, at(1), &mut findings).unwrap().close().unwrap();
    let kept = summary(home.path(), &OsDisk).unwrap().refusals;
    assert_eq!(kept, [("lost".to_owned(), 2), ("malformed".to_owned(), 3)].into());
}

#[test]
fn a_file_cut_off_in_the_middle_gives_back_its_first_part() {
    let home = journal();
    let path = home.path().join(FILE);
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 2 + 77).unwrap();
    let (mut journal, finding) = try_open(home.path(), at(1)).unwrap();
    let saved = devices(home.path());
    assert_eq!(finding.unwrap().saved, saved.len() as u64);
    assert!(saved.len() > 500, "{}", saved.len());
    // A file's pages are nearly in the order of its rows: all but the last few are without a gap.
    assert!(saved.starts_with(&names(0..500)));
    journal.commit(&surveys(9_000..9_001, at(1)), at(1)).unwrap();
    assert_eq!(devices(home.path()).last().unwrap(), "d9000");
}

#[test]
fn a_file_of_garbage_is_set_aside_and_a_new_journal_begun() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(FILE), b"this is not a database at all. ".repeat(1_000)).unwrap();
    let (mut journal, finding) = try_open(home.path(), at(1)).unwrap();
    assert_eq!(finding.unwrap().saved, 0);
    journal.commit(&surveys(0..3, at(1)), at(1)).unwrap();
    assert_eq!(devices(home.path()), names(0..3));
    assert_eq!(set_aside(home.path()), 1);
}

#[test]
fn a_salvage_that_a_power_cut_interrupted_is_completed_by_the_next_start() {
    // It broke after the saved rows were ready, and the damaged file, but not yet its log, had been renamed.
    let home = tempfile::tempdir().unwrap();
    let mut saved = open(home.path());
    saved.commit(&surveys(0..10, at(0)), at(0)).unwrap();
    saved.close().unwrap();
    fs::rename(home.path().join(FILE), home.path().join("journal.db.salvaged")).unwrap();
    fs::write(home.path().join("journal.db-wal"), b"the damaged file's log").unwrap();

    assert!(try_open(home.path(), at(1)).unwrap().1.is_some(), "nobody was told before the power cut");
    assert_eq!(try_open(home.path(), at(1)).unwrap().1, None, "once");
    assert_eq!(devices(home.path()), names(0..10));
    assert_eq!(set_aside(home.path()), 1, "the log went with its file");
}

#[test]
fn a_torn_last_commit_is_undone_and_the_ones_before_it_stay() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..10, at(0)), at(0)).unwrap();
    let log = room::beside(&home.path().join(FILE), "-wal");
    let whole = fs::metadata(&log).unwrap().len();
    journal.commit(&surveys(10..20, at(0)), at(0)).unwrap();
    // The power went while the second commit was being written.
    let image = tempfile::tempdir().unwrap();
    fs::copy(home.path().join(FILE), image.path().join(FILE)).unwrap();
    let torn = fs::read(&log).unwrap();
    assert!(torn.len() as u64 > whole + 100);
    fs::write(room::beside(&image.path().join(FILE), "-wal"), &torn[..whole as usize + 100]).unwrap();

    let (mut journal, finding) = try_open(image.path(), at(1)).unwrap();
    assert_eq!(finding, None);
    assert_eq!(devices(image.path()), names(0..10));
    assert_eq!(journal.last_seq(), 10);
    journal.commit(&surveys(10..20, at(1)), at(1)).unwrap();
    assert_eq!(devices(image.path()), names(0..20));
}

#[test]
fn a_newer_journal_with_tables_that_nobody_here_can_read_is_not_taken_for_damaged() {
    let home = journal();
    let conn = Connection::open(home.path().join(FILE)).unwrap();
    let unknown = "PRAGMA writable_schema = ON;
                   UPDATE sqlite_schema SET sql = 'CREATE TABLE surveys (seq OF A KIND TO COME)' WHERE name = 'surveys';
                   PRAGMA user_version = 99;";
    conn.execute_batch(unknown).unwrap();
    drop(conn);
    assert!(matches!(try_open(home.path(), at(0)).map(drop), Err(JournalError::Newer { version: 99, .. })));
    assert!(matches!(Reader::open(home.path()).map(drop), Err(JournalError::Newer { version: 99, .. })));
    assert_eq!(set_aside(home.path()), 0, "it is left where it is");
}

#[test]
fn a_journal_of_a_newer_program_is_left_alone() {
    let home = journal();
    let conn = Connection::open(home.path().join(FILE)).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let error = try_open(home.path(), at(1)).err().unwrap().to_string();
    assert!(error.contains("version 99") && error.contains("newer program"), "{error}");
    assert_eq!(set_aside(home.path()), 0);
}

#[test]
fn a_fact_of_the_wrong_type_is_none_and_the_journal_opens() {
    let home = journal();
    let conn = Connection::open(home.path().join(FILE)).unwrap();
    conn.execute("UPDATE facts SET value = 'x' WHERE name IN ('held_through', 'journal_id')", []).unwrap();
    drop(conn);
    let (journal, finding) = try_open(home.path(), at(1)).unwrap();
    assert_eq!((journal.held_through(), journal.last_seq(), finding), (0, COUNT, None));
    assert_eq!(journal.id(), place(home.path()).random, "it is given a new id");
}

#[test]
fn after_a_failed_write_what_can_be_read_is_written_anew_before_anybody_is_told_of_it() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..10, at(0)), at(0)).unwrap();
    let in_file = || {
        let bytes = fs::read(home.path().join(FILE)).unwrap();
        bytes.windows(13).any(|bytes| bytes == b"records of 9 ")
    };
    assert!(!in_file(), "it stands in the log");
    // Another one reads, so that closing leaves the log as it is.
    let _reader = Reader::open(home.path()).unwrap();
    drop(journal);
    let again = Journal::open(&place(home.path()), Trust::Unsure, at(1), &mut Vec::new()).unwrap();
    assert!(in_file());
    assert_eq!(again.last_seq(), 10);
}

#[test]
fn a_salvage_that_cannot_read_for_now_leaves_everything_as_it_is() {
    let home = journal();
    // The log cannot be opened: that says nothing about the file.
    let log = room::beside(&home.path().join(FILE), "-wal");
    fs::create_dir(&log).unwrap();
    let place = place(home.path());
    let refused = Journal::open(&place, Trust::Damaged, at(1), &mut Vec::new()).err().unwrap();
    assert!(!refused.is_corrupt(), "{refused}");
    assert_eq!(set_aside(home.path()), 0);
    fs::remove_dir(&log).unwrap();
    let mut findings = Vec::new();
    Journal::open(&place, Trust::Damaged, at(1), &mut findings).unwrap();
    assert_eq!(findings[0].saved, COUNT as u64);
}

#[test]
fn a_copy_of_what_a_salvage_lost_is_new_also_if_its_key_stood_elsewhere() {
    for lost in [false, true] {
        let home = journal();
        let mut journal = open(home.path());
        // What the cloud holds goes early, and the keys of all go to their table, as when memory has no place for more.
        assert!(journal.prune(at(0), Some(Full::Journal)).unwrap() > 0);
        journal.keys.spill(&journal.conn, journal.last_seq, at(0)).unwrap();
        journal.close().unwrap();
        let path = home.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        if lost {
            let page =
                bytes.windows(16).position(|bytes| bytes == b"records of 1234 ").unwrap() / 4096 * 4096;
            bytes[page..page + 4096].fill(0xa5);
            fs::write(&path, bytes).unwrap();
        }
        let trust = if lost { Trust::Whole } else { Trust::Damaged };
        let mut findings = Vec::new();
        let journal = Journal::open(&place(home.path()), trust, at(1), &mut findings).unwrap();
        assert_eq!((findings.len(), findings[0].lost > 0), (1, lost));
        let known = |number| journal.known(ShortKey::from_sql(number), at(1)).unwrap();
        assert!(known(COUNT - 1), "it was saved");
        assert_eq!(known(1_234), !lost);
        assert_eq!(known(3), !lost, "the cloud has it, but nobody can tell any more");
    }
}

#[test]
fn what_a_salvage_that_was_cut_off_has_left_is_removed_by_the_next_start_also_when_the_file_can_be_read_again()
 {
    let home = journal();
    let left = ["journal.db.new", "journal.db.new-journal"].map(|name| home.path().join(name));
    left.iter().for_each(|path| fs::write(path, [0xa5; 10_000]).unwrap());
    let (_journal, finding) = try_open(home.path(), at(1)).unwrap();
    assert_eq!(finding, None, "there is nothing to salvage");
    assert!(left.iter().all(|path| !path.exists()));
    assert_eq!(devices(home.path()), names(0..COUNT));
}
