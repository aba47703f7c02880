//! Values that contradict held ones.

use super::support::System;

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
    let end = ["--to", "2026-07-01T11:00:00Z"];
    for said in [system.verify(&end), system.verify_store(&end)] {
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
    let end = ["--to", "2026-07-01T10:00:00Z"];
    for said in [system.verify(&end), system.verify_store(&end)] {
        said.expect(0, &["all 1,800 acknowledged readings are held"]);
        assert_eq!(said.row("m", "2026-07-01")[..4], ["600", "600", "0", "1200"], "{}", said.1);
    }
}
