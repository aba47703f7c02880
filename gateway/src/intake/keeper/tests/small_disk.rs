//! A disk so small that an outage fills it: what the cloud holds by then gives its room to what comes.

use super::*;

const ALL: u64 = 1 << 20;
const LEFT_ALONE: u64 = 256 << 10;
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

fn open(folder: &Path, disk: &Arc<Faulty>, now: Moment) -> Keeper {
    let limits = Limits { keep: KEEP, journal_max: 1 << 30, min_free_disk: LEFT_ALONE };
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    let deadline = Duration::from_secs(3600);
    Keeper::open(disk, folder.to_path_buf(), limits, Vec::new(), deadline, 7, now).unwrap()
}

fn scene() -> Scene {
    let (home, disk) = (tempfile::tempdir().unwrap(), Arc::new(Faulty::default()));
    *disk.size.lock().unwrap() = Some(Size { all: ALL, fewest: u64::MAX });
    let keeper = open(home.path(), &disk, at(Duration::ZERO));
    Scene { home, disk, keeper, up: Duration::ZERO }
}

impl Scene {
    /// Others take so much of the disk.
    fn others_take(&self, bytes: u64) {
        self.disk.size.lock().unwrap().as_mut().unwrap().all = ALL - bytes;
    }

    fn fewest_free(&self) -> u64 {
        self.disk.size.lock().unwrap().as_ref().unwrap().fewest
    }

    /// Devices send, from this number on and so many at a time, until one is refused; the first number that is not journaled.
    fn fill(&mut self, mut number: u64, at_once: u64) -> u64 {
        loop {
            let many: Vec<u64> = (number..number + at_once).collect();
            if self.send_with(&many, Vec::new()).iter().all(|text| text == ARRIVED) {
                number += at_once;
            } else {
                return number;
            }
        }
    }

    fn held(&mut self, through: u64) {
        let (note, mut noted) = self.note(through.cast_signed());
        self.send_with(&[], vec![note]);
        assert_eq!(noted.try_recv(), Ok(Noted::Written));
    }
}

#[test]
fn p10_a_disk_that_an_outage_has_filled_has_room_for_the_next_when_the_cloud_has_taken_it() {
    for at_once in [5, 300] {
        let mut scene = scene();
        let first = scene.fill(0, at_once);
        let mut last = first;
        for _ in 0..3 {
            let room = summary(scene.home.path(), &*scene.disk).unwrap().room;
            let limit = room.limit.unwrap();
            // What the group that was refused would have needed, and what is reserved.
            let needed = 2 * at_once * 200 + (64 << 10);
            assert!(room.used <= limit && limit - room.used <= needed, "{room:?} is told");
            scene.held(last);
            // Keys are remembered for so long.
            scene.up += RESEND_WINDOW;
            let next = scene.fill(last, at_once);
            assert!(next - last > first / 10 * 9, "{} where there was room for {first}", next - last);
            last = next;
        }
        let fewest = scene.fewest_free();
        assert!(fewest >= LEFT_ALONE, "{at_once} at once left {fewest}");
    }
}

#[test]
fn p10_a_full_disk_does_not_wait_for_keys_to_be_forgotten_and_copies_of_what_went_are_known_after_a_start() {
    let mut scene = scene();
    let first = scene.fill(0, 10);
    scene.held(first);
    let second = scene.fill(first, 10);
    assert!(second - first > first / 2, "{} where there was room for {first}", second - first);
    assert!(scene.fewest_free() >= LEFT_ALONE, "{}", scene.fewest_free());
    assert!(!scene.devices().contains(&"d0".to_owned()));
    for _ in 0..2 {
        let many: Vec<u64> = (0..second).collect();
        assert!(scene.send_with(&many, Vec::new()).iter().all(|text| text == ARRIVED), "each a copy");
        assert_eq!(scene.keeper.progress().last_seq, second.cast_signed());
        scene.keeper = open(scene.home.path(), &scene.disk, scene.now());
    }
}

#[test]
fn p6_nothing_that_the_cloud_does_not_hold_makes_room_on_a_full_disk() {
    let mut scene = scene();
    let first = scene.fill(0, 10);
    scene.held(first / 3);
    let second = scene.fill(first, 10);
    assert!(second > first);
    let names: Vec<_> = (first / 3..second).map(|number| format!("d{number}")).collect();
    let devices = scene.devices();
    assert_eq!(devices[devices.len() - names.len()..], names);
}

#[test]
fn p6_what_others_take_of_the_disk_is_not_made_up_for_by_what_the_cloud_holds() {
    let mut scene = scene();
    scene.send_with(&(0..2_000).collect::<Vec<_>>(), Vec::new());
    scene.held(2_000);
    scene.others_take(ALL - LEFT_ALONE - (128 << 10));
    assert_eq!(scene.send(2_000), FULL);
    assert_eq!(scene.devices().len(), 2_000, "that would give the disk nothing back");
    let room = summary(scene.home.path(), &*scene.disk).unwrap().room;
    assert_eq!(room.limit, Some(room.used));
    scene.others_take(0);
    assert_eq!(scene.send(2_000), ARRIVED);
}

#[test]
fn p6_a_full_disk_has_no_room_for_keys_that_must_leave_the_memory_either() {
    let mut scene = scene();
    scene.keeper.journal.as_mut().unwrap().hold_keys(2_000);
    // Nearly as many as are held in memory; then others leave less of the disk than moving them would take.
    for number in (0..1_900).step_by(100) {
        let many: Vec<u64> = (number..number + 100).collect();
        assert!(scene.send_with(&many, Vec::new()).iter().all(|text| text == ARRIVED));
    }
    scene.leave(LEFT_ALONE + (160 << 10));
    let many: Vec<u64> = (1_900..2_000).collect();
    assert!(scene.send_with(&many, Vec::new()).iter().all(|text| text == FULL));
    assert!(scene.fewest_free() >= LEFT_ALONE, "{}", scene.fewest_free());
    // What the cloud holds is noted all the same; it may go then, and takes its keys out of the memory bit by bit.
    scene.held(1_900);
    assert!(scene.send_with(&many, Vec::new()).iter().all(|text| text == ARRIVED));
    assert!(scene.fewest_free() >= LEFT_ALONE, "{}", scene.fewest_free());
    let copies: Vec<u64> = (0..2_000).collect();
    assert!(scene.send_with(&copies, Vec::new()).iter().all(|text| text == ARRIVED), "each a copy");
    assert_eq!(scene.keeper.progress().last_seq, 2_000);
}
