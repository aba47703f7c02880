//! How it is asked, and in which form it answers.

use super::support::{Said, System, day};
use crate::common::{Running, fieldpost};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
};

#[test]
fn json_says_everything_and_is_one_object() {
    let mut system = System::start();
    system.send(&day("a:1", "2026-07-01"));
    system.send(&day("b", "2026-07-03"));
    system.drain();
    system.lose("b", "2026-07-03T09:00:00Z");
    let asked = ["--json", "--to", "2026-07-03T12:00:00Z"];
    for (said, api) in [(system.verify(&asked), true), (system.verify_store(&asked), false)] {
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
            let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\nConnection: close\r\n\r\n\x1b[2Jno";
            let _ = std::io::Write::write_all(stream.get_mut(), answer);
        }
    });
    for more in [&["--time-zone", "UTC"][..], &["--time-zone", "UTC", "--device", "m"]] {
        let mut command = fieldpost(&["verify", "--data", &system.path("gateway"), "--cloud", &url]);
        command.args(more);
        let said = Said::of(command);
        assert!(said.0 == 1 && said.2.contains("check --cloud"), "{}{}", said.1, said.2);
        assert!(!said.1.contains("MISSING"), "{}", said.1);
        assert!(!said.2.contains('\x1b'), "a stranger's escapes reach the terminal: {:?}", said.2);
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
fn a_store_of_an_earlier_version_is_named_and_so_is_the_way_to_bring_it_up_to_date() {
    let home = tempfile::tempdir().unwrap();
    let (data, store) = (home.path().to_str().unwrap(), home.path().join("store.db"));
    std::fs::write(&store, include_bytes!("../../../cloud/src/store/migrations/version-1.db")).unwrap();
    let verify = || Said::of(fieldpost(&["verify", "--store", store.to_str().unwrap()]));
    let said = verify();
    assert!(said.0 == 1 && said.2.contains("version 1") && said.2.contains("cloud --data"), "{}", said.2);
    assert!(!said.2.contains("no such"), "that is what SQLite says: {}", said.2);
    drop(Running::start(fieldpost(&["cloud", "--data", data, "--http", "127.0.0.1:0"]), "ready"));
    verify().expect(0, &["no journal was asked"]);
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
