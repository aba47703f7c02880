//! A damaged journal is saved once, told of once, and is the same journal.

use super::*;

#[test]
fn a_salvage_that_fails_halfway_is_completed_and_told_of_and_loses_nothing() {
    let mut scene = Scene::new(1 << 30);
    for number in 0..10 {
        assert_eq!(scene.send(number), ARRIVED);
    }
    let id = scene.keeper.progress().journal;
    // The damaged file is moved aside, the new one cannot be put in its place, time and again.
    scene.disk.fail(&[FILE]);
    for _ in 0..3 {
        let (done, mut saved) = oneshot::channel();
        assert_eq!(scene.send_with(&[10], vec![Order::Salvage { done }]), [AGAIN]);
        assert_eq!(saved.try_recv(), Ok(false));
        assert_eq!(scene.keeper.findings(), []);
        scene.rest();
    }
    scene.disk.fail(&[]);
    assert_eq!(scene.send(0), ARRIVED);
    let names: Vec<_> = (0..10).map(|number| format!("d{number}")).collect();
    assert_eq!(scene.devices(), names);
    let findings = scene.keeper.findings();
    assert_eq!(
        findings.iter().map(|finding| (finding.saved, finding.damaged)).collect::<Vec<_>>(),
        [(10, 0)]
    );
    assert_eq!(scene.keeper.findings(), [], "told once");
    assert_eq!(scene.keeper.progress().journal, id, "it is the same journal");
}

#[test]
fn a_salvaged_journal_that_cannot_be_opened_yet_is_not_salvaged_again() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(0), ARRIVED);
    scene.disk.fail(&["sync when salvaged"]);
    let (done, mut saved) = oneshot::channel();
    scene.send_with(&[], vec![Order::Salvage { done }]);
    assert_eq!(saved.try_recv(), Ok(false));
    for _ in 0..3 {
        scene.rest();
        assert_eq!(scene.send(1), AGAIN);
    }
    scene.disk.fail(&[]);
    scene.rest();
    assert_eq!(scene.send(1), ARRIVED);
    assert_eq!(scene.devices(), ["d0", "d1"]);
    assert_eq!(scene.keeper.findings().len(), 1);
    let names = fs::read_dir(scene.home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let aside = names.filter(|name| name.to_string_lossy().ends_with('Z'));
    assert_eq!(aside.count(), 1);
}

#[test]
fn a_journal_keeps_its_id_and_a_new_one_has_another() {
    let Scene { home, disk, keeper, .. } = Scene::new(1 << 30);
    let id = keeper.progress().journal;
    keeper.close().unwrap();
    let keeper = open(home.path(), &disk, 1 << 30, 8).unwrap();
    assert_eq!(keeper.progress().journal, id);
    keeper.close().unwrap();
    fs::write(home.path().join(FILE), "no journal".repeat(1_000)).unwrap();
    let mut keeper = open(home.path(), &disk, 1 << 30, 7).unwrap();
    assert_eq!(keeper.findings().len(), 1);
    let other = tempfile::tempdir().unwrap();
    let third = open(other.path(), &disk, 1 << 30, 9).unwrap();
    assert_ne!(keeper.progress().journal, third.progress().journal);
}

#[test]
fn damage_that_is_met_at_run_time_is_salvaged_though_no_opening_finds_it() {
    let mut scene = Scene::new(1 << 30);
    assert_eq!(scene.send(0), ARRIVED);
    // As from a page of a file that is too large to be checked whole.
    let source =
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None);
    let damage = JournalError::Sql { operation: "write", path: scene.home.path().join(FILE), source };
    scene.keeper.fail(damage, scene.now());
    scene.rest();
    assert_eq!(scene.send_with(&[0, 1], Vec::new()), [ARRIVED, ARRIVED]);
    assert_eq!(scene.keeper.findings().len(), 1);
    assert_eq!(scene.devices(), ["d0", "d1"]);
}

#[test]
fn what_was_damaged_after_the_cloud_had_it_is_told_apart_before_and_after_a_salvage() {
    let mut scene = Scene::new(1 << 30);
    for number in 0..10 {
        assert_eq!(scene.send(number), ARRIVED);
    }
    let (note, _) = scene.note(5);
    scene.send_with(&[], vec![note]);
    scene.provoke("INSERT INTO refused VALUES (4, 0, 'no', 1, NULL)");
    scene.provoke("UPDATE surveys SET received = received + 1 WHERE seq IN (3, 4, 8)");
    let told = |scene: &Scene| {
        let holdings = Holdings::open(scene.home.path()).unwrap();
        let seqs = |damaged: &Damaged| damaged.named.iter().map(|row| row.seq).collect::<Vec<_>>();
        (seqs(holdings.damaged_but_passed_on()), seqs(holdings.lost()), holdings.lost().count)
    };
    assert_eq!(told(&scene), (vec![3], vec![4, 8], 2));
    let (done, _saved) = oneshot::channel();
    scene.send_with(&[], vec![Order::Salvage { done }]);
    assert_eq!(scene.keeper.findings()[0].damaged, 3);
    assert_eq!(told(&scene), (vec![3], vec![4, 8], 2));
}
