//! What the cloud holds, what is still at the gateway, and what was taken away.

use super::support::{Said, System, day};
use crate::common::fieldpost;
use std::path::PathBuf;

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
    let end = ["--to", "2019-01-08T02:00:00Z"];
    for said in [system.verify(&end), system.verify_store(&end)] {
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
    // The device owes more since.
    let end = ["--interval", "1h", "--to", "2026-07-02T12:00:00Z"];
    let said = system.verify(&end);
    said.expect(0, &["all 4 acknowledged readings are held", "8 readings are still at the gateway"]);
    assert_eq!(said.row("late", "2026-07-02"), ["4", "0", "0", "0", "0", "4", "0"]);
    let said = system.verify(&[&end[..], &["--device", "m"]].concat());
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
    let said = system.verify(&["--data", &system.path("second"), "--to", "2026-07-01T12:00:00Z"]);
    said.expect(0, &["all 4 acknowledged readings are held"]);
    assert_eq!(said.row("m", "2026-07-01")[..3], ["4", "4", "4"], "{}", said.1);
    system.lose("m", "2026-07-01T08:00:00Z");
    system.verify(&["--data", &system.path("second")]).expect(1, &["1 acknowledged reading is MISSING:"]);
}

#[test]
fn without_a_journal_it_counts_what_the_cloud_holds() {
    let system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.send("n 2026-07-01 08:00Z - 20 - 30%\n");
    system.drain();
    let mut command = fieldpost(&["verify", "--cloud", &system.url, "--time-zone", "Asia/Tokyo"]);
    command.args(["--to", "2026-07-01T12:00:00Z"]);
    let said = Said::of(command);
    said.expect(0, &["day (Asia/Tokyo)", "no journal was asked"]);
    assert_eq!(said.row("m", "2026-07-01"), ["4", "4", "-", "0", "0", "0", "0"]);
    assert_eq!(said.row("n", "2026-07-01")[0], "?", "one reading says nothing of an interval");
}
