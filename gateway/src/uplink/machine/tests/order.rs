//! Order, pace, and when it is over.

use super::*;

#[test]
fn a_backlog_goes_in_order_a_page_at_a_time_and_leaves_room_between() {
    let mut it = Driver::http(5);
    it.page = 2;
    let said = it.settle();
    let offers = ["offer d1,d2 as 0 2", "offer d3,d4 as 2 4", "offer d5 as 4 5"];
    assert_eq!(only(&said, "offer"), offers);
    assert_eq!(only(&said, "held"), ["held 2", "held 4", "held 5"]);
    assert_eq!(times(&said, "offer"), [millis(0), millis(2), millis(4)]);
    assert_eq!(only(&said, "told"), ["told well"], "once, not with every offer");
}

#[test]
fn a_cloud_that_fails_is_tried_again_after_pauses_that_grow_and_start_over() {
    let mut it = Driver::http(2);
    it.page = 1;
    it.answers = (0..3).map(|_| failed()).collect();
    let said = it.settle();
    let offers = ["offer d1 as 0 1"; 4].into_iter().chain(["offer d2 as 1 2"]);
    assert_eq!(only(&said, "offer"), offers.collect::<Vec<_>>(), "the same until it is held");
    assert_eq!(times(&said, "offer"), [0, 1_000, 3_000, 7_000, 7_002].map(millis));
    assert_eq!(only(&said, "told"), ["told trouble", "told well"]);
    it.progress.last_seq = 3;
    it.rows.insert(3, survey(3));
    it.answers = [failed()].into();
    assert_eq!(times(&it.settle(), "offer"), [7_004, 8_004].map(millis), "from the beginning");
}

#[test]
fn a_pause_is_longer_by_chance() {
    let mut uplink = Driver::http(1).uplink;
    let mut it = Driver::http(1);
    for (random, pause) in [(0, 1_000), (50, 3_000)] {
        uplink.offered = Some(Offered::Part(1));
        uplink.handle_answer(failed(), it.now, random);
        uplink.tasks.retain(|task| matches!(task, Task::Rest(_)));
        let step = uplink.poll(it.now, it.progress);
        let end = it.now.up + millis(pause);
        assert!(matches!(step, Step::Wait { until, unless_progress: false } if until == end), "{step:?}");
        it.advance(end);
        uplink.tasks.clear();
    }
}

#[test]
fn an_answer_that_nobody_awaits_is_ignored() {
    let mut it = Driver::http(1);
    it.settle();
    for answer in [failed(), http(200, r#"{"new":1,"duplicate":0,"conflict":0}"#, Some(0))] {
        it.uplink.handle_answer(answer, it.now, 0);
        assert_eq!(it.said(), Vec::<String>::new());
    }
    it.uplink.handle_noted(Noted::Written, it.now);
    it.uplink.handle_salvaged(true, it.now);
    assert_eq!((it.said(), it.uplink.cursor), (Vec::new(), 1));
}

#[test]
fn once_waits_for_its_round_and_ends_when_that_is_held() {
    let mut it = Driver::new(Wire::Http, true, 3);
    assert_eq!(it.said(), Vec::<String>::new(), "no round has closed");
    (it.progress.closed_through, it.progress.rounds_closed) = (2, 1);
    let said = it.said();
    assert_eq!(said, ["read 0 2", "offer d1,d2 as 0 2", "held 2", "told well", "done Ok(())"]);
}

#[test]
fn once_ends_at_the_first_failure_also_if_the_journal_is_opened_anew_meanwhile() {
    let mut it = Driver::new(Wire::Http, true, 1);
    (it.progress.closed_through, it.progress.rounds_closed) = (1, 1);
    it.answers = [failed()].into();
    it.step();
    it.step();
    it.progress.generation = 2;
    let said = it.said();
    assert!(said.last().unwrap().starts_with("done Err(NotAcknowledged"), "{said:?}");
    assert_eq!(said.iter().filter(|said| said.starts_with("offer")).count(), 1);
}

#[test]
fn once_ends_with_an_error_if_a_survey_was_refused_and_the_others_went() {
    let mut it = Driver::new(Wire::Http, true, 2);
    (it.progress.closed_through, it.progress.rounds_closed) = (2, 1);
    it.refuse = [("d1", false)].into();
    let said = it.said();
    assert!(said.contains(&"held 2".to_owned()), "{said:?}");
    assert!(said.last().unwrap().contains("the cloud refused a survey: no"), "{said:?}");
}

#[test]
fn an_idle_gateway_greets_the_cloud_six_hours_after_it_last_took_something() {
    let mut it = Driver::http(1);
    it.settle();
    let said = it.pass(13 * HOUR);
    assert_eq!(only(&said, "offer"), ["offer  as 1 1"; 2]);
    assert_eq!(times(&said, "offer"), [6 * HOUR, 12 * HOUR].map(|up| up + millis(0)));
}

#[test]
fn a_greeting_that_fails_is_tried_again_after_growing_pauses() {
    let mut it = Driver::http(0);
    it.answers = (0..3).map(|_| failed()).collect();
    let said = it.pass(7 * HOUR);
    let expected = [0, 1_000, 3_000, 7_000].map(|late| 6 * HOUR + millis(late));
    assert_eq!(times(&said, "offer"), expected);
    assert_eq!(only(&said, "told"), ["told trouble", "told well"]);
}

#[test]
fn text_knows_no_greeting_and_once_does_not_greet() {
    for (wire, once) in [(Wire::Tcp(jiff::tz::TimeZone::UTC), false), (Wire::Http, true)] {
        let mut it = Driver::new(wire, once, 0);
        assert_eq!(it.pass(24 * HOUR), []);
    }
}
