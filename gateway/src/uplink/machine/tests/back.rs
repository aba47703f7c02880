//! A cloud that goes back in time.

use super::*;

/// All five surveys are held.
fn held() -> Driver {
    let mut it = Driver::http(5);
    it.settle();
    it
}

fn add(it: &mut Driver) {
    it.progress.last_seq += 1;
    it.rows.insert(it.progress.last_seq, survey(it.progress.last_seq));
}

#[test]
fn a_mark_below_what_was_confirmed_leads_back_to_it_and_the_plan_is_dropped() {
    let mut it = held();
    add(&mut it);
    add(&mut it);
    it.page = 1;
    it.answers = [http(200, r#"{"new":1,"duplicate":0,"conflict":0}"#, Some(3))].into();
    let said = it.said();
    assert_eq!(said[..3], ["read 5 7", "offer d6 as 5 6", "back 3"]);
    let offers: Vec<_> = said.iter().filter(|said| said.starts_with("offer")).skip(1).collect();
    assert_eq!(offers, ["offer d4 as 3 4", "offer d5 as 4 5", "offer d6 as 5 6", "offer d7 as 6 7"]);
    assert_eq!((it.progress.held_through, it.progress.confirmed), (7, 7));
}

#[test]
fn a_cloud_is_believed_at_most_once_an_hour() {
    let mut it = held();
    it.mark = Some(3);
    let start = it.now.up;
    let mut backs = Vec::new();
    for _ in 0..30 {
        add(&mut it);
        let said = it.pass(Duration::from_secs(5 * 60));
        backs.extend(times(&said, "back 3"));
    }
    let backs: Vec<u64> = backs.iter().map(|up| (*up - start).as_secs() / 60).collect();
    assert_eq!(backs, [0, 60, 120]);
    assert_eq!(it.progress.held_through, 35, "what comes in between goes");
}

#[test]
fn a_mark_above_what_was_confirmed_and_no_mark_lead_nowhere() {
    for mark in [None, Some(5), Some(99)] {
        let mut it = held();
        add(&mut it);
        it.mark = mark;
        let said = it.said();
        assert_eq!(said, ["read 5 6", "offer d6 as 5 6", "held 6"], "{mark:?}");
    }
}

#[test]
fn a_greeting_finds_a_cloud_that_went_back_while_nothing_came() {
    let mut it = held();
    it.mark = Some(0);
    it.advance(it.now.up + GREET_EVERY);
    let said = it.said();
    let expected = ["offer  as 5 5", "back 0", "read 0 5", "offer d1,d2,d3,d4,d5 as 0 5", "held 5"];
    assert_eq!(said, expected);
}

#[test]
fn going_back_is_tried_again_until_it_is_noted() {
    let mut it = held();
    it.mark = Some(2);
    it.noting = [Noted::Failed].into();
    it.advance(it.now.up + GREET_EVERY);
    let said = it.said();
    assert_eq!(said[..4], ["offer  as 5 5", "back 2: Failed", "back 2", "read 2 5"]);
}

#[test]
fn going_back_that_was_lost_with_its_journal_does_not_count_for_the_hour() {
    let mut it = held();
    add(&mut it);
    it.mark = Some(2);
    it.noting = [Noted::Failed].into();
    // Read, offered, not noted; then the journal is opened anew.
    assert!(it.step() && it.step() && it.step());
    it.progress.generation = 2;
    let said = it.said();
    assert_eq!(said[3..6], ["read 5 6", "offer d6 as 5 6", "back 2"], "{said:?}");
}

#[test]
fn what_is_no_longer_kept_is_passed_and_the_cloud_is_not_asked_for_it_in_circles() {
    let mut it = held();
    it.rows.clear();
    it.mark = Some(2);
    let said = it.pass(25 * HOUR);
    let notes: Vec<_> = said.iter().map(|(_, said)| said).filter(|said| !said.starts_with("offer")).collect();
    assert_eq!(notes, ["back 2", "read 2 5", "passed 5"]);
    assert_eq!(only(&said, "offer")[..2], ["offer  as 5 5", "offer  as 2 2"]);
}

#[test]
fn a_survey_that_is_taken_after_all_is_noted_also_if_the_answer_leads_back() {
    let mut it = Driver::http(3);
    it.refuse = [("d2", true)].into();
    it.settle();
    it.refuse.clear();
    it.mark = Some(0);
    it.advance(HOUR + LOOK_FOR_AGAIN);
    let said = it.said();
    assert_eq!(said[..4], ["offer d2 as 3 3", "taken 2", "back 0", "read 0 3"]);
}
