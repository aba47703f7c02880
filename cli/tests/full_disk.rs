//! A gateway on a disk without a free byte: a small file system in memory, in a mount namespace of its own. Without one this
//! test fails; only to somebody who is not root, and may not make one, it says so and passes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may"
)]

use crate::common;

use common::Running;
use std::{
    fs::{self, File},
    net::UdpSocket,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

const ARRIVED: &str = "Surveys arrived";
const FULL: &str = "Surveys refused: disk full; try again later";
const PATIENCE: Duration = Duration::from_secs(20);

/// A shell in a namespace where `disk` is a file system of 2 MiB: it does `before`, and becomes a gateway on the disk's folder
/// `data`. None if nobody but root may have one here.
fn gateway(disk: &Path, udp: &str, before: &str) -> Option<Command> {
    let mut namespace = vec!["--mount"];
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        namespace.push("--map-root-user");
        let may = Command::new("unshare").args(&namespace).arg("true").status();
        if !may.is_ok_and(|status| status.success()) {
            println!("NOT TESTED: only root may have a small disk here");
            return None;
        }
    }
    let script = format!(
        "mount -t tmpfs -o size=2m test-disk \"$1\" && mkdir \"$1/data\" && cd \"$1\" && {before} exec \"$2\" gateway \
         --data \"$1/data\" --listen {udp} --cloud tcp://127.0.0.1:9 --min-free-disk 0 --time-zone UTC"
    );
    let mut command = Command::new("unshare");
    command.args(&namespace).args(["sh", "-c", &script, "sh"]);
    command.arg(disk).arg(env!("CARGO_BIN_EXE_fieldpost")).stdin(Stdio::null());
    Some(command)
}

/// Takes the last byte; the tools say that they could not take more.
const FILL: &str = "{ cat /dev/zero >filler 2>/dev/null; true; } &&";

fn free_port() -> String {
    format!("udp://{}", UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// Device `number` sends its survey until it is answered.
fn send(udp: &str, number: usize) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let text = format!("d{number} 2026-07-01 08:00Z - 20 - 30%\n");
    let (began, mut answer) = (Instant::now(), [0; 500]);
    loop {
        socket.send_to(text.as_bytes(), udp.trim_start_matches("udp://")).unwrap();
        if let Ok(length) = socket.recv(&mut answer) {
            return String::from_utf8_lossy(&answer[..length]).into_owned();
        }
        assert!(began.elapsed() < PATIENCE, "no answer");
    }
}

fn ends_and_names_the_full_disk(disk: &Path, before: &str) {
    let Some(mut command) = gateway(disk, "udp://127.0.0.1:0", before) else { return };
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    let last = said.lines().last().expect("it says why");
    for part in
        ["the disk is full", disk.join("data").to_str().unwrap(), "make room", "start the gateway again"]
    {
        assert!(last.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn a_gateway_that_has_no_room_to_begin_names_the_full_disk_and_the_way_out() {
    let disk = tempfile::tempdir().unwrap();
    ends_and_names_the_full_disk(disk.path(), FILL);
    // With a journal that was closed cleanly.
    let before = tempfile::tempdir().unwrap();
    let udp = free_port();
    let mut first =
        common::fieldpost(&["gateway", "--listen", &udp, "--cloud", "tcp://127.0.0.1:9", "--data"]);
    first.arg(before.path());
    let mut first = Running::start(first, "ready");
    assert_eq!(send(&udp, 0), ARRIVED);
    let pid = first.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(first.0.wait().unwrap().success());
    let copy = format!("cp {}/journal.db data && {FILL}", before.path().display());
    ends_and_names_the_full_disk(disk.path(), &copy);
}

#[test]
fn a_gateway_whose_disk_runs_full_says_so_to_the_meters_and_little_to_the_log_and_goes_on() {
    let (disk, udp) = (tempfile::tempdir().unwrap(), free_port());
    let log = tempfile::NamedTempFile::new().unwrap();
    let Some(mut command) = gateway(disk.path(), &udp, "") else { return };
    let stderr = File::options().append(true).open(log.path()).unwrap();
    let running = Running(command.stderr(stderr).stdout(Stdio::null()).spawn().unwrap());
    assert_eq!(send(&udp, 0), ARRIVED);
    // The disk as the gateway sees it.
    let place = PathBuf::from(format!("/proc/{}/root{}", running.0.id(), disk.path().display()));
    let fill = || {
        let zeros = vec![0; 4 << 20];
        let _ = fs::write(place.join("filler"), &zeros);
    };
    fill();
    for number in 1..400 {
        assert_eq!(send(&udp, number), FULL, "{number}");
        // What the gateway gives back somebody else takes, so that its writes really fail.
        if number % 50 == 0 {
            fill();
        }
    }
    fs::remove_file(place.join("filler")).unwrap();
    let began = Instant::now();
    while send(&udp, 1) != ARRIVED {
        assert!(began.elapsed() < PATIENCE, "it does not go on");
    }
    assert_eq!(send(&udp, 0), ARRIVED);
    let said = fs::read_to_string(log.path()).unwrap();
    let told = |what| said.lines().filter(|line| line.contains(what)).count();
    let (refused, failed) = (told("disk full: new surveys are refused"), told("nothing is taken until"));
    assert!(
        (1..=2).contains(&(refused + failed)) && refused <= 1 && failed <= 1,
        "each is told once:\n{said}"
    );
    assert!(said.lines().count() < 20, "{said}");
}
