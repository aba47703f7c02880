//! Damaged files that were set aside: a few, and only while nobody needs their room.

use super::*;
use std::{collections::BTreeSet, fs, io};

/// A disk of so many bytes for what lies in a folder.
#[derive(Debug)]
pub(super) struct Small(pub(super) u64);

impl Disk for Small {
    fn exists(&self, path: &Path) -> io::Result<bool> {
        OsDisk.exists(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        OsDisk.length(path)
    }

    fn rest(&self) {}

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        OsDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.sync_folder(folder)
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let taken: u64 = self.list(folder)?.iter().map(|file| self.length(file)).sum::<io::Result<_>>()?;
        Ok(self.0.saturating_sub(taken))
    }
}

/// Salvages the journal on a disk of that size, all at the same second of its clock; how the damaged file is named now.
fn salvage(folder: &Path, disk: u64) -> String {
    let place = Place { disk: Arc::new(Small(disk)), ..place(folder) };
    let mut findings = Vec::new();
    let mut journal = Journal::open(&place, Trust::Damaged, at(0), &mut findings).unwrap();
    journal.told().unwrap();
    journal.close().unwrap();
    assert_eq!(findings.len(), 1);
    findings[0].aside.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Without their logs, which go with them.
fn set_aside(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".corrupt-") && !name.ends_with("-wal")).collect()
}

/// The folder of a closed journal, and the file's size.
fn journal() -> (tempfile::TempDir, u64) {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..1_000, at(0)), at(0)).unwrap();
    journal.close().unwrap();
    let size = fs::metadata(home.path().join(FILE)).unwrap().len();
    (home, size)
}

#[test]
fn the_newest_three_are_kept_whatever_the_clock_says() {
    let (home, _) = journal();
    // One from a time when they had no number.
    fs::write(home.path().join("journal.db.corrupt-20991231T235959Z"), "old").unwrap();
    fs::write(home.path().join("journal.db.corrupt-20991231T235959Z-wal"), "old").unwrap();
    let names: Vec<String> = (0..12).map(|_| salvage(home.path(), u64::MAX)).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 12, "no name is given twice: {names:?}");
    assert_eq!(set_aside(home.path()), names[9..].iter().cloned().collect());
    let files = OsDisk.list(home.path()).unwrap();
    let files = files.iter().filter(|file| file.to_str().unwrap().contains(".corrupt-")).count();
    assert!(files <= 6, "each went with its log: {files}");
    assert_eq!(devices(home.path()).len(), 1_000);
}

#[test]
fn on_a_disk_that_is_nearly_full_the_old_ones_go_and_the_salvage_works() {
    let (home, size) = journal();
    let first = salvage(home.path(), u64::MAX);
    let second = salvage(home.path(), u64::MAX);
    // The journal and its two copies are there, and half a copy fits beside them.
    let third = salvage(home.path(), 3 * size + size / 2);
    assert_eq!(set_aside(home.path()), BTreeSet::from([third]), "all but the last: {first}, {second}");
    assert_eq!(devices(home.path()).len(), 1_000);
}

#[test]
fn together_they_take_a_quarter_of_what_would_be_free_without_them() {
    let (home, size) = journal();
    // The journal and room for eight of its size: two copies, not three, are a quarter of that.
    for _ in 0..3 {
        salvage(home.path(), 9 * size + size / 2);
    }
    assert_eq!(set_aside(home.path()).len(), 2);
}

#[test]
fn they_give_way_one_by_one_the_oldest_first() {
    let (home, _) = journal();
    let names: Vec<String> = (0..3).map(|_| salvage(home.path(), u64::MAX)).collect();
    let journal = open(home.path());
    assert!(journal.give_way());
    assert_eq!(set_aside(home.path()), names[1..].iter().cloned().collect());
    assert!(journal.give_way() && journal.give_way());
    assert!(!journal.give_way());
}
