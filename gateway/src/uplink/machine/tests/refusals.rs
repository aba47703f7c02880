//! What the cloud will not have.

use super::*;

#[test]
fn a_refused_batch_is_halved_down_to_the_culprits_and_their_neighbours_get_through() {
    let mut it = Driver::http(8);
    it.refuse = [("d3", false), ("d8", false)].into();
    let said = it.settle();
    let offers = [
        "offer d1,d2,d3,d4,d5,d6,d7,d8 as 0 8",
        "offer d1,d2,d3,d4 as 0 4",
        "offer d1,d2 as 0 2",
        "offer d3,d4 as 2 4",
        "offer d3 as 2 3",
        "offer d4 as 2 4",
        "offer d5,d6,d7,d8 as 4 8",
        "offer d5,d6 as 4 6",
        "offer d7,d8 as 6 8",
        "offer d7 as 6 7",
        "offer d8 as 7 8",
    ];
    assert_eq!(only(&said, "offer"), offers);
    assert!(
        times(&said, "offer").is_sorted_by(|earlier, later| *later == *earlier + millis(2)),
        "with pauses"
    );
    let notes = ["held 2", "refused 3", "held 4", "held 6", "held 7", "refused 8"];
    let noted = said.iter().map(|(_, said)| said.as_str()).filter(|said| notes.contains(said));
    assert_eq!(noted.collect::<Vec<_>>(), notes);
    assert_eq!(only(&said, "told"), ["told well"], "a cloud that refuses answers");
    assert_eq!((it.progress.held_through, it.progress.confirmed), (8, 7));
}

#[test]
fn what_is_refused_for_good_is_not_offered_again() {
    let mut it = Driver::http(1);
    it.refuse = [("d1", false)].into();
    it.settle();
    let said = it.pass(5 * HOUR);
    assert_eq!(said, []);
}

#[test]
fn a_survey_from_the_future_is_offered_again_every_hour_at_most_24_times() {
    let mut it = Driver::http(2);
    it.refuse = [("d1", true)].into();
    let said = it.pass(40 * HOUR);
    let offers = times(&said, "offer d1 as 2 2");
    assert_eq!(offers.len(), 24);
    for (earlier, later) in offers.iter().zip(&offers[1..]) {
        let pause = *later - *earlier;
        assert!(pause >= HOUR && pause <= HOUR + LOOK_FOR_AGAIN, "{pause:?}");
    }
    assert_eq!(only(&said, "refused 1").last().unwrap(), "refused 1");
    assert_eq!(it.again[&1], (25, None));
}

#[test]
fn a_survey_from_the_future_is_taken_when_its_time_has_come() {
    let mut it = Driver::http(2);
    it.refuse = [("d1", true)].into();
    it.settle();
    it.refuse.clear();
    let said = it.pass(2 * HOUR);
    assert_eq!(only(&said, "taken"), ["taken 1"]);
    assert_eq!(only(&said, "offer"), ["offer d1 as 2 2"]);
    assert_eq!((it.progress.held_through, it.progress.confirmed), (2, 2));
}

#[test]
fn a_cloud_that_fails_when_a_survey_is_offered_again_does_not_hold_up_the_others() {
    let mut it = Driver::http(1);
    it.refuse = [("d1", true)].into();
    it.settle();
    it.advance(HOUR + LOOK_FOR_AGAIN);
    it.answers = [failed()].into();
    assert_eq!(it.said(), ["offer d1 as 0 0"]);
    it.progress.last_seq = 2;
    it.rows.insert(2, survey(2));
    let said = it.settle();
    assert_eq!(times(&said, "offer d2"), [it.now.up - millis(2)], "at once");
    let said = it.pass(LOOK_FOR_AGAIN);
    assert_eq!(only(&said, "offer"), ["offer d1 as 2 2"]);
}

#[test]
fn what_lies_behind_the_cursor_is_not_offered_again_before_its_neighbours() {
    // The cloud went back to 1 while rounds were not waited for; now they are, and none has closed since.
    let mut it = Driver::http(4);
    it.progress = Progress { held_through: 1, confirmed: 1, closed_through: 1, ..it.progress };
    it.again = [(4, (1, Some(it.now.utc)))].into();
    it.uplink = Uplink::new("cloud".into(), Wire::Http, UplinkWhen::Round, false, it.progress);
    it.refuse = [("d4", true)].into();
    assert_eq!(it.said(), Vec::<String>::new());
    it.progress.closed_through = 4;
    assert_eq!(only(&it.settle(), "offer")[0], "offer d2,d3,d4 as 1 4", "nothing was skipped");
}
