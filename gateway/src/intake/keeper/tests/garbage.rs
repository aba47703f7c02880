//! Refused input is kept where there is room for it, and counted in any case.

use super::*;

#[test]
fn p6_a_flood_of_garbage_takes_an_eighth_of_a_small_journal_and_refuses_no_survey() {
    let mut scene = Scene::new(1 << 20);
    for round in 0..150 {
        scene.flood(8);
        assert_eq!(scene.send(round), ARRIVED, "after {round} groups of garbage");
    }
    assert_eq!(scene.refused(), (128 / 5, 150 * 8));
    assert_eq!(scene.devices().len(), 150);
}

#[test]
fn p7_when_a_journal_is_full_garbage_gives_way_to_a_survey_and_is_only_counted() {
    let mut scene = Scene::new(256 << 10);
    scene.flood(5);
    assert_eq!(scene.refused(), (5, 5));
    let mut number = 0;
    while scene.send(number) == ARRIVED {
        number += 1;
    }
    assert_eq!(scene.refused(), (0, 5), "no survey is refused while garbage takes room");
    scene.flood(5);
    assert_eq!(scene.refused(), (0, 10), "counted, and not kept");
}

#[test]
fn garbage_is_not_kept_on_a_disk_that_is_short_and_counted_all_the_same() {
    let mut scene = Scene::new(1 << 30);
    *scene.disk.free.lock().unwrap() = Some(100_000);
    scene.flood(8);
    assert_eq!(scene.refused(), (0, 8));
    *scene.disk.free.lock().unwrap() = None;
    scene.flood(8);
    assert_eq!(scene.refused(), (8, 16));
}
