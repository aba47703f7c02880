//! What the cloud has let go of by age.

use super::support::{System, day};
use jiff::{Timestamp, ToSpan};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

#[test]
fn what_was_let_go_of_by_age_is_counted_by_itself_and_not_missing() {
    let mut system = System::start();
    let recent = (Timestamp::now() - 48.hours()).strftime("%Y-%m-%d").to_string();
    system.send(&day("m", "2026-01-01"));
    system.send(&day("m", &recent));
    system.drain();
    system.cloud = None;
    let from = (Timestamp::now() - (40 * 24).hours()).as_millisecond();
    let store = system.store();
    store.execute("INSERT INTO settings VALUES ('keep_days', 40), ('kept_from', ?1)", [from]).unwrap();
    system.start_cloud();
    let began = Instant::now();
    let held = || store.query_row("SELECT count(*) FROM readings", [], |row| row.get::<_, i64>(0)).unwrap();
    while held() > 4 {
        assert!(began.elapsed() < Duration::from_secs(20), "{} are still there", held());
        std::thread::sleep(Duration::from_millis(20));
    }
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(
            0,
            &["all 4 acknowledged readings are held", "4 readings are older than the cloud keeps them"],
        );
    }
    keep_all(&system);
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(0, &["all 4 acknowledged readings are held", "4 readings are older"]);
    }
    system.lose("m", &format!("{recent}T09:00:00Z"));
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(1, &["1 acknowledged reading is MISSING", "4 readings are older"]);
    }
}

/// Says that everything is kept from now on: what is gone does not come back by that.
fn keep_all(system: &System) {
    let mut stream = TcpStream::connect(system.url.trim_start_matches("http://")).unwrap();
    let body = r#"{"keep_days":null}"#;
    let head = "PUT /api/v1/retention HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
