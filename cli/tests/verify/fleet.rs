//! Many gateways and devices, several zones, and what only gateways can tell.

use super::support::{System, day};
use serde_json::Value;

#[test]
fn a_day_is_its_site_s_however_many_pages_of_gateways_and_devices_there_are() {
    let mut system = System::start();
    system.send("m 2026-07-01 22:30Z - 20 - 30%\n");
    system.send("n 2026-07-01 22:30Z - 20 - 30%\n");
    system.drain();
    system.cloud = None;
    // Seven gateways are two pages, and 1,202 devices are two.
    system
        .store()
        .execute_batch(
            "INSERT INTO gateways (name, time_zone, last_contact)
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6)
               SELECT 'z' || i, 'Europe/Rome', 1 FROM n;
             UPDATE devices SET gateway = (SELECT id FROM gateways WHERE name = 'z6') WHERE name = 'n';
             INSERT INTO devices (name, last_contact)
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
               SELECT 'a' || i, 0 FROM n;",
        )
        .unwrap();
    system.start_cloud();
    let end = ["--to", "2026-07-01T23:00:00Z"];
    for said in [system.verify(&end), system.verify_store(&end)] {
        said.expect(0, &["all 2 acknowledged readings are held", "day (at the site)", "days in Europe/Rome"]);
        assert_eq!(said.row("m", "2026-07-01")[1], "1");
        assert_eq!(said.row("n", "2026-07-02")[1], "1", "it is half past midnight there");
        assert_eq!(said.row("a1200", "none")[1], "0");
    }
    let said = system.verify(&["--json", "--time-zone", "UTC", end[0], end[1]]);
    let json: Value = serde_json::from_str(&said.1).unwrap();
    assert_eq!((&json["time_zone"], &json["total"]["devices"]), (&"UTC".into(), &1_202.into()));
    assert_eq!(json["devices"][1_201]["days"][0]["day"], "2026-07-01");
}

#[test]
fn what_only_the_gateway_can_tell_is_told() {
    let mut system = System::start();
    system.send(&day("m", "2026-07-01"));
    system.send(&day("m", "2026-07-01"));
    system.drain();
    system.gateway = None;
    system
        .journal()
        .execute_batch(
            "INSERT OR REPLACE INTO facts VALUES ('roster', '[\"ghost\",\"m\"]');
             INSERT INTO refusals VALUES ('bad-line', 3);
             INSERT INTO quarantine (at, peer, reason, detail, raw)
               VALUES (0, '127.0.0.1:9', 'bad-line', 'line 1', CAST('m 08:00 - x - y%' AS BLOB))",
        )
        .unwrap();
    for said in [system.verify(&[]), system.verify_store(&[])] {
        said.expect(0, &["1 on a gateway's roster and never heard: ghost", "refused at the gateway: 1 of"]);
        said.expect(0, &["inputs refused at the gateway: 3 (bad-line 3)"]);
        said.expect(0, &["copies of datagrams recognised at the gateway: "]);
        assert_eq!(said.row("ghost", "none")[..2], ["?", "0"]);
    }
    let json: Value = serde_json::from_str(&system.verify(&["--json"]).1).unwrap();
    assert_eq!(json["total"]["refused_at_gateway"], serde_json::json!({ "bad-line": 3 }));
    // More if the machine was slow, for whoever hears nothing sends again.
    assert!(json["total"]["copies_at_gateway"].as_u64() >= Some(1), "{json}");
    assert_eq!(json["total"]["duplicates_from"], "journals");
    assert_eq!(
        (&json["devices"][0]["never_heard"], &json["devices"][1]["refused_at_gateway"]),
        (&true.into(), &1.into())
    );
    // What it owes since goes on until now, in the steps of its surveys.
    let due = json["devices"][1]["total"]["due"].as_u64().unwrap();
    assert!(due > 24 * 30, "{due}");
}
