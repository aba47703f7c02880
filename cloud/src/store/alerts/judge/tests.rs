//! Alerts out of a real store: whatever the order of surveys, their copies and their parts, the alerts are the same.

use super::*;
use crate::{
    alerts::rule::{Kind, Rule},
    store::{
        Vault,
        tests::{at, origin},
    },
    submission::{Format, Upload},
};
use bytes::Bytes;
use proptest::prelude::*;
use std::fmt::Write;

const HOUR: i64 = 3_600_000;

/// A vault in a folder, and what time it is.
struct World {
    vault: Vault,
    now: UtcInstant,
    _folder: tempfile::TempDir,
}

/// Alerts by the times of their events; None: open.
type Times = Vec<(i64, Option<i64>)>;

impl World {
    fn new(now: &str, rules: &[Rule]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Vault::create(&path).unwrap();
        let mut world = Self { vault: Vault::open(&path).unwrap(), now: at(now), _folder: folder };
        let channel = r#"INSERT INTO channels (kind, name, settings) VALUES ('webhook', 'w', '{"kind":"webhook","url":"http://h"}')"#;
        world.vault.change(|transaction| transaction.execute_batch(channel)).unwrap();
        for rule in rules {
            world.vault.change(|transaction| rules::tests::add(transaction, rule)).unwrap();
        }
        world
    }

    /// Hands in moisture in hundredths at hours since 2026-07-01, and lets the rules look.
    fn survey(&mut self, readings: &[(i64, i64)]) {
        if readings.is_empty() {
            return;
        }
        let mut pack = String::from("[");
        for (hour, value) in readings {
            let time = at("2026-07-01T00:00:00Z").as_millis() / 1_000 + hour * 3_600;
            let comma = if pack.len() > 1 { "," } else { "" };
            write!(pack, r#"{comma}{{"n":"m1/moisture","u":"/","t":{time},"v":{value}e-4}}"#).unwrap();
        }
        pack.push(']');
        let upload = Upload::new(Format::Json, Bytes::from(pack), origin(), self.now);
        let stored = self.vault.store(vec![upload.read().unwrap()]);
        assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    }

    fn look(&mut self) {
        let now = self.now;
        let done = self.vault.change(|transaction| {
            loop {
                let found = first_look(transaction, now)?;
                if found.look.is_none() {
                    break;
                }
                write(transaction, &found, now)?;
            }
            let found = news(transaction, 0, now)?;
            write(transaction, &found, now)
        });
        done.unwrap();
    }

    fn rows(&self) -> Vec<crate::alerts::change::Row> {
        let one = rules::one(&self.vault.connection, 1).unwrap().unwrap();
        log::held(&self.vault.connection, &one, "device:m1", UtcInstant::from_millis(0)).unwrap()
    }

    /// The alerts in hours.
    fn times(&self) -> Times {
        let zero = at("2026-07-01T00:00:00Z").as_millis();
        let hour = |time: UtcInstant| (time.as_millis() - zero) / HOUR;
        self.rows().iter().map(|row| (hour(row.draft.began), row.draft.resolved.map(hour))).collect()
    }

    /// The events of all messages that were put out.
    fn messages(&self) -> Vec<String> {
        let sql = "SELECT json_extract(body, '$.event') FROM outbox ORDER BY id";
        let mut statement = self.vault.connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn open(&self) -> i64 {
        let sql = "SELECT count(*) FROM alerts WHERE resolved IS NULL";
        self.vault.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Moisture below 20 %, solved at 25 %.
fn dry() -> Rule {
    Rule {
        id: 0,
        name: "dry".into(),
        kind: Kind::MoistureBelow,
        value: Some(2_000),
        clear: Some(2_500),
        for_s: 0,
        devices: None,
        repeat_s: 86_400,
        channels: vec![1],
        enabled: true,
    }
}

#[test]
fn a_recent_event_rings_once_and_its_end_is_told() {
    let mut world = World::new("2026-07-01T12:00:00Z", &[dry()]);
    world.survey(&[(8, 2_600), (9, 1_900)]);
    world.look();
    world.look();
    world.survey(&[(10, 1_800), (11, 2_400)]);
    world.look();
    assert_eq!(world.messages(), ["began"]);
    world.survey(&[(12, 2_500)]);
    world.look();
    assert_eq!(world.messages(), ["began", "resolved"]);
    assert_eq!(world.times(), [(9, Some(12))]);
}

#[test]
fn a_backlog_of_old_readings_is_history_and_rings_nobody() {
    let mut world = World::new("2026-08-01T00:00:00Z", &[dry()]);
    world.survey(&[(8, 2_600), (9, 1_900), (20, 2_600), (30, 1_500)]);
    world.look();
    assert_eq!(world.times(), [(9, Some(20)), (30, None)]);
    assert!(world.rows().iter().all(|row| !row.rings));
    assert_eq!(world.messages(), Vec::<String>::new());
    // The backlog goes on to the present: it is still dry, and now somebody has to know.
    let present = 31 * 24 - 2;
    world.survey(&[(present, 1_400)]);
    world.look();
    assert_eq!(world.messages(), ["began"]);
    assert_eq!(world.times(), [(9, Some(20)), (30, None)]);
}

#[test]
fn late_readings_do_not_disturb_the_alert_that_is_open() {
    let mut world = World::new("2026-07-05T00:00:00Z", &[dry()]);
    world.survey(&[(80, 2_600), (90, 1_900)]);
    world.look();
    let open = world.rows()[0].id;
    world.survey(&[(5, 1_000), (6, 3_000), (85, 1_900)]);
    world.look();
    assert_eq!(world.times(), [(5, Some(6)), (85, None)]);
    assert_eq!(world.rows()[1].id, open, "it is the same alert, and began earlier");
    assert_eq!(world.messages(), ["began"]);
}

#[test]
fn an_alert_that_rang_and_is_refuted_says_so_and_is_not_deleted() {
    let lasting = Rule { for_s: 6 * 3_600, ..dry() };
    let mut world = World::new("2026-07-01T12:00:00Z", &[lasting]);
    world.survey(&[(4, 1_900), (10, 1_900)]);
    world.look();
    assert_eq!(world.messages(), ["began"]);
    world.survey(&[(7, 2_100)]);
    world.look();
    assert_eq!(world.times(), [], "it never held for six hours");
    assert_eq!(world.messages(), ["began", "resolved"]);
    let text: String =
        world.vault.connection.query_row("SELECT text FROM alerts", [], |row| row.get(0)).unwrap();
    assert!(text.starts_with("withdrawn"), "{text}");
}

#[test]
fn a_new_rule_looks_at_all_that_is_held_and_rings_for_what_is_so_now() {
    let mut world = World::new("2026-07-03T00:00:00Z", &[]);
    world.survey(&[(1, 1_000), (2, 3_000), (40, 1_000), (41, 3_000), (46, 1_000)]);
    world.look();
    world.vault.change(|transaction| rules::tests::add(transaction, &dry())).unwrap();
    world.look();
    assert_eq!(world.times(), [(1, Some(2)), (40, Some(41)), (46, None)]);
    assert_eq!(world.messages(), ["began"], "of what is over nobody asked to hear");
}

#[test]
fn a_rule_that_asks_something_else_ends_what_it_had_open_and_begins_anew() {
    let mut world = World::new("2026-07-01T12:00:00Z", &[dry()]);
    world.survey(&[(9, 1_900)]);
    world.look();
    let now = world.now;
    let wetter = Rule { id: 1, value: Some(1_000), clear: None, ..dry() };
    world.vault.change(move |transaction| rules::tests::put(transaction, &wetter, now)).unwrap();
    world.look();
    assert_eq!((world.times(), world.open()), (vec![], 0));
    assert_eq!(world.messages(), ["began", "resolved"]);
    let renamed = Rule { id: 1, value: Some(1_000), clear: None, name: "other".into(), ..dry() };
    world.vault.change(move |transaction| rules::tests::put(transaction, &renamed, now)).unwrap();
    world.survey(&[(10, 900)]);
    world.look();
    assert_eq!(world.times(), [(10, None)]);
}

#[test]
fn a_reading_without_the_quantity_leaves_the_alert_as_it_was() {
    let mut world = World::new("2026-07-01T12:00:00Z", &[dry()]);
    world.survey(&[(8, 1_500), (9, 1_900)]);
    world.look();
    let before = world.rows();
    let time = at("2026-07-01T10:00:00Z").as_millis() / 1_000;
    let pack = format!(r#"[{{"n":"m1/temperature","u":"Cel","t":{time},"v":20}}]"#);
    let upload = Upload::new(Format::Json, Bytes::from(pack), origin(), world.now);
    assert!(world.vault.store(vec![upload.read().unwrap()])[0].is_ok());
    world.look();
    assert_eq!(world.rows(), before);
    assert!(before[0].draft.text.contains("19 % at 2026-07-01T09:00:00Z, at worst 15 %"), "{before:?}");
}

#[test]
fn a_late_reading_that_solves_splits_the_alert_that_lasts_in_two() {
    let mut world = World::new("2026-07-01T12:00:00Z", &[dry()]);
    world.survey(&[(0, 1_800), (1, 1_800), (2, 1_800), (4, 1_800)]);
    world.look();
    assert_eq!(world.times(), [(0, None)]);
    world.survey(&[(3, 2_500)]);
    world.look();
    assert_eq!(world.times(), [(0, Some(3)), (4, None)]);
}

#[test]
fn what_is_stored_while_the_rules_look_is_looked_at_the_next_time() {
    let mut world = World::new("2026-07-01T12:00:00Z", &[dry()]);
    world.look();
    world.survey(&[(8, 2_600)]);
    let found = news(&world.vault.connection, 0, world.now).unwrap();
    world.survey(&[(9, 1_900)]);
    let now = world.now;
    world.vault.change(|transaction| write(transaction, &found, now)).unwrap();
    assert_eq!(world.times(), []);
    world.look();
    assert_eq!(world.times(), [(9, None)]);
}

#[test]
fn the_oldest_message_goes_when_too_many_wait_and_that_is_said() {
    let mut world = World::new("2026-07-01T12:00:00Z", &[dry()]);
    let fill = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                INSERT INTO outbox (channel, message, body, put, due) SELECT 1, i, '{}', 0, 0 FROM n";
    world.vault.change(|transaction| transaction.execute_batch(fill)).unwrap();
    world.survey(&[(9, 1_900)]);
    world.look();
    let said = "SELECT (SELECT min(message + 0) || ' ' || count(*) FROM outbox) || ' ' || lost || ' ' || failing FROM channels";
    let said: String = world.vault.connection.query_row(said, [], |row| row.get(0)).unwrap();
    assert!(
        said.starts_with("0 1000 1 1 message(s) given up")
            || said.starts_with("2 1000 1 1 message(s) given up"),
        "{said}"
    );
}

/// A year of the real soil: what the rule finds, and how it holds.
#[test]
fn the_frosts_of_a_real_year_are_the_same_in_one_piece_and_day_by_day_backwards() {
    let csv =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/dinosaur.csv")).unwrap();
    let frost = Rule { kind: Kind::Frost, value: None, clear: None, ..dry() };
    let mut days: Vec<Vec<String>> = Vec::new();
    for (index, line) in csv.lines().skip(1).enumerate() {
        if index % 24 == 0 {
            days.push(Vec::new());
        }
        let mut cells = line.split(',').skip(1);
        let (time, temperature) = (cells.next().unwrap(), cells.next().unwrap());
        if !temperature.is_empty() {
            let time = at(time).as_millis() / 1_000;
            let record = format!(r#"{{"n":"m1/temperature","u":"Cel","t":{time},"v":{temperature}}}"#);
            days.last_mut().unwrap().push(record);
        }
    }
    let run = |packs: Vec<Vec<String>>| {
        let mut world = World::new("2026-07-01T00:00:00Z", std::slice::from_ref(&frost));
        for pack in packs.iter().filter(|pack| !pack.is_empty()) {
            let body = Bytes::from(format!("[{}]", pack.join(",")));
            let upload = Upload::new(Format::Json, body, origin(), world.now);
            assert!(world.vault.store(vec![upload.read().unwrap()])[0].is_ok());
            world.look();
        }
        assert_eq!(world.messages(), Vec::<String>::new(), "2019 rings nobody in 2026");
        world.times()
    };
    let whole = run(vec![days.concat()]);
    assert_eq!(whole.len(), 10, "{whole:?}");
    let backwards = run(days.into_iter().rev().collect());
    assert_eq!(whole, backwards);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The heart of it. `order` deals readings to surveys, `copies` sends some again.
    #[test]
    fn any_order_and_any_copies_of_surveys_give_the_same_alerts(
        values in proptest::collection::vec(1_800_i64..2_700, 1..40),
        order in proptest::collection::vec(0_usize..6, 40),
        copies in proptest::collection::vec(0_usize..6, 0..4),
        for_hours in 0_i64..4,
    ) {
        let rule = Rule { for_s: for_hours * 3_600, ..dry() };
        let readings: Vec<(i64, i64)> = (0..).zip(values).collect();
        let mut whole = World::new("2026-07-03T00:00:00Z", std::slice::from_ref(&rule));
        whole.survey(&readings);
        whole.look();
        let mut parts: Vec<Vec<(i64, i64)>> = vec![Vec::new(); 6];
        for (reading, part) in readings.iter().zip(&order) {
            parts[*part].push(*reading);
        }
        let mut world = World::new("2026-07-03T00:00:00Z", &[rule]);
        for part in (0..6).chain(copies) {
            world.survey(&parts[part]);
            world.look();
            prop_assert!(world.open() <= 1, "one open alert of a rule and subject");
        }
        prop_assert_eq!(world.times(), whole.times());
        let (began, over): (Vec<_>, Vec<_>) = world.messages().into_iter().partition(|event| event == "began");
        let rows = world.vault.connection.query_row("SELECT sum(rings), sum(rings AND resolved IS NOT NULL) FROM alerts", [], |row| {
            Ok((row.get::<_, Option<i64>>(0)?.unwrap_or(0), row.get::<_, Option<i64>>(1)?.unwrap_or(0)))
        }).unwrap();
        prop_assert!(began.len() as i64 >= rows.0 && over.len() as i64 >= rows.1, "what rang was told, and its end");
    }
}
