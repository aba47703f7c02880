//! Episodes: the times in which a condition held, out of a device's readings. A function of the set of readings, so the order in which
//! they came does not matter.
//!
//! After a reading that solves nothing is left of what was before it: whoever judges a part may begin behind one.

use super::{band::Band, change::Proof};
use fieldpost_core::UtcInstant;
use std::time::Duration;

/// How long without another conflict until a device's conflicts are solved: a survey of a day and its grace.
const CONFLICTS_QUIET: Duration = Duration::from_hours(26);

/// A time in which a condition held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Episode {
    /// The first reading of it.
    pub(crate) began: UtcInstant,
    /// The reading that made it an alert: the condition had held for long enough.
    pub(crate) certain: UtcInstant,
    /// The last reading of it.
    pub(crate) last: UtcInstant,
    /// The worst value, in hundredths; of conflicts, their number.
    pub(crate) worst: i64,
    /// The value of the last reading.
    pub(crate) latest: i64,
    /// The reading that solved it; None: it lasts.
    pub(crate) resolved: Option<UtcInstant>,
}

/// Judges one quantity's readings, in order of time.
#[derive(Debug)]
pub(crate) struct Judge {
    band: Band,
    /// What began, and is not solved.
    now: Option<Started>,
    /// What was.
    over: Vec<Episode>,
}

#[derive(Debug)]
struct Started {
    episode: Episode,
    /// It has held for long enough.
    certain: bool,
}

impl Judge {
    pub(crate) fn new(band: Band) -> Self {
        Self { band, now: None, over: Vec::new() }
    }

    /// Goes on behind an alert that lasts: no reading since it began solves it.
    pub(crate) fn resume(band: Band, began: UtcInstant, proof: Proof) -> Self {
        let Proof { certain, worst } = proof;
        let episode = Episode { began, certain, last: certain, worst, latest: worst, resolved: None };
        Self { band, now: Some(Started { episode, certain: true }), over: Vec::new() }
    }

    /// The next reading.
    pub(crate) fn reading(&mut self, time: UtcInstant, value: i64) {
        let Some(mut started) = self.now.take() else {
            self.now = self.band.violates(value).then(|| self.start(time, value));
            return;
        };
        // What is not yet an alert ends with the first good value; an alert only where it is solved.
        let ends = if started.certain { self.band.solves(value) } else { !self.band.violates(value) };
        if ends {
            if started.certain {
                self.over.push(Episode { resolved: Some(time), ..started.episode });
            }
            return;
        }
        let episode = &mut started.episode;
        (episode.last, episode.latest) = (time, value);
        episode.worst = self.band.worse(episode.worst, value);
        if !started.certain && self.band.has_lasted(episode.began, time) {
            (started.certain, episode.certain) = (true, time);
        }
        self.now = Some(started);
    }

    fn start(&self, time: UtcInstant, value: i64) -> Started {
        let episode =
            Episode { began: time, certain: time, last: time, worst: value, latest: value, resolved: None };
        Started { episode, certain: self.band.has_lasted(time, time) }
    }

    /// All episodes, in order; only the last may last.
    pub(crate) fn finish(mut self) -> Vec<Episode> {
        self.over.extend(self.now.filter(|started| started.certain).map(|started| started.episode));
        self.over
    }
}

/// The episodes of conflicts, out of the times (ascending) of readings that are contradicted, as far as they can be known `now`: at
/// least `least` of them, none a day and more apart.
pub(crate) fn of_conflicts(times: &[UtcInstant], least: usize, now: UtcInstant) -> Vec<Episode> {
    let together = times
        .chunk_by(|one, next| next.duration_since(*one) < CONFLICTS_QUIET)
        .filter(|group| group.len() >= least);
    let episode = |group: &[UtcInstant]| {
        let (began, last) = (*group.first()?, *group.last()?);
        let certain = group.get(least.saturating_sub(1)).copied().unwrap_or(last);
        let quiet = last.saturating_add(CONFLICTS_QUIET);
        let count = i64::try_from(group.len()).unwrap_or(i64::MAX);
        let resolved = (quiet <= now).then_some(quiet);
        Some(Episode { began, certain, last, worst: count, latest: count, resolved })
    };
    together.filter_map(episode).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::rule::{Kind, Rule, tests::rule},
        *,
    };
    use proptest::prelude::*;

    fn hour(hour: i64) -> UtcInstant {
        UtcInstant::from_millis(1_751_328_000_000 + hour * 3_600_000)
    }

    /// When hourly `values` begin and end to be an alert of `rule`, in hours.
    fn judged(rule: &Rule, values: &[i64]) -> Vec<(usize, Option<usize>)> {
        let mut judge = Judge::new(Band::of(rule).unwrap());
        for (at, value) in values.iter().enumerate() {
            judge.reading(hour(at as i64), *value);
        }
        let index = |time: UtcInstant| (time.duration_since(hour(0)).as_secs() / 3_600) as usize;
        judge.finish().iter().map(|one| (index(one.began), one.resolved.map(index))).collect()
    }

    #[test]
    fn a_value_below_the_limit_is_an_alert_until_it_is_at_the_other() {
        let dry = Rule { clear: Some(2_500), ..rule(Kind::MoistureBelow, Some(2_000)) };
        let values = [2_600, 2_000, 1_999, 2_100, 1_500, 2_499, 2_500, 2_100, 1_900];
        assert_eq!(judged(&dry, &values), [(2, Some(6)), (8, None)]);
    }

    #[test]
    fn a_value_above_the_limit_is_an_alert_until_it_has_fallen() {
        let wet = Rule { clear: Some(3_000), ..rule(Kind::MoistureAbove, Some(4_000)) };
        assert_eq!(judged(&wet, &[4_000, 4_001, 3_500, 3_001, 3_000, 3_500]), [(1, Some(4))]);
    }

    #[test]
    fn for_a_time_is_meant_by_the_readings_times() {
        let dry = Rule { for_s: 2 * 3_600, ..rule(Kind::MoistureBelow, Some(2_000)) };
        assert_eq!(judged(&dry, &[1_900, 1_900, 2_000, 1_900, 1_900, 1_900, 2_000]), [(3, Some(6))]);
        assert_eq!(judged(&dry, &[1_900, 1_900]), [], "an hour is not two");
    }

    #[test]
    fn frost_is_below_zero_until_a_degree() {
        let frost = rule(Kind::Frost, None);
        assert_eq!(judged(&frost, &[0, -1, 50, -20, 99, 100]), [(1, Some(5))]);
    }

    #[test]
    fn conflicts_a_day_apart_are_two_alerts_and_quiet_solves_them() {
        let times = [hour(0), hour(1), hour(40), hour(41)];
        let found = of_conflicts(&times, 2, hour(60));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].began, found[0].resolved), (hour(0), Some(hour(27))));
        assert_eq!((found[1].began, found[1].certain, found[1].resolved), (hour(40), hour(41), None));
        assert_eq!(of_conflicts(&times, 3, hour(60)), []);
    }

    proptest! {
        /// What makes it right to judge a part only.
        #[test]
        fn behind_a_reading_that_solves_a_part_is_judged_like_the_whole(
            values in proptest::collection::vec(1_800_i64..2_700, 1..60),
            for_hours in 0_i64..4,
            cut in 0_usize..60,
        ) {
            let dry = Rule { clear: Some(2_500), for_s: for_hours * 3_600, ..rule(Kind::MoistureBelow, Some(2_000)) };
            let cut = cut.min(values.len());
            let start = values[..cut].iter().rposition(|value| *value >= 2_500).map_or(0, |at| at + 1);
            let part = judged(&dry, &values[start..]);
            let part: Vec<_> = part.into_iter().map(|(b, r)| (b + start, r.map(|r| r + start))).collect();
            let whole: Vec<_> = judged(&dry, &values).into_iter().filter(|(began, _)| *began >= start).collect();
            prop_assert_eq!(part, whole);
        }

        #[test]
        fn between_two_alerts_there_is_always_a_value_that_solves(
            values in proptest::collection::vec(1_800_i64..2_700, 1..60),
        ) {
            let dry = Rule { clear: Some(2_500), ..rule(Kind::MoistureBelow, Some(2_000)) };
            for pair in judged(&dry, &values).windows(2) {
                let solved = pair[0].1.expect("only the last one lasts");
                prop_assert!(values[solved] >= 2_500 && solved < pair[1].0);
                prop_assert!(values[pair[1].0] < 2_000);
            }
        }
    }
}
