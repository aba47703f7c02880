//! `fieldpost demo` as a stranger runs it: one command, and real measurements arrive.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

const BIN: &str = env!("CARGO_BIN_EXE_fieldpost");

/// A demo that stays up; killed if the test ends without stopping it.
struct Demo {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Demo {
    /// Starts it on a free port. What is temporary goes into `temporary`.
    fn start(arguments: &[&str], temporary: &Path) -> Self {
        let mut child = Command::new(BIN)
            .args(["demo", "--http", "127.0.0.1:0", "--log", "error"])
            .args(arguments)
            .env("TMPDIR", temporary)
            .env("TZ", "UTC")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its stdout is a pipe"));
        Self { child, lines }
    }

    /// All that it prints up to the line that begins with `last`. A demo that ends earlier has failed.
    fn read_to(&mut self, last: &str) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let length = self.lines.read_line(&mut line).expect("its output is text");
            assert!(length > 0, "it ended before `{last}`, after:\n{text}");
            text.push_str(&line);
            if line.starts_with(last) {
                return text;
            }
        }
    }

    /// Tells it to stop as a service manager does, and waits for that.
    fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The numbers in the table's row of `device`.
fn row(text: &str, device: &str) -> Vec<u64> {
    let is_row =
        |line: &&str| line.split_whitespace().next() == Some(device) && line.split_whitespace().count() == 7;
    let line = text.lines().find(is_row).unwrap_or_else(|| panic!("no row of {device} in:\n{text}"));
    line.split_whitespace().skip(1).map(|cell| cell.parse().unwrap_or_default()).collect()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("the folder is there").next().is_none()
}

#[test]
fn the_demo_shows_the_day_then_holds_the_year_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut demo = Demo::start(&[], temporary.path());
    let day = demo.read_to("A real year");
    for line in ["192.168.1.2 - 08:00 - 20 - 30%", "192.168.1.5 - 23:00 - 20 - 32%"] {
        assert_eq!(day.lines().filter(|printed| *printed == line).count(), 1, "{day}");
    }
    assert_eq!(day.lines().filter(|line| line.ends_with('%')).count(), 16, "{day}");

    let year = demo.read_to("Ctrl-C");
    assert!(!year.lines().any(|line| line.ends_with('%')), "the year does not flood the console:\n{year}");
    // sent, new, duplicate, conflict, missing slots, held
    for (device, expected) in [
        ("192.168.1.3", [4, 4, 0, 0, 0, 4]),
        ("ithaca", [8426, 8426, 0, 0, 334, 8426]),
        ("dinosaur", [8757, 8757, 0, 0, 3, 8757]),
        ("mercury", [6343, 6343, 0, 0, 2417, 6343]),
        ("socorro", [8781, 8781, 0, 0, 3, 8781]),
    ] {
        assert_eq!(row(&year, device), expected, "{device} in:\n{year}");
    }
    assert!(year.contains("All 32323 readings sent are held"), "{year}");
    assert!(!is_empty(temporary.path()), "while it stays up, its store is there to look at");
    demo.stop();
    assert!(is_empty(temporary.path()), "its temporary folder is removed");
}

#[test]
fn a_second_demo_on_the_same_folder_adds_nothing_and_says_so() {
    let (temporary, data) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let folder = data.path().to_str().expect("its name is text");
    let mut first = Demo::start(&["--data", folder], temporary.path());
    first.read_to("Ctrl-C");
    first.stop();
    let mut second = Demo::start(&["--data", folder], temporary.path());
    let text = second.read_to("Ctrl-C");
    for (device, expected) in
        [("ithaca", [8426, 0, 8426, 0, 334, 8426]), ("mercury", [6343, 0, 6343, 0, 2417, 6343])]
    {
        assert_eq!(row(&text, device), expected, "{device} in:\n{text}");
    }
    assert!(text.contains("All 32323 readings sent are held"), "{text}");
    second.stop();
    assert!(data.path().join("cloud/store.db").is_file(), "what was asked to be kept is kept");
}

#[test]
fn a_demo_told_to_stop_in_the_middle_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut demo = Demo::start(&[], temporary.path());
    demo.read_to("A real year");
    demo.stop();
    assert!(is_empty(temporary.path()));
}
