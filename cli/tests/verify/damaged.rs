//! Surveys in a journal that cannot be trusted any more.

use crate::support::{System, day};

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
