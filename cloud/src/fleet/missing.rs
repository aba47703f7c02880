//! Where the readings that are missing of a day may still be.

use super::{
    cause::{Gateway, surveys_wait},
    state::State,
};
use fieldpost_core::UtcInstant;

/// What is known of a device, of whose day `missing` slots are empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Absence<'a> {
    pub(crate) missing: usize,
    pub(crate) state: State,
    pub(crate) contact: Option<UtcInstant>,
    /// When the day ends.
    pub(crate) end: UtcInstant,
    /// Who last brought the device.
    pub(crate) gateway: Option<&'a Gateway>,
}

impl Absence<'_> {
    /// As a sentence for people.
    pub(crate) fn place(self, now: UtcInstant) -> String {
        let Some(contact) = self.contact else {
            return "Nothing has come from this meter yet.".to_owned();
        };
        if self.missing == 0 {
            return if contact < self.end && now < self.end {
                "Nothing is missing so far; the rest comes with the next surveys.".to_owned()
            } else {
                "Nothing is missing.".to_owned()
            };
        }
        if let Some(gateway) = self.gateway {
            let name = &gateway.name;
            if gateway.is_silent(now) {
                let since = gateway.last_contact;
                return format!(
                    "They may wait at gateway {name}, which has been silent since {since}, or in the meter."
                );
            }
            if let Some(backlog) = gateway.waiting() {
                let since = backlog.oldest.unwrap_or(backlog.at);
                return format!(
                    "They may be among what waits at gateway {name}: {} since {since}.",
                    surveys_wait(backlog.waiting)
                );
            }
        }
        if self.state != State::Fresh || contact < self.end {
            return format!("They may still be in the meter: nothing has come from it since {contact}.");
        }
        match self.gateway.filter(|gateway| gateway.backlog.is_some()) {
            Some(Gateway { name, .. }) => format!(
                "Nothing waits at gateway {name}, and the meter has reported since: it did not measure, or it has lost them."
            ),
            None => "The meter has reported since: it did not measure, or it has lost them.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cause::Backlog;
    use super::*;

    #[test]
    fn what_is_missing_is_sought_on_its_way() {
        let at = |text: &str| -> UtcInstant { text.parse().unwrap() };
        let (end, now) = (at("2026-07-02T00:00:00Z"), at("2026-07-04T12:00:00Z"));
        let gateway = |contact: &str, waiting| Gateway {
            name: "north".into(),
            last_contact: at(contact),
            backlog: Some(Backlog { at: at(contact), waiting, oldest: None }),
        };
        let (well, gone) = (gateway("2026-07-04T11:59:00Z", 0), gateway("2026-07-04T01:00:00Z", 0));
        let busy = gateway("2026-07-04T11:59:00Z", 1);
        let place = |missing, contact: &str, gateway| {
            let state = if contact.starts_with("2026-07-04") { State::Fresh } else { State::Silent };
            Absence { missing, state, contact: Some(at(contact)), end, gateway }.place(now)
        };
        let (since, before) = ("2026-07-04T06:00:00Z", "2026-07-01T06:00:00Z");
        assert_eq!(place(0, since, Some(&well)), "Nothing is missing.");
        assert!(
            place(3, since, Some(&gone)).contains("north, which has been silent since 2026-07-04T01:00:00Z")
        );
        assert!(place(3, since, Some(&busy)).contains("1 survey waits since 2026-07-04T11:59:00Z"));
        assert!(place(3, before, Some(&well)).contains("still be in the meter"));
        assert!(place(3, since, Some(&well)).contains("Nothing waits at gateway north"));
        assert!(place(3, since, None).starts_with("The meter has reported since"));
    }
}
