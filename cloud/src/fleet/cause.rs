//! Why a device is not fresh, as far as anybody here can know (promise P8): itself, or the way from it to us.

use super::state::State;
use crate::submission::Origin;
use fieldpost_core::UtcInstant;
use std::time::Duration;

/// A gateway that tells its status does so every few minutes; after so long it is silent.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(60 * 60);
/// Any other gateway is heard only when it brings surveys: once a day.
pub(crate) const SILENT_AFTER_A_DAY: Duration = Duration::from_secs(26 * 60 * 60);

/// Until when a gateway that was heard at `last_contact`, and last told its status at `told`, may say nothing.
pub(crate) fn silent_after(last_contact: UtcInstant, told: Option<UtcInstant>) -> UtcInstant {
    // One that has stopped telling its status and still brings surveys (an older program, say) is judged by these.
    let tells = told.is_some_and(|told| last_contact <= told.saturating_add(SILENT_AFTER));
    last_contact.saturating_add(if tells { SILENT_AFTER } else { SILENT_AFTER_A_DAY })
}

/// What is known of a gateway that brings surveys, or expects a device.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gateway {
    pub(crate) name: String,
    /// When anything last came from it.
    pub(crate) last_contact: UtcInstant,
    /// What it last told of itself; None if it never did.
    pub(crate) backlog: Option<Backlog>,
}

/// What a gateway holds that we do not, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// When it said so.
    pub(crate) at: UtcInstant,
    /// Surveys that wait there.
    pub(crate) waiting: i64,
    /// When the oldest of them came there.
    pub(crate) oldest: Option<UtcInstant>,
}

impl Gateway {
    /// Whether nothing came from it for longer than is its way.
    pub(crate) fn is_silent(&self, now: UtcInstant) -> bool {
        // Nobody waits for who sent a file by hand.
        !Origin::is_import(&self.name)
            && now > silent_after(self.last_contact, self.backlog.map(|told| told.at))
    }

    /// What waits there, if anything does.
    pub(crate) fn waiting(&self) -> Option<Backlog> {
        self.backlog.filter(|backlog| backlog.waiting > 0)
    }
}

/// Who or what a device's silence is laid to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(as = CauseKind, rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The device: the way from it to us is in order.
    Device,
    /// Its gateway, which is silent too.
    Gateway,
    /// Its gateway has surveys that it could not pass on yet.
    Waiting,
}

impl Kind {
    /// As JSON has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Gateway => "gateway",
            Self::Waiting => "waiting",
        }
    }
}

/// Why a device is not fresh.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cause {
    pub(crate) kind: Kind,
    /// For people.
    pub(crate) text: String,
    /// The gateway's name, if the device has one.
    pub(crate) gateway: Option<String>,
    /// Since when; None if nobody knows.
    pub(crate) since: Option<UtcInstant>,
}

/// Why a device in `state`, last heard at `contact`, is not fresh; None if it is. `gateway` last brought it or, if it
/// never came, expects it.
pub(crate) fn of(
    state: State,
    contact: Option<UtcInstant>,
    gateway: Option<&Gateway>,
    now: UtcInstant,
) -> Option<Cause> {
    if state == State::Fresh {
        return None;
    }
    let Some(gateway) = gateway else {
        let text = match contact {
            Some(contact) => format!("nothing has come from it since {contact}"),
            None => "it is registered, and nothing has come from it yet".to_owned(),
        };
        return Some(Cause { kind: Kind::Device, text, gateway: None, since: contact });
    };
    let name = &gateway.name;
    let (kind, text, since) = if gateway.is_silent(now) {
        let since = gateway.last_contact;
        (Kind::Gateway, format!("its gateway {name} has been silent since {since}"), Some(since))
    } else if let Some(Backlog { at, waiting, oldest }) = gateway.waiting() {
        let since = oldest.unwrap_or(at);
        (Kind::Waiting, format!("{} at its gateway {name} since {since}", surveys_wait(waiting)), Some(since))
    } else {
        let text = match contact {
            Some(contact) => {
                format!("its gateway {name} is in order; nothing has come from the meter since {contact}")
            }
            None => format!("gateway {name} expects it, and nothing has come from it yet"),
        };
        (Kind::Device, text, contact)
    };
    Some(Cause { kind, text, gateway: Some(name.clone()), since })
}

/// How many surveys wait, as a clause.
pub(crate) fn surveys_wait(waiting: i64) -> String {
    if waiting == 1 { "1 survey waits".to_owned() } else { format!("{waiting} surveys wait") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcInstant {
        text.parse().unwrap()
    }

    fn gateway(contact: &str, backlog: Option<(&str, i64)>) -> Gateway {
        let backlog = backlog.map(|(told, waiting)| Backlog {
            at: at(told),
            waiting,
            oldest: Some(at("2026-07-01T00:00:00Z")),
        });
        Gateway { name: "north".into(), last_contact: at(contact), backlog }
    }

    #[test]
    fn p8_a_gateway_that_tells_its_status_is_silent_after_an_hour_and_another_after_a_day() {
        let told = "2026-07-02T10:00:00Z";
        assert!(!gateway(told, Some((told, 0))).is_silent(at("2026-07-02T11:00:00Z")));
        assert!(gateway(told, Some((told, 0))).is_silent(at("2026-07-02T11:00:01Z")));
        assert!(!gateway(told, None).is_silent(at("2026-07-03T12:00:00Z")));
        assert!(gateway(told, None).is_silent(at("2026-07-03T12:00:01Z")));
        let older_program = gateway("2026-07-03T10:00:00Z", Some((told, 0)));
        assert!(!older_program.is_silent(at("2026-07-04T12:00:00Z")), "it has stopped telling, not working");
    }

    #[test]
    fn p8_silence_is_laid_to_the_gateway_to_what_waits_there_or_to_the_device() {
        let contact = Some(at("2026-07-01T06:00:00Z"));
        let now = at("2026-07-02T10:30:00Z");
        let told = "2026-07-02T10:00:00Z";
        let cause = |gateway: Option<Gateway>| of(State::Late, contact, gateway.as_ref(), now).unwrap();
        let gone = cause(Some(gateway("2026-07-02T09:00:00Z", Some(("2026-07-02T09:00:00Z", 3)))));
        assert_eq!((gone.kind, gone.since), (Kind::Gateway, Some(at("2026-07-02T09:00:00Z"))));
        assert_eq!(gone.text, "its gateway north has been silent since 2026-07-02T09:00:00Z");
        let waits = cause(Some(gateway(told, Some((told, 3)))));
        assert_eq!((waits.kind, waits.since), (Kind::Waiting, Some(at("2026-07-01T00:00:00Z"))));
        assert_eq!(waits.text, "3 surveys wait at its gateway north since 2026-07-01T00:00:00Z");
        let own = cause(Some(gateway(told, Some((told, 0)))));
        assert_eq!((own.kind, own.since, own.gateway.as_deref()), (Kind::Device, contact, Some("north")));
        assert_eq!(cause(None).gateway, None);
        assert_eq!(of(State::Fresh, contact, None, now), None);
        let never = of(State::Never, None, Some(&gateway(told, Some((told, 0)))), now).unwrap();
        assert_eq!(never.text, "gateway north expects it, and nothing has come from it yet");
        assert_eq!(never.since, None);
    }
}
