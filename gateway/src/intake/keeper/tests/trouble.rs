//! The disk or SQLite fails for a while: all is refused, nothing of it is known, and it goes on by itself.

use super::*;

#[test]
fn while_the_journal_cannot_be_opened_all_is_refused_and_then_it_goes_on() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(0), ARRIVED);
    scene.provoke("PRAGMA query_only = ON");
    scene.disk.fail(&["sync"]);
    for _ in 0..5 {
        let (note, mut noted) = scene.note(1);
        assert_eq!(scene.send_with(&[0, 1], vec![note]), [AGAIN, AGAIN], "also of a copy nothing is known");
        assert_eq!(noted.try_recv(), Ok(Noted::Failed));
        scene.keeper.tend(scene.now());
        scene.rest();
    }
    scene.disk.fail(&[]);
    assert_eq!(scene.send_with(&[0, 1], Vec::new()), [ARRIVED, ARRIVED]);
    assert_eq!(scene.devices(), ["d0", "d1"]);
}

#[test]
fn while_the_disk_cannot_be_measured_nothing_new_is_taken_but_what_is_held_is_noted() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(0), ARRIVED);
    scene.disk.fail(&["free"]);
    let (note, mut noted) = scene.note(1);
    let refused = "Surveys refused: the gateway cannot measure its disk; try again later";
    assert_eq!(scene.send_with(&[0, 1], vec![note]), [ARRIVED, refused]);
    assert_eq!(noted.try_recv(), Ok(Noted::Written));
    scene.disk.fail(&[]);
    assert_eq!(scene.send(1), ARRIVED);
}

#[test]
fn a_journal_that_can_let_go_of_nothing_still_takes_what_there_is_room_for() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(0), ARRIVED);
    let (note, _) = scene.note(1);
    scene.send_with(&[], vec![note]);
    scene.provoke("CREATE TRIGGER stuck BEFORE DELETE ON surveys BEGIN SELECT RAISE(ABORT, 'stuck'); END");
    scene.up += Duration::from_secs(24 * 3600);
    scene.keeper.tend(scene.now());
    assert_eq!(scene.send(1), AGAIN, "letting go failed");
    scene.rest();
    for number in 2..10 {
        assert_eq!(scene.send(number), ARRIVED);
        scene.keeper.tend(scene.now());
    }
    scene.rest();
    scene.provoke("DROP TRIGGER stuck");
    scene.keeper.tend(scene.now());
    assert!(!scene.devices().contains(&"d0".to_owned()), "it is let go of when it can be");
}

#[test]
fn a_journal_that_the_disk_does_not_show_for_a_moment_is_not_taken_for_none() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(1), ARRIVED);
    scene.provoke("CREATE TEMP TRIGGER stop BEFORE INSERT ON surveys BEGIN SELECT raise(ABORT, 'no'); END");
    assert_eq!(scene.send(2), AGAIN);
    scene.disk.fail(&["look"]);
    scene.rest();
    assert_eq!(scene.send(2), AGAIN, "nobody can say what is there");
    scene.disk.fail(&[]);
    scene.rest();
    assert_eq!(scene.send(2), ARRIVED);
    assert_eq!(scene.devices(), ["d1", "d2"]);
    assert!(scene.keeper.findings().is_empty(), "nothing was damaged");
    drop(scene.keeper);
    scene.disk.fail(&["look"]);
    let refused = open(scene.home.path(), &scene.disk, 1 << 30, 8).err().unwrap().to_string();
    assert!(refused.contains("look for") && refused.contains(FILE), "{refused}");
    scene.disk.fail(&[]);
    let keeper = open(scene.home.path(), &scene.disk, 1 << 30, 9).unwrap();
    assert_eq!(keeper.progress().last_seq, 2);
}
