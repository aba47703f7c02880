//! How much room is told: what the journal may take, or what its disk has to give.

use super::{aside::Small, *};

/// A journal that may take 1 GiB, on a disk of 2 MiB of which 256 KiB are to be left alone.
const DISK: Small = Small(2 << 20);
const LEFT_ALONE: u64 = 256 << 10;

fn room(folder: &Path) -> (u64, u64) {
    let room = summary(folder, &DISK).unwrap().room;
    assert_eq!(brief(folder, &DISK).unwrap().room, room);
    (room.used, room.limit.unwrap())
}

#[test]
fn p6_a_journal_on_a_small_disk_is_told_to_be_nearly_full_before_it_refuses() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits { min_free_disk: LEFT_ALONE, ..LIMITS };
    let place = Place { disk: Arc::new(DISK), limits, ..place(home.path()) };
    let mut journal = Journal::open(&place, Trust::Whole, at(0), &mut Vec::new()).unwrap();
    let (used, limit) = room(home.path());
    assert!(limit < 2 << 20 && used * 10 < limit, "{used} of {limit}");
    let mut number = 0;
    let batch = loop {
        let batch = surveys(number..number + 20, at(0));
        number += 20;
        let weight = batch.surveys.iter().map(NewSurvey::weight).sum();
        if journal.room(weight, 20, at(0)).unwrap().is_err() {
            break weight as u64;
        }
        journal.commit(&batch, at(0)).unwrap();
    };
    let (used, limit) = room(home.path());
    // What the last group would have needed, and what is reserved.
    assert!(used <= limit && limit - used < 2 * batch + (64 << 10), "refused at {used} of {limit}");
    assert!(used * 100 >= limit * 90, "refused at {used} of {limit}");
}

#[test]
fn a_journal_on_a_large_disk_may_take_its_limit() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).close().unwrap();
    let told = summary(home.path(), &Small(u64::MAX)).unwrap().room;
    assert_eq!(told.limit, Some(LIMITS.journal_max));
}

/// The log's size when all that is new is committed.
fn log(folder: &Path) -> u64 {
    OsDisk.length(&folder.join("journal.db-wal")).unwrap()
}

#[test]
fn p6_what_moving_keys_writes_is_no_more_than_was_asked_for() {
    const LIMIT: usize = 4_096;
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.hold_keys(LIMIT);
    // Spread as hashes are, so that the keys of one run fall among those of the one that grows.
    let key = |number: i64| ShortKey::from_sql(number.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()));
    let (mut number, mut moves) = (0_i64, 0);
    // Some groups make runs that are filled up, and what is too old goes meanwhile.
    while moves < 12 {
        let now = at(number.cast_unsigned() / 1_024);
        let mut batch = surveys(number..number + 64, now);
        number += 64;
        batch.surveys.iter_mut().zip(number..).for_each(|(survey, number)| survey.key = Some(key(number)));
        let weight = journal.keys.weight(64, now) as u64;
        schema::fold(&journal.conn).unwrap();
        journal.commit(&batch, now).unwrap();
        let rows: u64 = batch.surveys.iter().map(|survey| survey.weight() as u64).sum();
        // The log has its own header for each page, and the few pages that every commit writes.
        let log = log(home.path()) * 4_096 / 4_120;
        assert!(log <= weight + rows + (32 << 10), "{log} where {weight} and {rows} were asked for");
        moves += u64::from(weight > 0);
    }
}

/// What the cloud holds stays for `--keep`, and goes when room is short: it makes no journal nearly full.
#[test]
fn p6_the_room_that_is_needed_is_that_of_what_waits() {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(home.path());
    journal.commit(&surveys(0..2_000, at(0)), at(0)).unwrap();
    let told = |disk: &dyn Disk| brief(home.path(), disk).unwrap();
    let part = |told: &Brief| told.needed * 100 / told.room.used;
    assert_eq!(told(&OsDisk).needed, told(&OsDisk).room.used, "all of it waits");
    let held = |through| Batch { custody: vec![Custody::Held { through }], ..Batch::default() };
    journal.commit(&held(1_500), at(0)).unwrap();
    assert_eq!(part(&told(&OsDisk)), 25);
    journal.commit(&held(2_000), at(0)).unwrap();
    assert_eq!(told(&OsDisk).needed, 0);
    assert_eq!(
        part(&told(&Small(1))),
        100,
        "where the disk has nothing left it helps nothing that some goes"
    );
    // What the cloud would not have is only here.
    let refused = "INSERT INTO refused SELECT seq, 0, 'no', 1, NULL FROM surveys WHERE seq <= 500";
    Connection::open(home.path().join(FILE)).unwrap().execute_batch(refused).unwrap();
    assert!((25..=34).contains(&part(&told(&OsDisk))), "{}", part(&told(&OsDisk)));
}
