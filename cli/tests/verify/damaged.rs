//! Surveys in a journal that cannot be trusted any more.

use super::support::{System, day};
use serde_json::Value;

#[test]
fn a_row_that_was_damaged_after_the_cloud_had_it_is_named_and_nothing_is_lost() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.send(&day("m", "2026-07-02"));
    system.drain();
    system.gateway = None;
    system.journal().execute("UPDATE surveys SET received = received + 1 WHERE seq = 2", []).unwrap();
    let said = system.verify(&[]);
    said.expect(
        0,
        &["all 4 acknowledged", "1 survey damaged in a journal after the cloud had", "survey 2 of "],
    );
    said.expect(0, &["of \"m\""]);
    let json: Value = serde_json::from_str(&system.verify(&["--json"]).1).unwrap();
    assert_eq!((&json["ok"], &json["damaged"]), (&true.into(), &Value::Array(Vec::new())), "{json}");
    assert_eq!(json["damaged_but_passed_on"][0]["seq"], 2, "{json}");
    // The same row, if the cloud would not have it, is nowhere else.
    system.journal().execute("INSERT INTO refused VALUES (2, 0, 'no', 1, NULL)", []).unwrap();
    let said = system.verify(&[]);
    said.expect(1, &["1 survey in a journal DAMAGED:", "survey 2 of "]);
    assert!(said.2.contains("damaged"), "{}", said.2);
}

#[test]
fn it_says_how_many_it_can_name_and_how_many_it_cannot() {
    let mut system = System::start();
    system.cloud = None;
    for number in 0..25 {
        system.send(&day(&format!("m{number}"), "2026-07-01"));
    }
    system.gateway = None;
    system.start_cloud();
    system.journal().execute("INSERT INTO refusals VALUES ('lost', 3)", []).unwrap();
    system.verify(&[]).expect(1, &["3 surveys in a journal DAMAGED:", "it has only counted them"]);
    system.journal().execute("UPDATE surveys SET received = received + 1", []).unwrap();
    let said = system.verify(&[]);
    said.expect(1, &["28 surveys in a journal DAMAGED:", "survey 20 of ", "and 5 more; --json names them"]);
    said.expect(1, &["and 3 more that were counted and cannot be named"]);
    let json: Value = serde_json::from_str(&system.verify(&["--json"]).1).unwrap();
    assert_eq!(json["damaged"].as_array().unwrap().len(), 25);
    assert_eq!(json["total"]["damaged"], 28);
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
