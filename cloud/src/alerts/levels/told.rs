//! What was told of a gateway's outage before its own rule rings, by rules that watch its devices: one outage is one alert, whichever
//! rule is the first to tell of it.

use super::{View, subject_of};
use crate::alerts::{
    MAX_LISTED,
    change::Row,
    facts::GatewayFacts,
    rule::{Kind, Rule},
    silence,
};
use std::collections::{BTreeMap, BTreeSet};

/// What everybody whom a rule tells has heard already.
pub(super) struct Told<'a> {
    /// Alerts of groups, by their subjects, and their rules.
    groups: BTreeMap<&'a str, Vec<(&'a Row, &'a Rule)>>,
    /// Devices that have an alert of their own, although their silence is, or may be, their gateway's fault.
    devices: BTreeSet<&'a str>,
}

impl<'a> Told<'a> {
    /// What those have heard whom `rule` tells.
    pub(super) fn to_those_of(rule: &Rule, view: View<'a>) -> Self {
        let mut told = Self { groups: BTreeMap::new(), devices: BTreeSet::new() };
        for row in view.open {
            let Some(teller) = teller(row, rule, view.rules) else { continue };
            match row.draft.subject.strip_prefix("device:") {
                Some(device) => _ = told.devices.insert(device),
                None => told.groups.entry(&row.draft.subject).or_default().push((row, teller)),
            }
        }
        told.excuse(view);
        told
    }

    /// Leaves out the devices that are silent on their own: of the outage nothing was told with them.
    fn excuse(&mut self, view: View<'a>) {
        let alone = std::mem::take(&mut self.devices);
        let late = view.facts.late.iter().filter(|device| alone.contains(device.name.as_str()));
        let excused = late.filter(|device| {
            let gateway = device.gateway.and_then(|id| view.facts.gateways.get(&id));
            gateway.is_some_and(|gateway| !silence::is_its_own(device, gateway))
        });
        self.devices = excused.map(|device| device.name.as_str()).collect();
    }

    /// Whether they have heard of the outage of `gateway` as far as it is about this device.
    pub(super) fn of(&self, gateway: &GatewayFacts, device: &str) -> bool {
        let group = self.groups.get(subject_of(gateway).as_str());
        self.devices.contains(device)
            || group.is_some_and(|alerts| alerts.iter().any(|(row, rule)| lists(row, rule, device)))
    }
}

/// Whether an alert tells of the device. Of very many it lists the first ones only.
fn lists(row: &Row, rule: &Rule, device: &str) -> bool {
    let listed = &row.draft.devices;
    listed.iter().any(|one| one == device) || listed.len() >= MAX_LISTED && rule.covers(device)
}

/// The rule of an alert, if it is one that watches devices and tells everybody whom `rule` tells. A channel that it got since the alert
/// began has been told of it then.
fn teller<'a>(row: &Row, rule: &Rule, rules: &'a [Rule]) -> Option<&'a Rule> {
    let teller = rules.iter().find(|one| one.id == row.rule).filter(|_| row.rings)?;
    let watches_devices = matches!(teller.kind, Kind::DeviceLate | Kind::DeviceSilent);
    let tells_all = rule.channels.iter().all(|channel| teller.channels.contains(channel));
    (watches_devices && tells_all).then_some(teller)
}
