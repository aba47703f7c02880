//! Who is silent, since when, and whose fault that is (promise P8).

use super::facts::{DeviceFacts, GatewayFacts};
pub(crate) use crate::fleet::state::GRACE;
use crate::{fleet::cause, submission::Origin};
use fieldpost_core::UtcInstant;

/// Since when a device owes its second survey (`owed` 2), or its first (1).
pub(crate) fn overdue_since(device: &DeviceFacts, owed: u32) -> UtcInstant {
    device.last_contact.saturating_add(device.survey.saturating_mul(owed).saturating_add(GRACE))
}

/// When a gateway of which nothing is heard becomes silent.
pub(crate) fn silent_since(gateway: &GatewayFacts) -> UtcInstant {
    cause::silent_after(gateway.last_contact, gateway.status.as_ref().map(|(at, _)| *at))
}

/// Whether a sender said its name. One that did not is known by its address: an import by hand is one, too, and must not be
/// called silent the day after.
pub(crate) fn is_named(gateway: &GatewayFacts) -> bool {
    let name = &gateway.name;
    !name.starts_with("http:") && !name.starts_with("tcp:") && !Origin::is_import(name)
}

/// Why a device owes a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Its gateway was heard since the survey was due.
    Device,
    /// Its gateway is silent itself.
    Gateway,
    /// Its gateway was heard shortly before the survey was due, and not since.
    Unsure,
    /// Its gateway was silent and is back: what waited in the field has a survey's time to come.
    Wait,
}

/// Whom to blame for `device`, which owes a survey `now`; its gateway is `gateway`.
pub(crate) fn blame(device: &DeviceFacts, gateway: &GatewayFacts, now: UtcInstant) -> Blame {
    let due = due(device);
    // Whether its return was noted already or is about to be makes no difference.
    let heard_again = gateway.out.filter(|out| gateway.last_contact > *out).map(|_| gateway.last_contact);
    let back = heard_again.or(gateway.returned).filter(|back| *back > device.last_contact);
    if now >= silent_since(gateway) || gateway.last_contact.saturating_add(GRACE) < due {
        Blame::Gateway
    } else if back.is_some_and(|back| now < back.saturating_add(device.survey.saturating_add(GRACE))) {
        Blame::Wait
    } else if !is_its_own(device, gateway) {
        Blame::Unsure
    } else {
        Blame::Device
    }
}

/// When the survey was due that is missed first.
fn due(device: &DeviceFacts) -> UtcInstant {
    device.last_contact.saturating_add(device.survey)
}

/// Whether the gateway was heard since the survey was due: then the device is silent for itself, also if the gateway falls silent later.
pub(crate) fn is_its_own(device: &DeviceFacts, gateway: &GatewayFacts) -> bool {
    gateway.last_contact >= due(device)
}

/// What has to be noted of a gateway, so that its return is known later, also after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// It is silent since this contact.
    Out(UtcInstant),
    /// It was heard again at this instant.
    Back(UtcInstant),
}

/// Whether something has to be noted. `blamed`: some device's silence is its fault.
pub(crate) fn outage(gateway: &GatewayFacts, blamed: bool, now: UtcInstant) -> Option<Outage> {
    match gateway.out {
        None if blamed || now >= silent_since(gateway) => Some(Outage::Out(gateway.last_contact)),
        Some(out) if gateway.last_contact > out => Some(Outage::Back(gateway.last_contact)),
        _ => None,
    }
}
