//! The disk says no in every way it can; the keeper acknowledges nothing for it, loses nothing, and goes on by itself.

mod small_disk;

use super::*;
use crate::{
    disk::OsDisk,
    intake::read_datagram,
    journal::{Damaged, FILE, Holdings, Page, Reader, Seq, summary},
};
use fieldpost_core::{UtcInstant, dating::RESEND_WINDOW};
use jiff::tz::TimeZone;
use std::{collections::BTreeSet, fs, io, net::SocketAddr, path::Path, sync::Mutex};

const AGAIN: &str = "Surveys refused: the gateway cannot write its journal; try again later";
const FULL: &str = "Surveys refused: disk full; try again later";
const ARRIVED: &str = "Surveys arrived";

/// A disk that fails at what it is told to: the name of an operation, for `rename` the name that is to be given. And
/// the bytes that it says are free, or how large it is.
#[derive(Debug, Default)]
struct Faulty(Mutex<BTreeSet<String>>, Mutex<Option<u64>>, Mutex<Option<Size>>);

/// The size of a disk.
#[derive(Debug)]
struct Size {
    all: u64,
    /// The fewest bytes that ever were free when somebody asked.
    fewest: u64,
}

impl Faulty {
    fn fail(&self, what: &[&str]) {
        *self.0.lock().unwrap() = what.iter().map(|what| (*what).to_owned()).collect();
    }

    fn may(&self, what: &str) -> io::Result<()> {
        if self.0.lock().unwrap().contains(what) { Err(io::Error::other("broken")) } else { Ok(()) }
    }
}

impl Disk for Faulty {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.may("look")?;
        OsDisk.exists(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.may("look")?;
        OsDisk.length(path)
    }

    fn rest(&self) {}

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        OsDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may(to.file_name().unwrap().to_str().unwrap())?;
        OsDisk.rename(from, to)?;
        if to.ends_with(FILE) && self.may("sync when salvaged").is_err() {
            self.fail(&["sync"]);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.may("sync")?;
        OsDisk.sync_folder(folder)
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        self.may("free")?;
        if let Some(size) = &mut *self.2.lock().unwrap() {
            let files = self.list(folder)?;
            let taken: u64 = files.iter().map(|file| self.length(file)).sum::<io::Result<_>>()?;
            let free = size.all.saturating_sub(taken);
            size.fewest = size.fewest.min(free);
            return Ok(free);
        }
        (*self.1.lock().unwrap()).map_or_else(|| OsDisk.free(folder), Ok)
    }
}

/// A keeper, its disk, and a clock that stands still unless it is told.
struct Scene {
    home: tempfile::TempDir,
    disk: Arc<Faulty>,
    keeper: Keeper,
    up: Duration,
}

impl Scene {
    fn new(journal_max: u64) -> Self {
        let (home, disk) = (tempfile::tempdir().unwrap(), Arc::new(Faulty::default()));
        let keeper = open(home.path(), &disk, journal_max, 7).unwrap();
        Self { home, disk, keeper, up: Duration::ZERO }
    }

    fn now(&self) -> Moment {
        at(self.up)
    }

    fn entry(&self, number: u64) -> Entry {
        let text = format!("d{number} 08:00 - 20 - 30%\n");
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let received = self.now().utc;
        let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), received, &TimeZone::UTC);
        Entry { socket: 0, peer, datagram }
    }

    /// Device `number` sends its survey; what it is told.
    fn send(&mut self, number: u64) -> String {
        self.send_with(&[number], Vec::new()).remove(0)
    }

    fn send_with(&mut self, numbers: &[u64], orders: Vec<Order>) -> Vec<String> {
        let entries = numbers.iter().map(|number| self.entry(*number)).collect();
        let outcomes = self.keeper.handle(Group { entries, orders, dropped: 0 }, self.now());
        assert_eq!(outcomes.len(), numbers.len());
        outcomes.iter().map(|outcome| outcome.text().to_owned()).collect()
    }

    /// So much of the disk is left now.
    fn leave(&self, free: u64) {
        let files = OsDisk.list(self.home.path()).unwrap();
        let taken: u64 = files.iter().map(|file| OsDisk.length(file).unwrap()).sum();
        *self.disk.2.lock().unwrap() = Some(Size { all: taken + free, fewest: u64::MAX });
    }

    /// The time that the keeper asks for passes.
    fn rest(&mut self) {
        self.up += self.keeper.pause(self.now());
    }

    /// Strangers send so many datagrams of 4,096 bytes, each another, that mean nothing.
    fn flood(&mut self, count: u64) {
        let peer = SocketAddr::from(([10, 6, 6, 6], 666));
        let received = self.now().utc;
        let entries = (0..count).map(|number| {
            let text = format!("{number:x<4096}");
            let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), received, &TimeZone::UTC);
            Entry { socket: 0, peer, datagram }
        });
        let group = Group { entries: entries.collect(), orders: Vec::new(), dropped: 0 };
        for outcome in self.keeper.handle(group, self.now()) {
            let text = outcome.text();
            assert!(text.starts_with("Surveys refused: ") && !text.ends_with("try again later"), "{text}");
        }
    }

    /// How many refused inputs are kept, and how many were counted.
    fn refused(&self) -> (u64, u64) {
        let summary = summary(self.home.path(), &OsDisk).unwrap();
        let of_garbage = summary.refusals.iter().filter(|(reason, _)| *reason != "full");
        (summary.quarantined, of_garbage.map(|(_, count)| count).sum())
    }

    fn note(&self, through: Seq) -> (Order, oneshot::Receiver<Noted>) {
        let (done, noted) = oneshot::channel();
        let generation = self.keeper.progress().generation;
        (Order::Note(Note { generation, custody: Custody::Held { through }, done }), noted)
    }

    /// Every survey in the journal.
    fn devices(&self) -> Vec<String> {
        match Reader::open(self.home.path()).unwrap().page(0, Seq::MAX, 100_000, 1 << 30).unwrap() {
            Page::Surveys(surveys) => surveys.iter().map(|survey| survey.device.to_string()).collect(),
            Page::Empty => Vec::new(),
            Page::Damaged(seq) => panic!("{seq} is damaged"),
        }
    }

    fn provoke(&self, sql: &str) {
        self.keeper.journal.as_ref().unwrap().provoke(sql);
    }
}

fn at(up: Duration) -> Moment {
    Moment { utc: UtcInstant::from_millis(1_800_000_000_000).saturating_add(up), up }
}

fn open(folder: &Path, disk: &Arc<Faulty>, journal_max: u64, random: u64) -> Result<Keeper, JournalError> {
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    let limits = Limits { keep: Duration::ZERO, journal_max, min_free_disk: 0 };
    let deadline = Duration::from_secs(3600);
    Keeper::open(disk, folder.to_path_buf(), limits, Vec::new(), deadline, random, at(Duration::ZERO))
}

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
    *scene.disk.1.lock().unwrap() = Some(1_000);
    assert_eq!(scene.send(2), FULL);
    assert!(!finding.aside.exists());
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
    *scene.disk.1.lock().unwrap() = Some(100_000);
    scene.flood(8);
    assert_eq!(scene.refused(), (0, 8));
    *scene.disk.1.lock().unwrap() = None;
    scene.flood(8);
    assert_eq!(scene.refused(), (8, 16));
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
