//! A gateway and a cloud that run, and what `fieldpost verify` says of them.

use crate::common::{Running, fieldpost};
use rusqlite::Connection;
use serde_json::Value;
use std::{
    net::{TcpListener, UdpSocket},
    process::{Command, Output},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway and a cloud, each with a folder and a port of its own.
pub(crate) struct System {
    home: tempfile::TempDir,
    pub(crate) url: String,
    pub(crate) udp: String,
    pub(crate) cloud: Option<Running>,
    pub(crate) gateway: Option<Running>,
}

/// A verification: its exit code, stdout and stderr.
pub(crate) struct Said(pub(crate) i32, pub(crate) String, pub(crate) String);

impl Said {
    pub(crate) fn of(mut command: Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self(status.code().expect("ended by a signal"), text(stdout), text(stderr))
    }

    /// It ended with `code`, and its report has all these parts.
    pub(crate) fn expect(&self, code: i32, parts: &[&str]) {
        let Self(found, out, err) = self;
        assert_eq!(*found, code, "{out}\n{err}");
        for part in parts {
            assert!(out.contains(part), "`{part}` is not in:\n{out}\n{err}");
        }
    }

    /// The columns of the line that starts with these two words.
    pub(crate) fn row(&self, device: &str, day: &str) -> Vec<String> {
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
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (url, udp) = (format!("http://{http}"), format!("udp://{udp}"));
        let mut system = Self { home, url, udp, cloud: None, gateway: None };
        system.start_cloud();
        system.start_gateway();
        system
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn start_cloud(&mut self) {
        let (data, http) = (self.path("cloud"), self.url.trim_start_matches("http://"));
        let arguments = ["cloud", "--http", http, "--time-zone", "UTC", "--data", &data];
        self.cloud = Some(Running::start(fieldpost(&arguments), "ready"));
    }

    pub(crate) fn start_gateway(&mut self) {
        let (data, udp, url) = (self.path("gateway"), &self.udp, &self.url);
        let arguments = ["gateway", "--listen", udp, "--cloud", url, "--time-zone", "UTC", "--data", &data];
        self.gateway = Some(Running::start(fieldpost(&arguments), "ready"));
    }

    /// Sends a datagram until the gateway has answered that it is safe.
    pub(crate) fn send(&self, text: &str) {
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
    pub(crate) fn drain(&self) {
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

    pub(crate) fn journal(&self) -> Connection {
        Connection::open(self.path("gateway/journal.db")).unwrap()
    }

    pub(crate) fn store(&self) -> Connection {
        Connection::open(self.path("cloud/store.db")).unwrap()
    }

    /// Takes a reading out of the store, while the cloud is stopped.
    pub(crate) fn lose(&mut self, device: &str, time: &str) {
        self.cloud = None;
        let sql = "DELETE FROM readings WHERE device = (SELECT id FROM devices WHERE name = ?1)
             AND time = unixepoch(?2) * 1000";
        assert_eq!(self.store().execute(sql, (device, time)).unwrap(), 1);
        self.start_cloud();
    }

    pub(crate) fn verify(&self, more: &[&str]) -> Said {
        let mut command = fieldpost(&["verify", "--data", &self.path("gateway"), "--cloud", &self.url]);
        command.args(more);
        Said::of(command)
    }

    pub(crate) fn verify_store(&self, more: &[&str]) -> Said {
        let store = self.path("cloud/store.db");
        let mut command = fieldpost(&["verify", "--data", &self.path("gateway"), "--store", &store]);
        command.args(more);
        Said::of(command)
    }
}

/// Four hours of a day.
pub(crate) fn day(device: &str, date: &str) -> String {
    let line = |hour: u32| format!("{device} {date} {:02}:00Z - {}.5 - 30%\n", 8 + hour, 20 + hour);
    (0..4).map(line).collect()
}
