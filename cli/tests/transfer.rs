//! `fieldpost export` and `fieldpost import` as people run them, between clouds that run, on real soil data.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "this file is a test")]

use fieldpost_cloud::{Origin, Store};
use fieldpost_core::{Moisture, Reading, Survey, Temperature, UtcInstant, Values, senml};
use rusqlite::{Connection, OpenFlags};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

fn fieldpost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// A cloud that is killed when the test ends, however it ends.
struct Cloud {
    child: Child,
    url: String,
    store: PathBuf,
}

impl Cloud {
    fn start(data: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = fieldpost(&["cloud", "--http", &address, "--time-zone", "UTC", "--data"]);
        let mut child = command.arg(data).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut all) = (String::new(), String::new());
        while !line.contains("ready") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended:\n{all}");
            all.push_str(&line);
        }
        // Somebody must go on reading, or the program would stand still at a full pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, url: format!("http://{address}"), store: data.join("store.db") }
    }

    /// All readings, one a line.
    fn held(&self) -> String {
        let store = Connection::open_with_flags(&self.store, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let sql = "SELECT group_concat(row, char(10)) FROM (
            SELECT name || ' ' || time || ' ' || ifnull(temperature, '-') || ' ' || ifnull(moisture, '-') AS row
            FROM readings JOIN devices ON devices.id = device ORDER BY name, time)";
        store.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).unwrap().unwrap_or_default()
    }

    /// The most memory that it has had, in KiB.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that must end by itself: its exit code, stdout and stderr.
fn ends(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("ended by a signal"), text(stdout), text(stderr))
}

fn import(cloud: &Cloud, more: &[&str]) -> (i32, String, String) {
    ends(fieldpost(&["import", "--cloud", &cloud.url]).args(more))
}

fn sample(name: &str) -> String {
    format!("{}/../samples/{name}.csv", env!("CARGO_MANIFEST_DIR"))
}

/// The export without its column of flags: those of a cloud that has just got the readings are not there yet.
fn without_flags(csv: &str) -> Vec<&str> {
    csv.lines().map(|line| line.rsplit_once(',').unwrap().0).collect()
}

#[test]
fn what_one_cloud_exports_another_imports_and_holds_the_same_once() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (Cloud::start(&home.path().join("one")), Cloud::start(&home.path().join("other")));
    let (code, said, errors) = import(&one, &[&sample("ithaca"), &sample("dinosaur")]);
    assert_eq!((code, errors.as_str()), (0, ""), "{said}");
    assert!(said.contains(" readings new, 0 duplicate, 0 in conflict"), "{said}");
    let file = home.path().join("soil.csv");
    let export = |cloud: &Cloud, to: &Path| {
        let done = ends(fieldpost(&["export", "--cloud", &cloud.url, "--output"]).arg(to));
        assert_eq!((done.0, done.1.as_str()), (0, ""), "{}", done.2);
        // Right after an import some readings have not been looked at.
        assert!(done.2.is_empty() || done.2.contains("have not been examined yet"), "{}", done.2);
        fs::read_to_string(to).unwrap()
    };
    let exported = export(&one, &file);
    assert!(!home.path().join("soil.csv.part").exists());
    let (code, said, errors) = import(&other, &[file.to_str().unwrap()]);
    assert_eq!((code, errors.as_str()), (0, ""), "{said}");
    assert!(one.held().lines().count() > 17_000);
    assert!(one.held() == other.held(), "both hold the same");
    assert_eq!(without_flags(&export(&other, &home.path().join("again.csv"))), without_flags(&exported));
    let (_, said, _) = import(&other, &[file.to_str().unwrap(), &sample("ithaca")]);
    assert!(said.contains(": 0 readings new, ") && said.contains(" 0 in conflict"), "{said}");
    // The folder alone says the same, while the cloud runs and once it has been killed.
    let data = home.path().join("one");
    let read = || {
        let (code, said, errors) = ends(fieldpost(&["export", "--data"]).arg(&data));
        assert!(code == 0 && without_flags(&said) == without_flags(&exported), "{errors}");
    };
    read();
    drop(one);
    read();
}

/// Of a folder that somebody only wants to read: nothing is started there, so nothing is judged, delivered or let go of.
#[test]
fn a_folder_is_exported_without_changing_it_and_whatever_accounts_it_has() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("store.db");
    fill(&store);
    let sql = "INSERT INTO users (name, role, password, created) VALUES ('ada', 'administrator', 'x', 1);
        INSERT INTO settings VALUES ('keep_days', 40), ('kept_from', 1600000000000);
        DELETE FROM unexamined; INSERT INTO unexamined SELECT id, first_time, last_time, 1 FROM devices WHERE name = 'm7'";
    Connection::open(&store).unwrap().execute_batch(sql).unwrap();
    let before = fs::read(&store).unwrap();
    let export = |more: &[&str]| ends(fieldpost(&["export", "--data"]).arg(home.path()).args(more));
    let (code, said, errors) = export(&["--devices", "m7,m8", "--to", "2018-01-01"]);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("readings of 1 devices have not been examined yet"), "{errors}");
    assert!(said.starts_with("device,time,temperature_c,moisture_pct,flags\nm7,2017-"), "{}", &said[..100]);
    assert_eq!(export(&["--devices", "m8"]).2, "");
    for format in ["parquet", "ismn", "senml"] {
        let file = home.path().join(format);
        assert_eq!(export(&["--format", format, "--output", file.to_str().unwrap()]).0, 0);
        assert!(fs::metadata(file).unwrap().len() > 1_000_000, "{format}");
    }
    let (code, _, errors) = export(&["--devices", "m7,nobody"]);
    assert!(code == 1 && errors.contains("no device has the id nobody"), "{errors}");
    assert!(before == fs::read(&store).unwrap(), "the store is as it was");
    // One of an earlier version is not brought up to date by somebody who only reads.
    let old = include_bytes!("../../cloud/src/store/migrations/version-1.db");
    fs::write(&store, old).unwrap();
    let (code, _, errors) = export(&[]);
    assert!(code == 1 && errors.contains("start the cloud once"), "{errors}");
    assert!(fs::read(&store).unwrap() == old);
}

/// Answers every request with `answer`, and says what was asked.
fn answering(answer: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let (asked, heard) = std::sync::mpsc::channel();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while stream.read_line(&mut head).unwrap() > 2 {}
            for line in head.to_lowercase().lines() {
                length =
                    line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            asked.send(head).unwrap();
            let length = answer.len();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            stream.get_mut().write_all([head.as_str(), answer].concat().as_bytes()).unwrap();
        }
    });
    (format!("http://{address}"), heard)
}

#[test]
fn a_token_is_read_from_a_file_and_shown() {
    let home = tempfile::tempdir().unwrap();
    let (token, file) = (home.path().join("token"), home.path().join("soil.csv"));
    fs::write(&token, "fp_0123\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "device,time,temperature_c,moisture_pct\nm1,2026-07-01T22:00:00Z,20,30\n").unwrap();
    let (token, file) = (token.to_str().unwrap(), file.to_str().unwrap());
    let (url, asked) = answering(r#"{"new":1,"duplicate":0,"conflict":0,"expired":2}"#);
    let (code, said, errors) =
        ends(&mut fieldpost(&["import", file, "--cloud", &url, "--token-file", token]));
    assert_eq!((code, errors.as_str()), (0, ""));
    let sum =
        "1 surveys: 1 readings new, 0 duplicate, 0 in conflict, 2 expired (older than the cloud keeps)\n";
    assert_eq!(said, sum);
    assert!(asked.recv().unwrap().contains("authorization: Bearer fp_0123\r\n"));
    assert_eq!(ends(&mut fieldpost(&["export", "--cloud", &url, "--token-file", token])).0, 0);
    assert!(asked.recv().unwrap().contains("authorization: Bearer fp_0123\r\n"));
    let mut both = fieldpost(&["export", "--cloud", &url, "--token-file", token]);
    assert_eq!(ends(both.env("FIELDPOST_TOKEN", "fp_4567")).0, 2, "which one?");
    assert_eq!(ends(fieldpost(&["export", "--cloud", &url]).env("FIELDPOST_TOKEN", "fp_4567")).0, 0);
    assert!(asked.recv().unwrap().contains("authorization: Bearer fp_4567\r\n"));
}

#[test]
fn a_bad_line_is_named_nothing_of_its_day_is_sent_and_the_rest_is() {
    let home = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(&home.path().join("data"));
    let file = home.path().join("three-days.csv");
    let bad = "device,time,temperature_c,moisture_pct\n\
               m1,2026-07-01T22:00:00Z,20,30\nm1,2026-07-01T23:00:00Z,20,30\n\
               m1,2026-07-02T00:00:00Z,20,30\nm1,2026-07-02T01:00:00Z,warm,30\n\
               m1,2026-07-03T01:00:00Z,20,30\n";
    fs::write(&file, bad).unwrap();
    let gone = home.path().join("gone.csv");
    let (code, _, errors) = import(&cloud, &[gone.to_str().unwrap(), file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(errors.contains("three-days.csv: line 5: ") && errors.contains("`warm`"), "{errors}");
    assert!(errors.contains("gone.csv: cannot be read") && errors.contains("2 faults"), "{errors}");
    assert_eq!(cloud.held().lines().count(), 3);
    fs::write(&file, bad.replace("warm", "21")).unwrap();
    let (code, said, _) = import(&cloud, &[file.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (0, "3 surveys: 2 readings new, 3 duplicate, 0 in conflict\n"));
    // What the cloud refuses, a day in the future say, is named too, and does not keep the others back.
    fs::write(
        &file,
        format!(
            "{}m2,2026-07-01T00:00:00Z,1,\n",
            bad.replace("2026-07-03", "2926-07-03").replace("warm", "21")
        ),
    )
    .unwrap();
    let (code, _, errors) = import(&cloud, &[file.to_str().unwrap()]);
    assert!(code == 1 && errors.contains("lines 6 to 6, m1 on 2926-07-03: the cloud refuses it"), "{errors}");
    assert_eq!(cloud.held().lines().count(), 6);
}

/// Lines of NOAA's file as they are.
const USCRN: &str = concat!(
    "64758 20190101 0100 20181231 2000  2.622  -76.25   42.44     3.1     2.8     3.1     2.5     1.",
    "7      0 0      0 0      0 0 C     2.1 0     2.4 0     1.9 0    89 0   0.409   0.392   0.390   ",
    "0.369   0.365     1.1     1.3     1.8     2.8     4.3\n",
);

#[test]
fn a_uscrn_station_file_is_recognised_and_its_probe_chosen() {
    let home = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(&home.path().join("data"));
    let file = home.path().join("CRNH0203-2019-NY_Ithaca_13_E.txt");
    fs::write(&file, USCRN).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(import(&cloud, &[file]).0, 0);
    assert_eq!(import(&cloud, &[file, "--device", "ithaca-100", "--depth", "100", "--format", "uscrn"]).0, 0);
    assert_eq!(cloud.held(), "64758 1546304400000 110 4090\nithaca-100 1546304400000 430 3650");
    let (code, _, errors) = import(&cloud, &[file, "--format", "csv"]);
    assert!(code == 1 && errors.contains("line 1: this is no CSV of ours"), "{errors}");
    let (code, _, errors) =
        import(&cloud, &["/dev/null", &format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"))]);
    assert!(code == 1 && errors.contains("Cargo.toml: line 1: neither"), "{errors}");
}

#[test]
fn an_export_that_cannot_be_made_leaves_no_file() {
    let home = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(&home.path().join("data"));
    let file = home.path().join("none.csv");
    let said =
        |arguments: &[&str]| ends(fieldpost(&["export", "-o", file.to_str().unwrap()]).args(arguments));
    let (code, _, errors) = said(&["--cloud", &cloud.url, "--devices", "nobody"]);
    assert!(code == 1 && errors.contains("no device has the id nobody"), "{errors}");
    let (code, _, errors) = said(&["--data", home.path().join("elsewhere").to_str().unwrap()]);
    assert!(code == 1 && errors.contains("elsewhere/store.db is not there"), "{errors}");
    assert!(!home.path().join("elsewhere").exists(), "nothing is made there");
    assert_eq!(said(&["--cloud", &cloud.url, "--from", "yesterday"]).0, 2);
    assert!(!file.exists() && !home.path().join("none.csv.part").exists());
}

#[test]
fn p6_a_million_readings_are_exported_in_memory_that_does_not_grow_with_them() {
    // Of a Parquet row group, its columns and what the library makes of them; a CSV needs far less.
    const MOST_KIB: u64 = 64 * 1024;
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("data")).unwrap();
    fill(&home.path().join("data/store.db"));
    let cloud = Cloud::start(&home.path().join("data"));
    let before = cloud.peak();
    for format in ["csv", "senml", "ismn", "parquet"] {
        let file = home.path().join(format);
        let arguments = ["export", "--cloud", &cloud.url, "--format", format, "--output"];
        assert_eq!(ends(fieldpost(&arguments).arg(&file)).0, 0);
        let (peak, length) = (cloud.peak(), fs::metadata(&file).unwrap().len());
        println!("{format}: {length} bytes, at most {} KiB more than before", peak - before);
        assert!(peak - before < MOST_KIB, "{format}: {peak} KiB, before {before} KiB");
    }
}

/// A million hourly readings.
fn fill(path: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(path).unwrap();
        for device in 0..100_i64 {
            let reading = |n: i64| Reading {
                time: UtcInstant::from_millis((420_000 + n) * 3_600_000),
                values: Values::new(
                    Temperature::from_hundredths((n * 37 + device) % 4_000 - 500),
                    Moisture::from_hundredths((n * 11 + device) % 5_000),
                )
                .unwrap(),
            };
            let survey = Survey {
                device: format!("m{device}").parse().unwrap(),
                readings: (0..10_000).map(reading).collect(),
            };
            let pack = senml::pack([senml::encode_records(&survey, None).as_slice()]);
            let origin = Origin { gateway: "test".into(), time_zone: None, custody: None };
            store.ingest_cbor(pack.into(), "2030-01-01T00:00:00Z".parse().unwrap(), origin).await.unwrap();
        }
        store.close().await;
    });
}
