//! What people read: one sentence, with the device or gateway, the values and the times in it.

use super::{
    band::{Band, Quantity},
    episodes::Episode,
    rule::{Kind, Rule},
};
use fieldpost_core::UtcInstant;
use std::fmt::{self, Display};

/// Hundredths, printed without needless zeros.
struct Hundredths(i64);

impl Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match (rest, rest % 10) {
            (0, _) => write!(f, "{sign}{whole}"),
            (_, 0) => write!(f, "{sign}{whole}.{}", rest / 10),
            _ => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

/// Of an episode of readings.
pub(crate) fn of_episode(rule: &Rule, device: &str, episode: &Episode) -> String {
    match Band::of(rule) {
        Some(band) => of_values(rule, band.quantity, device, episode),
        None => of_conflicts(device, episode),
    }
}

fn of_values(rule: &Rule, quantity: Quantity, device: &str, episode: &Episode) -> String {
    let (what, unit) = match quantity {
        Quantity::Temperature => ("temperature", "°C"),
        Quantity::Moisture => ("moisture", "%"),
    };
    let side = if rule.kind.is_below() { "below" } else { "above" };
    let (began, limit) = (episode.began, Hundredths(rule.limit()));
    let (worst, latest) = (Hundredths(episode.worst), Hundredths(episode.latest));
    match episode.resolved {
        Some(end) => format!(
            "{what} of {device} was {side} {limit} {unit} from {began}, at worst {worst} {unit}; solved at {end}"
        ),
        None => format!(
            "{what} of {device} went {side} {limit} {unit} at {began}; {latest} {unit} at {}, at worst {worst} {unit}",
            episode.last
        ),
    }
}

fn of_conflicts(device: &str, episode: &Episode) -> String {
    let count = counted(episode.worst.unsigned_abs(), "reading");
    let (began, last) = (episode.began, episode.last);
    format!("{count} of {device} from {began} to {last} came again with other values; the first ones stay")
}

/// An alert that the readings refute.
pub(crate) fn withdrawn(rule: &Rule, text: &str) -> String {
    format!("withdrawn, for readings that came later show that {} was not met: {text}", rule.kind.name())
}

/// A device that owes a survey.
pub(crate) fn of_device(kind: Kind, device: &str, last_contact: UtcInstant) -> String {
    let word = if kind == Kind::DeviceSilent { "silent" } else { "late" };
    format!("{device} is {word}: its last survey came at {last_contact}")
}

/// A gateway of which nothing is heard, and which brought the last surveys of so many devices.
pub(crate) fn of_gateway(gateway: &str, last_contact: UtcInstant, devices: usize) -> String {
    let brings = match devices {
        0 => "others bring the surveys of its devices".to_owned(),
        _ => format!("it brings the surveys of {}", counted(devices as u64, "device")),
    };
    format!("gateway {gateway} has said nothing since {last_contact}; {brings}")
}

/// Devices of which nothing came since their gateway was away, or as long as it may be.
pub(crate) fn of_group(gateway: &str, last_contact: UtcInstant, late: usize) -> String {
    format!(
        "{} of gateway {gateway} are late; it was heard last at {last_contact}",
        counted(late as u64, "device")
    )
}

/// A round that closed without some.
pub(crate) fn of_round(gateway: &str, closed: UtcInstant, silent: usize) -> String {
    format!(
        "the round of gateway {gateway} that closed at {closed} lacks {}",
        counted(silent as u64, "device")
    )
}

/// A journal or disk that is nearly full; `used` in hundredths of a percent.
pub(crate) fn of_room(what: &str, used: i64) -> String {
    format!("{what} is {} % full", Hundredths(used))
}

/// An alert whose condition is over.
pub(crate) fn solved(text: &str, at: UtcInstant) -> String {
    format!("solved at {at}: {text}")
}

/// An alert of a gateway that says nothing any more.
pub(crate) fn unheard(text: &str, last_contact: UtcInstant) -> String {
    format!("ended, for its gateway has said nothing of this since {last_contact}: {text}")
}

/// An alert whose rule was changed or removed.
pub(crate) fn ended(text: &str) -> String {
    format!("ended, for its rule was changed, switched off or removed: {text}")
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{super::rule::tests::rule, *};

    #[test]
    fn an_alert_reads_as_a_sentence_with_exact_numbers() {
        let at = |text: &str| text.parse::<UtcInstant>().unwrap();
        let episode = Episode {
            began: at("2026-07-01T02:00:00Z"),
            certain: at("2026-07-01T02:00:00Z"),
            last: at("2026-07-01T04:00:00Z"),
            worst: -125,
            latest: -50,
            resolved: None,
        };
        assert_eq!(
            of_episode(&rule(Kind::Frost, None), "m1", &episode),
            "temperature of m1 went below 0 °C at 2026-07-01T02:00:00Z; -0.5 °C at 2026-07-01T04:00:00Z, at worst -1.25 °C"
        );
        assert_eq!(format!("{} {} {}", Hundredths(-5), Hundredths(2_000), Hundredths(1)), "-0.05 20 0.01");
    }
}
