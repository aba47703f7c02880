//! `fieldpost verify` as an operator runs it, beside a gateway and a cloud that run; and what it says when somebody has taken a
//! reading away by hand.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "this file is a test")]

use rusqlite::Connection;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn fieldpost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// A program that is killed when the test ends, however it ends.
struct Running(Child);

impl Running {
    /// Starts a command and waits until its log says `ready`.
    fn start(arguments: &[&str]) -> Self {
        let mut command = fieldpost(arguments);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut all) = (String::new(), String::new());
        while !line.contains("ready") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended:\n{all}");
            all.push_str(&line);
        }
        // Somebody must go on reading, or the program would stand still at a full pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A gateway and a cloud, each with a folder and a port of its own.
struct System {
    home: tempfile::TempDir,
    url: String,
    udp: String,
    cloud: Option<Running>,
    gateway: Option<Running>,
}

/// A verification: its exit code, stdout and stderr.
struct Said(i32, String, String);

impl Said {
    fn of(mut command: Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self(status.code().expect("ended by a signal"), text(stdout), text(stderr))
    }

    /// It ended with `code`, and its report has all these parts.
    fn expect(&self, code: i32, parts: &[&str]) {
        let Self(found, out, err) = self;
        assert_eq!(*found, code, "{out}\n{err}");
        for part in parts {
            assert!(out.contains(part), "`{part}` is not in:\n{out}\n{err}");
        }
    }

    /// The columns of the line that starts with these two words.
    fn row(&self, device: &str, day: &str) -> Vec<String> {
        let line = self.1.lines().find(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            if device.is_empty() { words.first() == Some(&day) } else { words.starts_with(&[device, day]) }
        });
        let line = line.unwrap_or_else(|| panic!("no row of {device} {day} in:\n{}", self.1));
        let skip = if device.is_empty() { 1 } else { 2 };
        line.split_whitespace().skip(skip).map(str::to_owned).collect()
    }
}

impl System {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (url, udp) = (format!("http://{http}"), format!("udp://{udp}"));
        let mut system = Self { home, url, udp, cloud: None, gateway: None };
        system.start_cloud();
        system.start_gateway();
        system
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn start_cloud(&mut self) {
        let (data, http) = (self.path("cloud"), self.url.trim_start_matches("http://"));
        self.cloud = Some(Running::start(&["cloud", "--http", http, "--time-zone", "UTC", "--data", &data]));
    }

    fn start_gateway(&mut self) {
        let (data, udp, url) = (self.path("gateway"), &self.udp, &self.url);
        let arguments = ["gateway", "--listen", udp, "--cloud", url, "--time-zone", "UTC", "--data", &data];
        self.gateway = Some(Running::start(&arguments));
    }

    /// Sends a datagram until the gateway has answered that it is safe.
    fn send(&self, text: &str) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let began = Instant::now();
        let mut answer = [0; 500];
        loop {
            socket.send_to(text.as_bytes(), self.udp.trim_start_matches("udp://")).unwrap();
            if let Ok(length) = socket.recv(&mut answer) {
                return assert_eq!(String::from_utf8_lossy(&answer[..length]), "Surveys arrived");
            }
            assert!(began.elapsed() < PATIENCE, "no answer");
        }
    }

    /// Waits until the cloud has acknowledged everything in the journal.
    fn drain(&self) {
        let began = Instant::now();
        let waiting = || {
            let status =
                fieldpost(&["gateway", "status", "--json", "--data", &self.path("gateway")]).output();
            let status: Value = serde_json::from_slice(&status.unwrap().stdout).unwrap();
            status["waiting_surveys"].as_u64().unwrap()
        };
        while waiting() > 0 {
            assert!(began.elapsed() < PATIENCE, "the journal does not drain");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn journal(&self) -> Connection {
        Connection::open(self.path("gateway/journal.db")).unwrap()
    }

    fn store(&self) -> Connection {
        Connection::open(self.path("cloud/store.db")).unwrap()
    }

    /// Takes a reading out of the store, while the cloud is stopped.
    fn lose(&mut self, device: &str, time: &str) {
        self.cloud = None;
        let sql = "DELETE FROM readings WHERE device = (SELECT id FROM devices WHERE name = ?1)
             AND time = unixepoch(?2) * 1000";
        assert_eq!(self.store().execute(sql, (device, time)).unwrap(), 1);
        self.start_cloud();
    }

    fn verify(&self, more: &[&str]) -> Said {
        let mut command = fieldpost(&["verify", "--data", &self.path("gateway"), "--cloud", &self.url]);
        command.args(more);
        Said::of(command)
    }

    fn verify_store(&self, more: &[&str]) -> Said {
        let store = self.path("cloud/store.db");
        let mut command = fieldpost(&["verify", "--data", &self.path("gateway"), "--store", &store]);
        command.args(more);
        Said::of(command)
    }
}

/// Four hours of a day.
fn day(device: &str, date: &str) -> String {
    let line = |hour: u32| format!("{device} {date} {:02}:00Z - {}.5 - 30%\n", 8 + hour, 20 + hour);
    (0..4).map(line).collect()
}

#[test]
fn a_real_week_is_all_held_and_one_reading_taken_away_is_named() {
    let mut system = System::start();
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../samples/ithaca.csv");
    let week: String = std::fs::read_to_string(sample).unwrap().split_inclusive('\n').take(170).collect();
    std::fs::write(system.path("week.csv"), week).unwrap();
    let replay = system.path("week.csv");
    let device =
        fieldpost(&["device", "--id", "ithaca", "--gateway", &system.udp, "--replay", &replay]).output();
    assert!(device.unwrap().status.success());
    system.drain();
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(0, &["all 169 acknowledged readings are held"]);
        assert_eq!(said.row("ithaca", "2019-01-01..2019-01-08"), ["169", "169", "0", "0", "0", "0", "0"]);
    }

    system.lose("ithaca", "2019-01-03T04:00:00Z");
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(1, &["1 acknowledged reading is MISSING:", "ithaca - 2019-01-03T04:00:00Z - "]);
        assert!(said.1.contains("of ") && said.1.contains("gateway)"), "{}", said.1);
        assert!(said.2.contains("1 acknowledged reading is MISSING"), "{}", said.2);
        assert_eq!(said.row("", "2019-01-03"), ["24", "23", "0", "0", "0", "0", "1"]);
    }
    system.verify(&["--to", "2019-01-03"]).expect(0, &["all 47 acknowledged"]);
    system
        .verify(&["--from", "2019-01-03T04:00:00Z", "--to", "2019-01-03T05:00:00Z"])
        .expect(1, &["That is all"]);
    system.verify(&["--device", "other"]).expect(0, &["no acknowledged readings"]);
}

#[test]
fn what_is_still_at_the_gateway_is_not_missing() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.drain();
    system.cloud = None;
    system.send(&day("m", "2026-07-02"));
    system.send(&day("late", "2026-07-02"));
    system.gateway = None;
    system.start_cloud();
    let said = system.verify(&["--interval", "1h"]);
    said.expect(0, &["all 4 acknowledged readings are held", "8 readings are still at the gateway"]);
    assert_eq!(said.row("late", "2026-07-02"), ["4", "0", "0", "0", "0", "4", "0"]);
    let said = system.verify(&["--interval", "1h", "--device", "m"]);
    assert_eq!(said.row("", "2026-07-02"), ["12", "0", "0", "0", "0", "4", "0"]);
    assert_eq!(said.row("m", "2026-07-01..2026-07-02"), ["28", "4", "0", "0", "0", "4", "0"]);
}

#[test]
fn what_the_cloud_refused_is_told_with_its_reason() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.send(&day("m", "2026-07-02"));
    system.drain();
    (system.gateway, system.cloud) = (None, None);
    system.journal().execute("INSERT INTO refused VALUES (2, 0, 'record 3: no', 1, NULL)", []).unwrap();
    let sql = "DELETE FROM readings WHERE time >= unixepoch('2026-07-02') * 1000";
    assert_eq!(system.store().execute(sql, []).unwrap(), 4);
    system.start_cloud();
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(0, &["all 4 acknowledged", "4 readings are in surveys that the cloud refused"]);
        said.expect(0, &["refused: survey 2 of ", "record 3: no"]);
        assert_eq!(said.row("", "2026-07-02")[4], "4", "{}", said.1);
    }
}

#[test]
fn conflicts_and_filled_in_values_are_held_and_a_lost_conflict_is_named() {
    let system = System::start();
    // Two values in one survey, then a copy with another day's reading, another value, and the one that was missing.
    system.send(
        "m 2026-07-01 08:00Z - 20 - 30%\nm 2026-07-01 08:00Z - 21 - 30%\nm 2026-07-01 09:00Z - 5 - -%\n",
    );
    system.send("m 2026-07-01 08:00Z - 20 - 30%\nm 2026-07-01 10:00Z - 6 - 30%\n");
    system.send("m 2026-07-01 08:00Z - 22 - 30%\nm 2026-07-01 09:00Z - 5 - 31%\n");
    system.drain();
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(0, &["all 6 acknowledged readings are held"]);
        assert_eq!(said.row("m", "2026-07-01")[..4], ["3", "3", "1", "2"], "{}", said.1);
    }
    assert_eq!(system.store().execute("DELETE FROM conflicts WHERE temperature = 2100", []).unwrap(), 1);
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(1, &["m - 2026-07-01T08:00:00Z - 21 - 30% (survey 1 of ", "; held is 20 - 30%)"]);
    }
    // Nine values of one reading: the cloud records eight of them, so nobody can tell of the ninth.
    for temperature in 30..40 {
        system.send(&format!("n 2026-07-01 08:00Z - {temperature} - 30%\n"));
    }
    system.drain();
    system.verify(&["--device", "n"]).expect(0, &["all 9 acknowledged", "1 reading contradict"]);
}

#[test]
fn a_thousand_conflicts_and_more_are_all_seen_by_the_api() {
    let system = System::start();
    for value in [20, 21, 22] {
        for part in 0..6 {
            let line = |n: u32| {
                let (hour, minute) = ((part * 100 + n) / 60, (part * 100 + n) % 60);
                format!("m 2026-07-01 {hour:02}:{minute:02}Z - {value} - 30%\n")
            };
            system.send(&(0..100).map(line).collect::<String>());
        }
    }
    system.drain();
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(0, &["all 1,800 acknowledged readings are held"]);
        assert_eq!(said.row("m", "2026-07-01")[..4], ["600", "600", "0", "1200"], "{}", said.1);
    }
}

#[test]
fn a_damaged_row_is_named() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.send(&day("m", "2026-07-02"));
    system.drain();
    system.gateway = None;
    system.journal().execute("UPDATE surveys SET received = received + 1 WHERE seq = 2", []).unwrap();
    let said = system.verify(&[]);
    said.expect(1, &["all 4 acknowledged", "1 survey in a journal DAMAGED:", "survey 2 of ", "of \"m\""]);
    assert!(said.2.contains("damaged"), "{}", said.2);
}

#[test]
fn a_row_that_the_gateway_itself_found_damaged_and_never_passed_on_is_named() {
    let mut system = System::start();
    system.cloud = None;
    system.send(&day("m", "2026-07-01"));
    system.send(&day("m", "2026-07-02"));
    system.gateway = None;
    system.journal().execute("UPDATE surveys SET received = received + 1 WHERE seq = 1", []).unwrap();
    system.start_cloud();
    system.start_gateway();
    system.drain();
    system.verify(&[]).expect(1, &["all 4 acknowledged", "1 survey in a journal DAMAGED:", "survey 1 of "]);
}

#[test]
fn what_the_journal_has_let_go_of_is_not_missed() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.send(&day("m", "2026-07-02"));
    system.drain();
    system.gateway = None;
    assert_eq!(system.journal().execute("DELETE FROM surveys WHERE seq = 1", []).unwrap(), 1);
    system.lose("m", "2026-07-01T08:00:00Z");
    system.verify(&[]).expect(0, &["all 4 acknowledged readings are held"]);
}

#[test]
fn of_two_gateways_with_the_same_surveys_each_reading_counts_once() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.drain();
    system.gateway = None;
    std::fs::create_dir(system.path("second")).unwrap();
    std::fs::copy(system.path("gateway/journal.db"), system.path("second/journal.db")).unwrap();
    for file in ["journal.db-wal", "journal.db-shm"] {
        let _ =
            std::fs::copy(system.path(&format!("gateway/{file}")), system.path(&format!("second/{file}")));
    }
    let said = system.verify(&["--data", &system.path("second")]);
    said.expect(0, &["all 4 acknowledged readings are held"]);
    assert_eq!(said.row("m", "2026-07-01")[..3], ["4", "4", "4"], "{}", said.1);
    system.lose("m", "2026-07-01T08:00:00Z");
    system.verify(&["--data", &system.path("second")]).expect(1, &["1 acknowledged reading is MISSING:"]);
}

#[test]
fn json_says_everything_and_is_one_object() {
    let mut system = System::start();
    system.send(&day("a:1", "2026-07-01"));
    system.send(&day("b", "2026-07-03"));
    system.drain();
    system.lose("b", "2026-07-03T09:00:00Z");
    for (said, api) in [(system.verify(&["--json"]), true), (system.verify_store(&["--json"]), false)] {
        said.expect(1, &[]);
        let json: Value = serde_json::from_str(&said.1).unwrap();
        assert_eq!(json["ok"], false, "{json}");
        assert_eq!(json["time_zone"], "UTC");
        assert_eq!(json["total"]["acknowledged"], 8);
        assert_eq!(json["total"]["missing"], 1);
        let ids: Vec<&str> =
            json["devices"].as_array().unwrap().iter().map(|one| one["device"].as_str().unwrap()).collect();
        assert_eq!(ids, ["a:1", "b"], "api: {api}");
        let b = &json["devices"][1];
        assert_eq!(b["interval_ms"], 3_600_000);
        assert_eq!(b["days"][0]["day"], "2026-07-03");
        assert_eq!((&b["days"][0]["due"], &b["days"][0]["held"]), (&4.into(), &3.into()));
        let missing = &b["missing"][0];
        assert_eq!((&missing["time"], &missing["seq"]), (&"2026-07-03T09:00:00Z".into(), &2.into()));
        assert_eq!(missing["values"]["temperature_c"], 21.5);
        assert_eq!(missing["held"], Value::Null);
    }
}

#[test]
fn without_a_journal_it_counts_what_the_cloud_holds() {
    let system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.send("n 2026-07-01 08:00Z - 20 - 30%\n");
    system.drain();
    let said = Said::of(fieldpost(&["verify", "--cloud", &system.url, "--time-zone", "Asia/Tokyo"]));
    said.expect(0, &["day (Asia/Tokyo)", "no journal was asked"]);
    assert_eq!(said.row("m", "2026-07-01"), ["4", "4", "-", "0", "0", "0", "0"]);
    assert_eq!(said.row("n", "2026-07-01")[0], "?", "one reading says nothing of an interval");
}

#[test]
fn a_cloud_that_cannot_be_asked_is_an_error_and_nothing_is_called_missing() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.drain();
    system.cloud = None;
    let said = system.verify(&[]);
    said.expect(1, &[]);
    assert!(said.2.contains(&system.url) && said.2.contains("is it running"), "{}", said.2);
    assert!(!said.1.contains("MISSING") && !said.2.contains("MISSING"), "{}{}", said.1, said.2);
    // Another web server, which knows no devices either.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", other.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in other.incoming().map_while(Result::ok) {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
            let _ = std::io::Write::write_all(stream.get_mut(), answer);
        }
    });
    for more in [&["--time-zone", "UTC"][..], &["--time-zone", "UTC", "--device", "m"]] {
        let mut command = fieldpost(&["verify", "--data", &system.path("gateway"), "--cloud", &url]);
        command.args(more);
        let said = Said::of(command);
        assert!(said.0 == 1 && said.2.contains("check --cloud"), "{}{}", said.1, said.2);
        assert!(!said.1.contains("MISSING"), "{}", said.1);
    }
}

#[test]
fn bad_arguments_are_usage_and_missing_files_are_named() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    for arguments in [
        &["verify"][..],
        &["verify", "--data", folder],
        &["verify", "--cloud", "tcp://127.0.0.1:1"],
        &["verify", "--cloud", "http://127.0.0.1:1", "--store", "x"],
        &["verify", "--cloud", "http://127.0.0.1:1", "--from", "yesterday"],
        &["verify", "--cloud", "http://127.0.0.1:1", "--interval", "0s"],
        &["verify", "--cloud", "http://127.0.0.1:1", "--device", "a b"],
        &["verify", "--cloud", "http://127.0.0.1:1", "--time-zone", "Mars/Base"],
    ] {
        assert_eq!(Said::of(fieldpost(arguments)).0, 2, "{arguments:?}");
    }
    let said = Said::of(fieldpost(&["verify", "--data", folder, "--cloud", "http://127.0.0.1:1"]));
    assert!(said.0 == 1 && said.2.contains("no journal") && said.2.contains(folder), "{}", said.2);
    let said = Said::of(fieldpost(&["verify", "--store", &format!("{folder}/store.db")]));
    assert!(said.0 == 1 && said.2.contains("store.db") && said.2.contains("--store"), "{}", said.2);
}

#[test]
fn settings_come_from_the_configuration_too() {
    let system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.drain();
    let file = system.path("fieldpost.toml");
    let (data, url) = (system.path("gateway"), &system.url);
    std::fs::write(&file, format!("[verify]\ndata = [\"{data}\"]\ncloud = \"{url}\"\n")).unwrap();
    Said::of(fieldpost(&["verify", "--config", &file])).expect(0, &["all 4 acknowledged readings are held"]);
    let store = system.path("cloud/store.db");
    let said = Said::of(fieldpost(&["verify", "--config", &file, "--store", &store]));
    said.expect(0, &["all 4 acknowledged readings are held"]);
}
