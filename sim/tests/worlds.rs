//! The simulator itself: a few worlds as ordinary tests. `cargo sim --seeds 2000` and `cargo sim bugs` are the real ones; `./test` runs both.

use fieldpost_sim::world::{World, many, one, tally::Group};

#[test]
fn worlds_keep_all_promises() {
    let seeds = 100..=105;
    let all = many(seeds.clone(), 10, None, 2, &|_| {});
    assert!(all.failure.is_none(), "{:#?}", all.failure);
    assert_eq!(all.worlds, seeds.end() - seeds.start() + 1);
    // Nothing that always goes well proves anything.
    let counts = all.counts;
    for group in [Group::Line, Group::Road, Group::Deaths, Group::Disk, Group::Others] {
        assert!(counts.of_group(group) > 0, "nothing struck: {group:?}");
    }
    assert!(counts.together > 0, "no transaction of the cloud carried several uploads");
    assert!(all.readings > 500, "{} readings", all.readings);
}

#[test]
fn one_seed_is_one_world() {
    let fingerprint =
        |seed| one(seed, 10, None).map(|(counts, world)| (counts, world.fingerprint())).unwrap();
    let first = fingerprint(7);
    assert_eq!(fingerprint(7), first);
    assert_ne!(fingerprint(8).1, first.1);
    // On another thread, beside another world.
    let (same, _) = std::thread::scope(|scope| {
        let same = scope.spawn(|| fingerprint(7));
        let other = scope.spawn(|| fingerprint(9));
        (same.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(same, first);
}

#[test]
fn a_world_can_be_watched() {
    let mut world = World::new(11, 10, true).unwrap();
    assert_eq!(world.run(), None);
    let traced = world.traced();
    assert!(
        traced.iter().any(|line| line.contains("gateway 0") && line.contains("notes Held")),
        "{traced:#?}"
    );
}
