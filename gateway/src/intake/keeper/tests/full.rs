//! No room, in the journal or on its disk: what is new is refused, what the cloud holds is noted.

use super::*;

#[test]
fn what_a_full_disk_did_not_take_is_not_known_and_is_taken_when_there_is_room() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(0), ARRIVED);
    // SQLite says that the disk is full, in the middle of the group's transaction.
    scene.provoke("PRAGMA max_page_count = 1");
    let (note, mut noted) = scene.note(1);
    let many: Vec<u64> = (0..400).collect();
    assert!(scene.send_with(&many, vec![note]).iter().all(|text| text == FULL));
    assert_eq!(noted.try_recv(), Ok(Noted::Failed));
    let before = scene.keeper.progress();
    assert_eq!((before.last_seq, before.held_through), (1, 0), "nothing of it is told");
    assert_eq!(scene.send(1), FULL, "until it is opened anew");
    scene.rest();
    assert_eq!(scene.send(1), ARRIVED);
    assert_eq!(scene.keeper.progress().generation, before.generation + 1);
    assert_eq!(scene.devices(), ["d0", "d1"], "what failed was new when it came again");
    assert_eq!(scene.send(1), ARRIVED, "a copy");
    assert_eq!(scene.devices().len(), 2);
}

#[test]
fn a_full_journal_that_can_let_go_of_nothing_still_notes_what_the_cloud_holds() {
    let mut scene = Scene::new(256 << 10);
    let mut number = 0;
    while scene.send(number) == ARRIVED {
        number += 1;
    }
    let (note, _) = scene.note(number.cast_signed() / 2);
    scene.send_with(&[], vec![note]);
    scene.provoke("CREATE TRIGGER stuck BEFORE DELETE ON surveys BEGIN SELECT RAISE(ABORT, 'stuck'); END");
    assert_eq!(scene.send(number), AGAIN);
    scene.rest();
    assert!(scene.send_with(&[], Vec::new()).is_empty(), "it is opened anew");
    // New ones come with every note, as they do in the field.
    let (note, mut noted) = scene.note(number.cast_signed());
    let full = "Surveys refused: journal full; try again later";
    assert_eq!(scene.send_with(&[number, 0], vec![note]), [full, ARRIVED]);
    assert_eq!(noted.try_recv(), Ok(Noted::Written));
    assert_eq!(scene.keeper.progress().held_through, number.cast_signed());
    scene.provoke("DROP TRIGGER stuck");
    scene.up += Duration::from_secs(60);
    assert_eq!(scene.send(number), ARRIVED, "there is room when it can let go again");
}

#[test]
fn the_log_is_folded_while_the_disk_still_has_room_for_what_is_in_it() {
    let mut scene = Scene::new(1 << 30);
    for number in 0..20 {
        assert_eq!(scene.send(number), ARRIVED);
    }
    let log = scene.home.path().join("journal.db-wal");
    let before = OsDisk.length(&log).unwrap();
    assert!(before > 200_000, "{before}");
    scene.leave(100_000);
    assert_eq!(scene.send(20), ARRIVED);
    assert!(OsDisk.length(&log).unwrap() < before / 2);
    // Too little even so: refusals, which are counted, do not make it grow into the last that is left.
    scene.leave(1_000);
    for number in 21..60 {
        assert_eq!(scene.send(number), FULL);
        assert!(OsDisk.length(&log).unwrap() < 100_000);
    }
}

#[test]
fn on_a_full_disk_damaged_files_that_were_set_aside_go_before_a_survey_is_refused() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(0), ARRIVED);
    let (done, _saved) = oneshot::channel();
    scene.send_with(&[], vec![Order::Salvage { done }]);
    let finding = scene.keeper.findings().remove(0);
    assert!(finding.aside.exists());
    assert_eq!(scene.send(1), ARRIVED);
    assert!(finding.aside.exists(), "nobody needs its room");
    *scene.disk.free.lock().unwrap() = Some(1_000);
    assert_eq!(scene.send(2), FULL);
    assert!(!finding.aside.exists());
}

#[test]
fn p10_a_journal_that_keys_have_filled_takes_surveys_again_when_these_are_too_old() {
    let mut scene = Scene::new(256 << 10);
    let mut first = 0;
    loop {
        let many: Vec<u64> = (first..first + 100).collect();
        first += 100;
        let refused = scene.send_with(&many, Vec::new()).iter().any(|text| text != ARRIVED);
        let last = scene.keeper.progress().last_seq;
        let (note, _) = scene.note(last);
        scene.send_with(&[], vec![note]);
        // What the cloud holds may go; if that does not help, the keys are what fills it.
        if refused && scene.send(first) != ARRIVED {
            break;
        }
    }
    assert!(scene.devices().is_empty(), "no survey is left that could go");
    scene.up += RESEND_WINDOW;
    assert_eq!(scene.send(first), ARRIVED);
    assert_eq!(scene.devices().len(), 1);
}
