//! Whether a device reports as it should (promise P8).

use fieldpost_core::UtcInstant;
use std::time::Duration;

/// How often a device owes a survey, if nobody says, in seconds: once a day.
pub(crate) const SURVEY_S: u32 = 86_400;
/// How much later than it owes it a survey may come: rounds, retries and slow links take their time.
pub(crate) const GRACE: Duration = Duration::from_secs(2 * 60 * 60);

/// How a device does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(as = DeviceState, rename_all = "lowercase")]
pub(crate) enum State {
    /// It owes nothing.
    Fresh,
    /// It owes a survey.
    Late,
    /// It owes two or more.
    Silent,
    /// It is known by name alone: nothing ever came from it.
    Never,
}

impl State {
    /// Of a device that owes a survey every `survey_s` seconds and was last heard at `contact`.
    pub(crate) fn of(contact: Option<UtcInstant>, survey_s: u32, now: UtcInstant) -> Self {
        let Some(contact) = contact else { return Self::Never };
        let owed = |surveys| {
            let span = Duration::from_secs(survey_s.into()).saturating_mul(surveys);
            contact.saturating_add(span).saturating_add(GRACE)
        };
        match now {
            now if now <= owed(1) => Self::Fresh,
            now if now <= owed(2) => Self::Late,
            _ => Self::Silent,
        }
    }

    /// As JSON and queries have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Late => "late",
            Self::Silent => "silent",
            Self::Never => "never",
        }
    }

    /// The state of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Fresh, Self::Late, Self::Silent, Self::Never].into_iter().find(|state| state.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p8_a_device_is_late_two_hours_after_it_owed_a_survey_and_silent_when_it_owes_two() {
        let contact: UtcInstant = "2026-07-01T06:00:00Z".parse().unwrap();
        let state = |text: &str| State::of(Some(contact), SURVEY_S, text.parse().unwrap());
        assert_eq!(state("2026-06-30T00:00:00Z"), State::Fresh, "the clock was set back");
        assert_eq!(state("2026-07-02T08:00:00Z"), State::Fresh);
        assert_eq!(state("2026-07-02T08:00:00.001Z"), State::Late);
        assert_eq!(state("2026-07-03T08:00:00Z"), State::Late);
        assert_eq!(state("2026-07-03T08:00:00.001Z"), State::Silent);
        assert_eq!(State::of(Some(contact), 600, "2026-07-01T08:10:01Z".parse().unwrap()), State::Late);
        assert_eq!(State::of(Some(contact), u32::MAX, UtcInstant::LATEST), State::Silent);
        assert_eq!(State::of(None, SURVEY_S, contact), State::Never);
    }

    #[test]
    fn states_are_found_by_their_names() {
        for state in [State::Fresh, State::Late, State::Silent, State::Never] {
            assert_eq!(State::named(state.name()), Some(state));
        }
        assert_eq!(State::named("Fresh"), None);
    }
}
