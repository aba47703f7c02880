//! The lab, as `cargo lab` runs it: it passes, it finds what is missing, and it leaves nothing behind, however it ends.
//!
//! It takes root and a kernel that allows namespaces. Where there is neither, these tests fail and say so: a lab that
//! nobody runs proves nothing.
#![expect(clippy::unwrap_used, reason = "this file is a test")]

use fieldpost_sim::ports::wait_until;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Labs take turns: each wants both cores.
static TURN: Mutex<()> = Mutex::new(());

/// The longest that a lab may take before the test gives up on it; it bounds each of its own waits.
const PATIENCE: Duration = Duration::from_secs(150);
/// What the issue promises for CI.
const PROMISED: Duration = Duration::from_secs(60);
/// How long the kernel may take to clear up after a lab that was killed.
const CLEARED: Duration = Duration::from_secs(5);

/// A lab at work, with a temporary folder of its own.
struct Lab {
    child: Child,
    folder: TempDir,
    /// Its network namespaces, as far as they were seen.
    namespaces: BTreeSet<PathBuf>,
    /// When it was its turn.
    began: Instant,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    fn start(arguments: &[&str]) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Waiting for others is none of its time.
        let began = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let file = |name| Stdio::from(File::create(folder.path().join(name)).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost-sim"));
        // Without cargo it builds nothing: whoever runs the tests has.
        command.arg("lab").args(arguments).env_remove("CARGO").env("TMPDIR", folder.path().join("tmp"));
        let child = command.stdout(file("out")).stderr(file("err")).spawn().unwrap();
        Self { child, folder, namespaces: BTreeSet::new(), began, _turn: turn }
    }

    /// What it has printed, on both streams.
    fn said(&self) -> String {
        ["out", "err"].map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap()).join("")
    }

    fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until(PATIENCE, || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })
        .unwrap_or_else(|error| panic!("the lab does not end: {error}\n{}", self.said()));
        status.unwrap()
    }

    /// Waits until all of it is at work, and remembers its namespaces.
    fn wait_for_the_faults(&mut self) {
        // Its own, the gateway's, the cloud's, and four hosts'. Nobody works in the switch's.
        const WORKED_IN: usize = 7;
        let at_work = wait_until(CLEARED * 4, || {
            let mine = self.processes();
            self.namespaces =
                mine.iter().filter_map(|process| fs::read_link(process.join("ns/net")).ok()).collect();
            Ok(self.said().contains("datagrams are lost") && self.namespaces.len() == WORKED_IN)
        });
        at_work.unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.namespaces, self.said()));
    }

    /// The processes that belong to it.
    fn processes(&self) -> Vec<PathBuf> {
        let id = self.child.id();
        let marks = [format!("--inside {id}"), format!("fieldpost-lab-{id}/")];
        let belongs = |process: &Path| {
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            marks.iter().any(|mark| line.contains(mark))
        };
        processes().filter(|process| belongs(process)).collect()
    }

    /// No process, no namespace, no mount, no file.
    fn assert_nothing_is_left(&self) {
        let cleared = wait_until(CLEARED, || {
            let mut used = processes().filter_map(|process| fs::read_link(process.join("ns/net")).ok());
            Ok(self.processes().is_empty() && !used.any(|namespace| self.namespaces.contains(&namespace)))
        });
        cleared.unwrap_or_else(|error| panic!("processes are left, {error}: {:?}", self.processes()));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let named = self.namespaces.iter().map(|namespace| namespace.display().to_string());
        for mark in named.chain(["lab-run".to_owned(), "lab-disk".to_owned()]) {
            assert!(!mounts.contains(&mark), "{mark} is still mounted:\n{mounts}");
        }
        assert!(!Path::new(&format!("/run/fieldpost-lab-{}", self.child.id())).exists());
        let files: Vec<_> = fs::read_dir(self.folder.path().join("tmp")).unwrap().collect();
        assert!(files.is_empty(), "{files:?}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // It has ended already unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().parse::<u32>().is_ok())
}

#[test]
fn whatever_breaks_every_acknowledged_reading_is_held_once() {
    let mut lab = Lab::start(&[]);
    lab.wait_for_the_faults();
    let status = lab.end();
    let (said, took) = (lab.said(), lab.began.elapsed());
    println!("{said}\nin {took:?}");
    assert!(status.success(), "{status}\n{said}");
    assert!(said.contains("acknowledged readings are held, once"), "{said}");
    assert!(said.contains("verify, while all goes on: "), "{said}");
    assert!(took < PROMISED, "{took:?}");
    lab.assert_nothing_is_left();
}

#[test]
fn a_reading_that_is_removed_by_hand_is_named() {
    let mut lab = Lab::start(&["--calm", "--spoil"]);
    let status = lab.end();
    let said = lab.said();
    assert_eq!(status.code(), Some(1), "{said}");
    let removed = said.lines().find_map(|line| line.split_once("removed by hand: ")).unwrap().1;
    assert!(said.contains(&format!("1 acknowledged and not held, such as {removed}")), "{said}");
    // Only now is something left on purpose, and it is said where.
    let kept = Path::new(said.lines().find_map(|line| line.split_once("are kept in ")).unwrap().1);
    assert!(kept.join("cloud/store.db").is_file() && kept.join("gateway-1.log").is_file(), "{kept:?}");
    fs::remove_dir_all(kept).unwrap();
    lab.assert_nothing_is_left();
}

#[test]
fn a_lab_that_breaks_off_prints_its_ledger_as_far_as_it_is_known() {
    let mut lab = Lab::start(&["--calm", "--break-off"]);
    let status = lab.end();
    let said = lab.said();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("broken off on purpose") && said.contains("NOT WELL"), "{said}");
    let device = said.lines().find(|line| line.starts_with("192.168.1.5")).unwrap();
    let held = device.split_whitespace().nth(4).unwrap();
    assert_ne!(held, "0", "{said}");
    let kept = Path::new(said.lines().find_map(|line| line.split_once("are kept in ")).unwrap().1);
    assert!(kept.join("cloud/store.db").is_file(), "{kept:?}");
    fs::remove_dir_all(kept).unwrap();
    lab.assert_nothing_is_left();
}

#[test]
fn a_lab_that_is_killed_leaves_nothing_behind() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT] {
        let mut lab = Lab::start(&[]);
        lab.wait_for_the_faults();
        kill(Pid::from_raw(i32::try_from(lab.child.id()).unwrap()), signal).unwrap();
        assert!(!lab.end().success());
        lab.assert_nothing_is_left();
    }
}

#[test]
fn without_its_tools_the_lab_says_what_to_install() {
    let output = Command::new(env!("CARGO_BIN_EXE_fieldpost-sim"))
        .args(["lab"])
        .env_remove("CARGO")
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("apt-get install"), "{said}");
}
