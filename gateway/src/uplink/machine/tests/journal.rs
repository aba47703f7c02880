//! What the journal says no to, and one that is opened anew.

use super::*;

fn error(code: std::ffi::c_int) -> JournalError {
    let source = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
    JournalError::Sql { operation: "read", path: "journal".into(), source }
}

fn corrupt() -> JournalError {
    error(rusqlite::ffi::SQLITE_CORRUPT)
}

fn unreadable() -> JournalError {
    error(rusqlite::ffi::SQLITE_IOERR)
}

#[test]
fn a_note_that_fails_is_tried_again_after_a_second_and_nothing_is_offered_meanwhile() {
    let mut it = Driver::http(2);
    it.page = 1;
    it.noting = [Noted::Failed, Noted::Failed].into();
    let said = it.settle();
    let first: Vec<&str> = said.iter().map(|(_, said)| said.as_str()).take(5).collect();
    assert_eq!(first, ["read 0 2", "offer d1 as 0 1", "held 1: Failed", "held 1: Failed", "held 1"]);
    assert_eq!(times(&said, "held 1"), [0, 1_000, 2_000].map(millis));
    assert_eq!(only(&said, "offer"), ["offer d1 as 0 1", "offer d2 as 1 2"]);
}

#[test]
fn news_that_could_not_be_written_is_written_with_the_next_answer() {
    let mut it = Driver::http(2);
    it.page = 1;
    it.noting = [Noted::Written, Noted::Failed].into();
    let said = it.settle();
    assert_eq!(only(&said, "told"), ["told well: Failed", "told well"]);
    it.progress.generation += 1;
    it.progress.last_seq = 3;
    it.rows.insert(3, survey(3));
    assert_eq!(only(&it.settle(), "told"), ["told well"], "the journal may be another one");
}

#[test]
fn another_generation_drops_everything_and_goes_on_where_that_journal_stands() {
    let mut it = Driver::http(4);
    it.refuse = [("d4", false)].into();
    // It is read, offered and halved: two halves are in hand.
    assert!(it.step() && it.step());
    it.advance(millis(2));
    (it.progress.generation, it.progress.held_through, it.progress.confirmed) = (2, 2, 2);
    (it.progress.last_seq, it.progress.journal) = (3, 7);
    let said = it.said();
    assert_eq!(said[2..], ["read 2 3", "offer d3 as 2 3", "held 3", "told well"]);
}

#[test]
fn what_was_to_be_noted_of_the_journal_before_is_not_noted_of_this_one() {
    let mut it = Driver::http(2);
    assert!(it.step() && it.step(), "it is read and offered");
    it.progress.generation = 2;
    let said = it.said();
    assert_eq!(said[2..4], ["read 0 2", "offer d1,d2 as 0 2"], "{said:?}");
    assert_eq!(said.iter().filter(|said| said.starts_with("held")).count(), 1);
}

#[test]
fn another_generation_does_not_cut_the_pause_after_a_failure_short() {
    let mut it = Driver::http(1);
    it.answers = [failed()].into();
    // Read, offered, told.
    assert!(it.step() && it.step() && it.step());
    it.progress.generation = 2;
    assert_eq!(times(&it.settle(), "offer"), [0, 1_000].map(millis));
}

#[test]
fn a_journal_that_stays_damaged_is_salvaged_once_a_second_not_in_a_loop() {
    let mut it = Driver::http(1);
    it.pages = (0..3).map(|_| Err(corrupt())).collect();
    let said = it.settle();
    assert_eq!(times(&said, "salvage"), [0, 1_000, 2_000].map(millis));
    assert_eq!(times(&said, "held"), [millis(3_000)]);
}

#[test]
fn a_journal_that_cannot_be_read_is_read_again_after_a_second() {
    let mut it = Driver::http(1);
    it.pages = [Err(unreadable())].into();
    let said = it.settle();
    assert_eq!(times(&said, "read"), [0, 1_000].map(millis));
    assert_eq!(only(&said, "salvage"), Vec::<String>::new());
}

#[test]
fn looking_for_what_is_offered_again_pauses_when_the_journal_cannot_be_read() {
    let mut it = Driver::http(0);
    it.journal_error = Some(unreadable);
    for _ in 0..10 {
        assert!(it.step());
    }
    assert_eq!(it.now.up, Duration::from_secs(5), "every other step is a pause of a second");
}

#[test]
fn a_damaged_row_goes_to_the_quarantine_and_those_behind_it_go_on() {
    let mut it = Driver::http(3);
    it.pages = [Ok(Page::Damaged(1))].into();
    it.noting = [Noted::Failed].into();
    let said = it.said();
    let expected = ["read 0 3", "damaged 1: Failed", "damaged 1", "read 1 3", "offer d2,d3 as 0 3"];
    assert_eq!(said[..5], expected);
}

#[test]
fn an_empty_page_is_passed_once_and_confirms_nothing() {
    let mut it = Driver::http(3);
    it.rows.clear();
    assert_eq!(it.said(), ["read 0 3", "passed 3"]);
    assert_eq!((it.progress.held_through, it.progress.confirmed), (3, 0));
    it.progress.last_seq = 4;
    it.rows.insert(4, survey(4));
    assert!(it.said().contains(&"offer d4 as 0 4".to_owned()));
}
