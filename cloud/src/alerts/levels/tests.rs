//! Silence, rounds and room, on a clock of the test's own.

use super::{
    super::{
        facts::{Round, Status},
        rule::tests::rule,
        silence::{GRACE, Outage},
    },
    *,
};

const SURVEY: Duration = Duration::from_hours(24);

fn at(text: &str) -> UtcInstant {
    text.parse().unwrap()
}

/// Devices and gateways, and the alerts that the rules have open.
struct World {
    facts: Facts,
    rules: Vec<Rule>,
    open: Vec<Row>,
    now: UtcInstant,
    told: Vec<String>,
    /// The texts of the alerts that are over.
    ended: Vec<String>,
    contacts: BTreeMap<String, UtcInstant>,
}

impl World {
    /// `count` devices of the gateway `north`, all heard at six, and rules.
    fn new(count: usize, rules: &[(Kind, Option<i64>)]) -> Self {
        let now = at("2026-07-01T06:00:00Z");
        let contacts: BTreeMap<_, _> = (0..count).map(|number| (format!("m{number:03}"), now)).collect();
        let north = GatewayFacts {
            name: "north".into(),
            last_contact: now,
            status: None,
            out: None,
            returned: None,
            devices: contacts.keys().cloned().collect(),
        };
        let gateways = BTreeMap::from([(1, north)]);
        let settled = at("2026-06-01T00:00:00Z");
        let facts = Facts { gateways, late: Vec::new(), disk_used: None, settled };
        let rules = (1..).zip(rules).map(|(id, (kind, value))| Rule { id, ..rule(*kind, *value) }).collect();
        Self { facts, rules, open: Vec::new(), now, told: Vec::new(), ended: Vec::new(), contacts }
    }

    fn north(&mut self) -> &mut GatewayFacts {
        self.facts.gateways.get_mut(&1).unwrap()
    }

    fn hears(&mut self, device: &str) {
        self.contacts.insert(device.into(), self.now);
        self.north().last_contact = self.now;
    }

    /// Looks every minute until `time`.
    fn until(&mut self, time: &str) {
        while self.now < at(time) {
            self.now = self.now.saturating_add(Duration::from_secs(60));
            let now = self.now;
            let north = self.north();
            if let Some((told, _)) = north.status.as_mut().filter(|_| north.out.is_none()) {
                (*told, north.last_contact) = (now, now);
            }
            self.look();
        }
    }

    fn look(&mut self) {
        let late =
            self.contacts.iter().filter(|(_, contact)| self.now.duration_since(**contact) >= SURVEY + GRACE);
        let late = late.map(|(name, contact)| DeviceFacts {
            name: name.clone(),
            last_contact: *contact,
            survey: SURVEY,
            gateway: Some(1),
        });
        self.facts.late = late.collect();
        let view = View { facts: &self.facts, rules: &self.rules, open: &self.open, now: self.now };
        let mut changes = Vec::new();
        for rule in &self.rules {
            let open: Vec<Row> = self.open.iter().filter(|row| row.rule == rule.id).cloned().collect();
            changes.extend(settle(rule, view, &open).into_iter().map(|change| (rule.id, change)));
        }
        let to_blame = |device: &DeviceFacts| {
            silence::blame(device, &self.facts.gateways[&1], self.now) == Blame::Gateway
        };
        let blamed = self.facts.late.iter().any(to_blame);
        let outage = silence::outage(&self.facts.gateways[&1], blamed, self.now);
        for (rule, change) in changes {
            self.apply(rule, change);
        }
        match outage {
            Some(Outage::Out(contact)) => self.north().out = Some(contact),
            Some(Outage::Back(back)) => (self.north().out, self.north().returned) = (None, Some(back)),
            None => {}
        }
    }

    fn apply(&mut self, rule: i64, change: Change) {
        match change {
            Change::Insert { draft, rings } => {
                self.told.push(format!("{} {} began {}", self.now, draft.subject, draft.devices.len()));
                let id = self.told.len() as i64 + 1_000;
                self.open.push(Row { id, rule, draft, rings, acknowledged: false, told: Some(self.now) });
            }
            Change::Update { id, draft, says, .. } => {
                if says.contains(&Event::Resolved) {
                    self.told.push(format!("{} {} resolved", self.now, draft.subject));
                }
                let row = self.open.iter_mut().find(|row| row.id == id).unwrap();
                row.draft = draft;
                let over = self.open.iter().filter(|row| row.draft.resolved.is_some());
                self.ended.extend(over.map(|row| row.draft.text.clone()));
                self.open.retain(|row| row.draft.resolved.is_none());
            }
            Change::Delete { .. } => panic!("levels delete nothing"),
        }
        let mut subjects: Vec<_> = self.open.iter().map(|row| (row.rule, &row.draft.subject)).collect();
        subjects.sort();
        assert!(subjects.windows(2).all(|pair| pair[0] != pair[1]), "one open alert of a rule and subject");
    }
}

#[test]
fn one_device_that_falls_silent_is_one_alert_of_its_own() {
    let mut world = World::new(3, &[(Kind::DeviceLate, None)]);
    world.until("2026-07-02T06:00:00Z");
    world.hears("m000");
    world.hears("m001");
    world.until("2026-07-02T12:00:00Z");
    assert_eq!(world.told, ["2026-07-02T08:00:00Z device:m002 began 1"]);
    assert_eq!(world.open[0].draft.began, at("2026-07-02T08:00:00Z"));
    world.hears("m002");
    world.until("2026-07-02T12:01:00Z");
    assert_eq!(world.told[1], "2026-07-02T12:01:00Z device:m002 resolved");
}

#[test]
fn an_outage_of_a_gateway_is_one_alert_that_lists_its_devices() {
    for rules in [
        &[(Kind::DeviceLate, None)][..],
        &[(Kind::GatewaySilent, None)],
        &[(Kind::DeviceLate, None), (Kind::DeviceSilent, None), (Kind::GatewaySilent, None)],
    ] {
        let mut world = World::new(200, rules);
        world.until("2026-07-03T12:00:00Z");
        assert_eq!(world.told.len(), 1, "{:?}", world.told);
        assert!(world.told[0].ends_with("gateway:north began 200"), "{:?}", world.told);
    }
}

#[test]
fn p8_a_rule_of_gateways_takes_over_only_the_devices_that_it_covers() {
    let mut world = World::new(20, &[(Kind::DeviceLate, None), (Kind::GatewaySilent, None)]);
    world.rules[1].devices = Some(vec!["m003".into()]);
    world.until("2026-07-03T12:00:00Z");
    assert_eq!(
        world.told,
        ["2026-07-02T08:00:00Z gateway:north began 19", "2026-07-02T08:00:00Z gateway:north began 1"]
    );
    assert!(!world.open[0].draft.devices.contains(&"m003".into()));
}

#[test]
fn p8_a_rule_of_gateways_that_tells_nobody_or_much_later_takes_over_nothing() {
    let tells_nobody = Rule { channels: Vec::new(), ..rule(Kind::GatewaySilent, None) };
    let much_later = Rule { for_s: 7 * 86_400, ..rule(Kind::GatewaySilent, None) };
    let off = Rule { enabled: false, ..rule(Kind::GatewaySilent, None) };
    for other in [tells_nobody, much_later, off] {
        let mut world = World::new(20, &[(Kind::DeviceLate, None)]);
        world.rules.push(Rule { id: 2, ..other });
        world.until("2026-07-02T08:00:00Z");
        assert_eq!(world.told[0], "2026-07-02T08:00:00Z gateway:north began 20");
    }
}

const WEEK: i64 = 7 * 86_400;

/// Everybody whom the second one tells has heard of it.
#[test]
fn p8_an_outage_is_one_alert_also_if_the_rule_of_gateways_rings_long_after_that_of_devices() {
    for kind in [Kind::DeviceLate, Kind::DeviceSilent] {
        let mut world = World::new(20, &[(kind, None), (Kind::GatewaySilent, None)]);
        world.rules[0].channels = vec![1, 2];
        world.rules[1].for_s = WEEK;
        world.until("2026-07-12T00:00:00Z");
        assert_eq!(world.told.len(), 1, "{:?}", world.told);
        assert!(world.told[0].ends_with("gateway:north began 20"), "{:?}", world.told);
        (0..20).for_each(|number| world.hears(&format!("m{number:03}")));
        world.look();
        assert_eq!(world.told[1..], ["2026-07-12T00:00:00Z gateway:north resolved"]);
    }
}

#[test]
fn p8_a_rule_of_gateways_tells_what_its_people_have_not_heard() {
    let mut world = World::new(20, &[(Kind::DeviceLate, None), (Kind::GatewaySilent, None)]);
    world.rules[1].for_s = WEEK;
    world.rules[1].channels = vec![2];
    world.until("2026-07-12T00:00:00Z");
    assert_eq!(world.told[1], "2026-07-09T08:00:00Z gateway:north began 20", "others are told");
    let mut world = World::new(20, &[(Kind::DeviceLate, None), (Kind::GatewaySilent, None)]);
    world.rules[1].for_s = WEEK;
    world.rules[0].devices = Some(vec!["m003".into()]);
    world.until("2026-07-12T00:00:00Z");
    assert_eq!(world.told[1], "2026-07-09T08:00:00Z gateway:north began 19", "of others");
    let mut world = World::new(2, &[(Kind::DeviceLate, None), (Kind::GatewaySilent, None)]);
    world.rules[0].devices = Some(vec!["m000".into()]);
    world.until("2026-07-02T07:00:00Z");
    world.hears("m001");
    world.until("2026-07-05T00:00:00Z");
    assert_eq!(
        world.told,
        ["2026-07-02T08:00:00Z device:m000 began 1", "2026-07-03T09:00:00Z gateway:north began 2"],
        "that one was silent for itself"
    );
}

#[test]
fn p8_two_rules_do_not_leave_a_device_to_each_other() {
    let mut world = World::new(20, &[(Kind::DeviceLate, None), (Kind::GatewaySilent, None)]);
    world.rules[1].for_s = WEEK;
    world.rules[1].devices = Some(vec!["m003".into()]);
    world.until("2026-07-12T00:00:00Z");
    assert_eq!(world.told, ["2026-07-02T08:00:00Z gateway:north began 20"]);
    assert!(world.open[0].draft.devices.contains(&"m003".into()), "until it is solved");
}

/// Each may be silent for itself, for the gateway was heard shortly before.
#[test]
fn p8_devices_that_are_missed_one_after_the_other_in_one_outage_are_not_told_one_by_one() {
    let mut world = World::new(0, &[(Kind::DeviceLate, None)]);
    for number in 0..48 {
        let device = format!("m{number:03}");
        world.north().devices.push(device.clone());
        world.hears(&device);
        let next = world.now.saturating_add(Duration::from_mins(30));
        world.until(&next.to_string());
    }
    world.until("2026-07-04T00:00:00Z");
    assert_eq!(
        world.told,
        ["2026-07-02T08:00:00Z device:m000 began 1", "2026-07-02T08:30:00Z gateway:north began 1"]
    );
    assert_eq!(world.open[1].draft.devices.len(), 48);
}

#[test]
fn an_alert_of_more_devices_than_are_listed_is_written_once() {
    let mut world = World::new(MAX_LISTED + 500, &[(Kind::DeviceLate, None)]);
    world.now = at("2026-07-02T08:00:00Z");
    world.look();
    assert_eq!(world.told, ["2026-07-02T08:00:00Z gateway:north began 1000"]);
    assert!(world.open[0].draft.text.starts_with("1500 devices"), "{}", world.open[0].draft.text);
    let view = View { facts: &world.facts, rules: &world.rules, open: &world.open, now: world.now };
    assert_eq!(settle(&world.rules[0], view, &world.open), []);
}

#[test]
fn p8_one_of_two_gateways_is_missed_though_the_other_brings_all_and_not_for_ever() {
    let mut world = World::new(5, &[(Kind::GatewaySilent, None)]);
    let status = Some((world.now, Status::default()));
    world.north().status = status.clone();
    let south = GatewayFacts { name: "south".into(), devices: Vec::new(), status, ..world.north().clone() };
    world.facts.gateways.insert(2, south);
    world.until("2026-07-01T12:00:00Z");
    assert_eq!(world.told, ["2026-07-01T07:00:00Z gateway:south began 0"]);
    assert!(world.open[0].draft.text.contains("others bring"), "{}", world.open[0].draft.text);
    world.until("2026-07-09T00:00:00Z");
    assert_eq!(world.told[1..], ["2026-07-08T06:00:00Z gateway:south resolved"], "it was replaced");
    assert!(world.ended[0].starts_with("ended, for"), "{:?}", world.ended);
}

#[test]
fn what_a_gateway_that_is_gone_said_last_is_not_told_for_ever() {
    let mut world = World::new(5, &[(Kind::RoundIncomplete, None), (Kind::JournalFull, None)]);
    let round = Round { closed: Some("2026-07-01T06:00:00Z".into()), silent: vec!["m001".into()] };
    let status = Status { journal_bytes: Some(90), journal_limit: Some(100), round: Some(round) };
    world.north().status = Some((world.now, status));
    world.until("2026-07-01T10:00:00Z");
    assert_eq!(world.told.len(), 2);
    // It says nothing from now on.
    world.north().out = Some(at("2030-01-01T00:00:00Z"));
    world.until("2026-07-02T12:00:00Z");
    assert_eq!(world.told.len(), 2, "it may be back");
    world.until("2026-07-02T12:01:00Z");
    assert_eq!((world.told.len(), world.open.len()), (4, 0));
    assert!(world.ended.iter().all(|text| text.starts_with("ended, for")), "{:?}", world.ended);
    world.until("2026-07-03T00:00:00Z");
    assert_eq!(world.told.len(), 4);
}

#[test]
fn nobody_waits_for_who_imported_a_file_and_one_that_stopped_telling_its_status_has_a_day() {
    let mut world = World::new(2, &[(Kind::GatewaySilent, None)]);
    world.north().name = "import:desk".into();
    world.until("2026-07-04T06:00:00Z");
    assert!(world.told.is_empty(), "{:?}", world.told);
    let mut world = World::new(2, &[(Kind::GatewaySilent, None)]);
    world.north().status = Some((at("2026-06-20T06:00:00Z"), Status::default()));
    for (time, told) in [("2026-07-02T07:59:00Z", 0), ("2026-07-02T08:30:00Z", 1)] {
        world.now = at(time);
        world.look();
        assert_eq!(world.told.len(), told, "{:?}", world.told);
    }
}

#[test]
fn a_gateway_that_sends_its_status_is_missed_after_an_hour() {
    let mut world = World::new(20, &[(Kind::DeviceLate, None), (Kind::GatewaySilent, None)]);
    world.north().status = Some((at("2026-07-01T06:00:00Z"), Status::default()));
    world.until("2026-07-01T20:00:00Z");
    world.north().out = Some(at("2030-01-01T00:00:00Z"));
    world.until("2026-07-03T12:00:00Z");
    assert_eq!(world.told, ["2026-07-01T21:00:00Z gateway:north began 20"]);
}

#[test]
fn when_a_gateway_is_back_its_devices_have_the_time_of_a_survey_to_follow() {
    let mut world = World::new(50, &[(Kind::DeviceLate, None)]);
    world.until("2026-07-03T12:00:00Z");
    world.hears("m000");
    world.until("2026-07-03T18:00:00Z");
    assert_eq!(world.told.len(), 1, "nobody is called silent for having waited: {:?}", world.told);
    assert_eq!(world.open[0].draft.devices.len(), 49);
    for number in 1..49 {
        world.hears(&format!("m{number:03}"));
    }
    world.until("2026-07-04T15:00:00Z");
    for number in 0..49 {
        world.hears(&format!("m{number:03}"));
    }
    world.until("2026-07-04T16:00:00Z");
    assert_eq!(world.told.len(), 3, "the outage is over, and one stayed away: {:?}", world.told);
    assert!(world.told.iter().any(|told| told.ends_with("gateway:north resolved")));
    assert!(world.told.iter().any(|told| told.ends_with("device:m049 began 1")));
}

#[test]
fn a_start_of_the_cloud_calls_nobody_silent_at_once() {
    let mut world = World::new(5, &[(Kind::GatewaySilent, None)]);
    world.now = at("2026-07-09T00:00:00Z");
    world.facts.settled = at("2026-07-09T00:15:00Z");
    world.until("2026-07-09T00:14:00Z");
    assert_eq!(world.told, Vec::<String>::new());
    world.until("2026-07-09T00:16:00Z");
    assert_eq!(world.told, ["2026-07-09T00:15:00Z gateway:north began 5"]);
}

#[test]
fn a_sender_without_a_name_is_no_gateway_to_miss() {
    let mut world = World::new(5, &[(Kind::GatewaySilent, None)]);
    world.north().name = "http:127.0.0.1".into();
    world.until("2026-07-04T00:00:00Z");
    assert_eq!(world.told, Vec::<String>::new());
}

#[test]
fn a_round_without_some_is_told_until_one_is_whole() {
    let mut world = World::new(5, &[(Kind::RoundIncomplete, None)]);
    let round = |closed: &str, silent: &[&str]| Status {
        round: Some(Round {
            closed: Some(closed.into()),
            silent: silent.iter().map(|id| (*id).to_owned()).collect(),
        }),
        ..Status::default()
    };
    let day = at("2026-07-01T07:00:00Z");
    world.north().status = Some((day, round("2026-07-01T06:30:00Z", &["m001", "m002"])));
    world.until("2026-07-01T08:00:00Z");
    assert_eq!(world.told, ["2026-07-01T06:01:00Z gateway:north began 2"]);
    assert_eq!(world.open[0].draft.began, at("2026-07-01T06:30:00Z"));
    world.north().status = Some((day, round("2026-07-02T06:30:00Z", &["m002"])));
    world.until("2026-07-02T08:00:00Z");
    assert_eq!(world.open[0].draft.devices, ["m002"], "the same alert goes on");
    world.north().status = Some((day, round("2026-07-03T06:30:00Z", &[])));
    world.until("2026-07-03T08:00:00Z");
    assert_eq!((world.told.len(), world.open.len()), (2, 0));
}

#[test]
fn a_journal_that_wavers_about_its_limit_is_one_alert() {
    let mut world = World::new(5, &[(Kind::JournalFull, None)]);
    for (minute, bytes) in (1..).zip([79, 80, 79, 81, 76, 80, 75, 79]) {
        let status = Status { journal_bytes: Some(bytes), journal_limit: Some(100), round: None };
        let now = world.now;
        world.north().status = Some((now, status));
        world.until(&format!("2026-07-01T06:{minute:02}:00Z"));
    }
    let events: Vec<&str> = world.told.iter().map(|told| &told[21..]).collect();
    assert_eq!(events, ["gateway:north began 0", "gateway:north resolved"]);
}

#[test]
fn a_disk_is_full_by_its_share_and_not_without_a_figure() {
    let mut world = World::new(1, &[(Kind::DiskFull, Some(5_000))]);
    world.until("2026-07-01T06:01:00Z");
    assert_eq!(world.told.len(), 0);
    world.facts.disk_used = Some(5_000);
    world.until("2026-07-01T06:02:00Z");
    world.facts.disk_used = Some(4_500);
    world.until("2026-07-01T06:03:00Z");
    assert_eq!(world.told, ["2026-07-01T06:02:00Z cloud began 0", "2026-07-01T06:03:00Z cloud resolved"]);
}

#[test]
fn what_is_not_solved_is_said_again_unless_somebody_knows() {
    let mut world = World::new(1, &[(Kind::DeviceLate, None)]);
    world.until("2026-07-02T09:00:00Z");
    let later = world.now.saturating_add(Duration::from_secs(86_400));
    let rule = world.rules[0].clone();
    assert_eq!(repetitions(&rule, &world.open, world.now), Vec::<&Row>::new());
    assert_eq!(repetitions(&rule, &world.open, later).len(), 1);
    assert_eq!(repetitions(&Rule { repeat_s: 0, ..rule.clone() }, &world.open, later).len(), 0);
    world.open[0].acknowledged = true;
    assert_eq!(repetitions(&rule, &world.open, later).len(), 0);
}
