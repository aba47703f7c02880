//! Alerts of what is so now: silence, rounds, room.
//!
//! Each rule names the subjects of which its condition holds; [`settle`] compares them with the alerts that are open. One outage of
//! a gateway is one alert that lists its devices: whose silence is the gateway's fault is in [`super::silence`]. Where rules of devices and of
//! gateways both watch it, the one that rings first tells, or the gateway's, if that rings soon ([`is_left_to_another`], [`told()`]).

mod told;

use super::{
    MAX_LISTED, RINGING_WINDOW,
    change::{Change, Draft, Event, Row, ordered},
    facts::{DeviceFacts, Facts, GatewayFacts, Status},
    rule::{Kind, Rule},
    silence::{self, Blame, GRACE},
    text,
};
use fieldpost_core::UtcInstant;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use told::Told;

/// A gateway that is silent, and whose devices others bring, was replaced if it is silent for longer than this; until then it may be one
/// of two that was to be there.
const REPLACED_AFTER: Duration = Duration::from_hours(7 * 24);

/// A subject of which a rule's condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Level {
    subject: String,
    /// By the time of the event.
    since: UtcInstant,
    devices: Vec<String>,
    text: String,
    /// Whether it is too old to ring.
    history: bool,
}

impl Level {
    fn new(subject: String, since: UtcInstant, mut devices: Vec<String>, text: String) -> Self {
        // As the store keeps them: else what is held would never be what is so.
        devices.truncate(MAX_LISTED);
        Self { subject, since, devices, text, history: false }
    }
}

/// What rules see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) facts: &'a Facts,
    /// All rules: one may leave a subject to another.
    pub(crate) rules: &'a [Rule],
    /// The alerts of all rules that are open.
    pub(crate) open: &'a [Row],
    pub(crate) now: UtcInstant,
}

/// What has to change so that `open`, the alerts of `rule` that are open, become what is so now. Nothing for rules of readings.
pub(crate) fn settle(rule: &Rule, view: View<'_>, open: &[Row]) -> Vec<Change> {
    if rule.kind.is_of_readings() || !rule.enabled {
        return Vec::new();
    }
    let by_subject: BTreeMap<&str, &Row> = open.iter().map(|row| (row.draft.subject.as_str(), row)).collect();
    let settling = view.now < view.facts.settled;
    let mut changes = Vec::new();
    let mut still = Vec::new();
    for level in levels(rule, view, &by_subject) {
        still.push(level.subject.clone());
        match by_subject.get(level.subject.as_str()) {
            Some(row) => changes.extend(amend(row, level)),
            None if settling && is_silence(rule.kind) => {}
            None => changes.push(insert(level)),
        }
    }
    let over = open.iter().filter(|row| !still.contains(&row.draft.subject));
    changes.extend(over.map(|row| close(rule, view, row)));
    ordered(changes)
}

fn is_silence(kind: Kind) -> bool {
    matches!(kind, Kind::DeviceLate | Kind::DeviceSilent | Kind::GatewaySilent)
}

fn insert(level: Level) -> Change {
    let Level { subject, since, devices, text, history } = level;
    let draft = Draft { subject, devices, text, began: since, resolved: None, proof: None, withdrawn: false };
    Change::Insert { draft, rings: !history }
}

/// Who is concerned may change while it lasts; nobody is told before the next repetition.
fn amend(row: &Row, level: Level) -> Option<Change> {
    let told = !row.rings && !level.history;
    let draft = Draft { devices: level.devices, text: level.text, ..row.draft.clone() };
    let says = if told { vec![Event::Began] } else { Vec::new() };
    let changed = draft != row.draft || told;
    changed.then_some(Change::Update { id: row.id, draft, rings: row.rings || told, says })
}

fn close(rule: &Rule, view: View<'_>, row: &Row) -> Change {
    let (at, text) = match unheard_of(rule, view, row) {
        Some(last_contact) => (view.now, text::unheard(&row.draft.text, last_contact)),
        None => {
            let at = solved_at(rule, view, row).max(row.draft.began);
            (at, text::solved(&row.draft.text, at))
        }
    };
    let draft = Draft { resolved: Some(at.max(row.draft.began)), text, ..row.draft.clone() };
    let says = if row.rings { vec![Event::Resolved] } else { Vec::new() };
    Change::Update { id: row.id, draft, rings: row.rings, says }
}

/// Of an alert that ends though nothing shows that it is solved, since when its gateway has said nothing of it.
fn unheard_of(rule: &Rule, view: View<'_>, row: &Row) -> Option<UtcInstant> {
    let gateway = view.facts.gateway(row.draft.subject.strip_prefix("gateway:")?)?;
    match rule.kind {
        Kind::RoundIncomplete | Kind::JournalFull if told(gateway, view.now).is_none() => {
            Some(gateway.status.as_ref().map_or(gateway.last_contact, |(at, _)| *at))
        }
        Kind::GatewaySilent if view.now >= silence::silent_since(gateway) => Some(gateway.last_contact),
        _ => None,
    }
}

/// When it was over, by the event's time as far as that is known.
fn solved_at(rule: &Rule, view: View<'_>, row: &Row) -> UtcInstant {
    let gateway = row.draft.subject.strip_prefix("gateway:").and_then(|name| view.facts.gateway(name));
    let known = gateway.and_then(|gateway| match rule.kind {
        Kind::GatewaySilent => Some(gateway.last_contact),
        Kind::RoundIncomplete => closed_round(&gateway.status.as_ref()?.1).map(|(closed, _)| closed),
        Kind::JournalFull => gateway.status.as_ref().map(|(at, _)| *at),
        _ => None,
    });
    known.unwrap_or(view.now)
}

fn levels(rule: &Rule, view: View<'_>, open: &BTreeMap<&str, &Row>) -> Vec<Level> {
    let gateways = view.facts.gateways.values();
    match rule.kind {
        Kind::DeviceLate => of_devices(rule, view, open, 1),
        Kind::DeviceSilent => of_devices(rule, view, open, 2),
        Kind::GatewaySilent => {
            let told = Told::to_those_of(rule, view);
            gateways.filter_map(|gateway| of_gateway(rule, view, gateway, open, &told)).collect()
        }
        Kind::RoundIncomplete => gateways.filter_map(|gateway| of_round(rule, view, gateway)).collect(),
        Kind::JournalFull => gateways.filter_map(|gateway| of_journal(rule, view, gateway, open)).collect(),
        Kind::DiskFull => of_disk(rule, view, open).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn subject_of(gateway: &GatewayFacts) -> String {
    format!("gateway:{}", gateway.name)
}

fn lasting(rule: &Rule) -> Duration {
    Duration::from_secs(rule.for_s.unsigned_abs())
}

fn of_gateway(
    rule: &Rule,
    view: View<'_>,
    gateway: &GatewayFacts,
    open: &BTreeMap<&str, &Row>,
    told: &Told<'_>,
) -> Option<Level> {
    let concerned = rule.among(&gateway.devices);
    // One of two may have brought nobody last, and yet is missed.
    let is_second = gateway.devices.is_empty()
        && rule.devices.is_none()
        && view.now < gateway.last_contact.saturating_add(REPLACED_AFTER);
    let silent = view.now >= rings_from(rule, gateway) && (is_second || !concerned.is_empty());
    if !silent || !silence::is_named(gateway) {
        return None;
    }
    let subject = subject_of(gateway);
    let devices = match is_second {
        true => concerned,
        false => untold(concerned, open.get(subject.as_str()), |device| told.of(gateway, device))?,
    };
    let text = text::of_gateway(&gateway.name, gateway.last_contact, devices.len());
    Some(Level::new(subject, silence::silent_since(gateway), devices, text))
}

/// Those of `devices` that no other rule tells of; None if it tells of all of them. But whom the alert that is open has told of stays in
/// it until that is solved: two rules could leave a device to each other.
fn untold(
    devices: Vec<String>,
    open: Option<&&Row>,
    by_another: impl Fn(&str) -> bool,
) -> Option<Vec<String>> {
    let is_told = |device: &String| open.is_some_and(|row| row.draft.devices.contains(device));
    let left: Vec<String> =
        devices.iter().filter(|device| is_told(device) || !by_another(device)).cloned().collect();
    match (left.is_empty(), open.is_some()) {
        (true, false) => None,
        (true, true) => Some(devices),
        (false, _) => Some(left),
    }
}

/// From when on a rule that watches gateways tells of this one.
fn rings_from(rule: &Rule, gateway: &GatewayFacts) -> UtcInstant {
    silence::silent_since(gateway).saturating_add(lasting(rule))
}

/// What a gateway says of itself, and when it did, if that is not so long ago that it says nothing of now.
fn told(gateway: &GatewayFacts, now: UtcInstant) -> Option<&(UtcInstant, Status)> {
    gateway.status.as_ref().filter(|(at, _)| now.duration_since(*at) <= RINGING_WINDOW)
}

fn closed_round(status: &Status) -> Option<(UtcInstant, &[String])> {
    let round = status.round.as_ref()?;
    Some((round.closed.as_ref()?.parse().ok()?, round.silent.as_slice()))
}

fn of_round(rule: &Rule, view: View<'_>, gateway: &GatewayFacts) -> Option<Level> {
    let (closed, silent) = closed_round(&told(gateway, view.now)?.1)?;
    let devices = rule.among(silent);
    let text = text::of_round(&gateway.name, closed, devices.len());
    let history = view.now.duration_since(closed) > RINGING_WINDOW;
    (!devices.is_empty()).then(|| Level { history, ..Level::new(subject_of(gateway), closed, devices, text) })
}

/// Whether so much is too much: an alert that is open stays so until the other limit.
fn is_full(rule: &Rule, subject: &str, used: i64, open: &BTreeMap<&str, &Row>) -> bool {
    if open.contains_key(subject) { used > rule.solved_at() } else { used >= rule.limit() }
}

fn of_journal(
    rule: &Rule,
    view: View<'_>,
    gateway: &GatewayFacts,
    open: &BTreeMap<&str, &Row>,
) -> Option<Level> {
    let (at, status) = told(gateway, view.now)?;
    let (bytes, limit) = (status.journal_bytes?, status.journal_limit?);
    let used = i64::try_from(bytes.saturating_mul(10_000).checked_div(limit)?).unwrap_or(i64::MAX);
    let subject = subject_of(gateway);
    let concerned = rule.devices.is_none() || !rule.among(&gateway.devices).is_empty();
    let text = text::of_room(&format!("the journal of gateway {}", gateway.name), used);
    (concerned && is_full(rule, &subject, used, open)).then(|| Level::new(subject, *at, Vec::new(), text))
}

fn of_disk(rule: &Rule, view: View<'_>, open: &BTreeMap<&str, &Row>) -> Option<Level> {
    let used = view.facts.disk_used?;
    let text = text::of_room("the disk of the cloud's data folder", used);
    is_full(rule, "cloud", used, open).then(|| Level::new("cloud".into(), view.now, Vec::new(), text))
}

/// Devices that owe `owed` surveys; those that a gateway is to blame for are one level.
fn of_devices(rule: &Rule, view: View<'_>, open: &BTreeMap<&str, &Row>, owed: u32) -> Vec<Level> {
    let mut levels = Vec::new();
    let mut groups: BTreeMap<i64, Vec<(&DeviceFacts, Blame)>> = BTreeMap::new();
    let mut told_alone = BTreeSet::new();
    for device in view.facts.late.iter().filter(|device| rule.covers(&device.name)) {
        if view.now < silence::overdue_since(device, owed).saturating_add(lasting(rule)) {
            continue;
        }
        let alone = open.contains_key(format!("device:{}", device.name).as_str());
        let gateway = device.gateway.and_then(|id| Some((id, view.facts.gateways.get(&id)?)));
        match gateway.map(|(id, gateway)| (id, silence::blame(device, gateway, view.now))) {
            // It has an alert of its own already; of one that may be the gateway's fault the others are not told one by one, too.
            blamed if alone => {
                told_alone.extend(blamed.filter(|(_, blame)| *blame == Blame::Unsure).map(|(id, _)| id));
                levels.push(of_device(rule, device, owed));
            }
            None | Some((_, Blame::Device)) => levels.push(of_device(rule, device, owed)),
            Some((id, blame)) => groups.entry(id).or_default().push((device, blame)),
        }
    }
    for (id, members) in groups {
        if let Some(gateway) = view.facts.gateways.get(&id) {
            let first = !told_alone.contains(&id);
            levels.extend(of_group(rule, view, gateway, &members, open, (owed, first)));
        }
    }
    levels
}

fn of_device(rule: &Rule, device: &DeviceFacts, owed: u32) -> Level {
    let text = text::of_device(rule.kind, &device.name, device.last_contact);
    let since = silence::overdue_since(device, owed);
    Level::new(format!("device:{}", device.name), since, vec![device.name.clone()], text)
}

/// The devices of `gateway` whose silence is not, or may not be, their own; `first`: none of them was told of before.
fn of_group(
    rule: &Rule,
    view: View<'_>,
    gateway: &GatewayFacts,
    members: &[(&DeviceFacts, Blame)],
    open: &BTreeMap<&str, &Row>,
    (owed, first): (u32, bool),
) -> Vec<Level> {
    let subject = subject_of(gateway);
    let own = open.get(subject.as_str());
    let is_open = own.is_some();
    let has = |blame| members.iter().any(|(_, one)| *one == blame);
    if members.len() == 1 && first && has(Blame::Unsure) && !is_open {
        return members.iter().map(|(device, _)| of_device(rule, device, owed)).collect();
    }
    if !is_open && !has(Blame::Gateway) && !has(Blame::Unsure) {
        return Vec::new();
    }
    let late: Vec<String> = members.iter().map(|(device, _)| device.name.clone()).collect();
    let concerned = if has(Blame::Gateway) { rule.among(&gateway.devices) } else { late };
    let Some(devices) = untold(concerned, own, |device| is_left_to_another(view, gateway, device)) else {
        return Vec::new();
    };
    let since =
        members.iter().map(|(device, _)| silence::overdue_since(device, owed)).min().unwrap_or(view.now);
    let text = text::of_group(&gateway.name, gateway.last_contact, devices.len());
    vec![Level::new(subject, since, devices, text)]
}

/// Whether a rule that watches the gateway itself tells somebody of this device of it, now or within the time of grace.
fn is_left_to_another(view: View<'_>, gateway: &GatewayFacts, device: &str) -> bool {
    let soon = view.now.saturating_add(GRACE);
    let tells = |rule: &&Rule| {
        rule.enabled
            && rule.kind == Kind::GatewaySilent
            && !rule.channels.is_empty()
            && soon >= rings_from(rule, gateway)
            && rule.covers(device)
    };
    silence::is_named(gateway) && view.rules.iter().any(|rule| tells(&rule))
}

/// The alerts that are still not solved and of which it is time to say so again.
pub(crate) fn repetitions<'a>(rule: &Rule, open: &'a [Row], now: UtcInstant) -> Vec<&'a Row> {
    let pause = Duration::from_secs(rule.repeat_s.unsigned_abs());
    let due = |row: &&Row| {
        let told = row.told.unwrap_or(row.draft.began);
        rule.enabled
            && rule.repeat_s > 0
            && row.rings
            && !row.acknowledged
            && now.duration_since(told) >= pause
    };
    open.iter().filter(due).collect()
}

#[cfg(test)]
mod tests;
