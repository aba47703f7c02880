//! Which devices a page of the fleet shows, and in which order.

use super::state::{SURVEY_S, State};
use fieldpost_core::UtcInstant;
use std::{cmp::Ordering, collections::BTreeSet};

/// A device, as lists are searched and sorted by it and show it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brief {
    /// Its number in the store.
    pub(crate) number: i64,
    pub(crate) id: String,
    /// Its name for people.
    pub(crate) label: Option<String>,
    pub(crate) place: Option<String>,
    /// Millionths of a degree.
    pub(crate) latitude: Option<i64>,
    pub(crate) longitude: Option<i64>,
    pub(crate) depth_mm: Option<i64>,
    /// How often it measures, in seconds, if somebody says.
    pub(crate) interval_s: Option<u32>,
    /// The number of the gateway that last brought it or, if none has, expects it.
    pub(crate) gateway: Option<i64>,
    /// When a survey of it last came.
    pub(crate) contact: Option<UtcInstant>,
    /// How often it owes a survey, in seconds, if somebody says.
    pub(crate) survey_s: Option<u32>,
    /// When it first measured, in milliseconds.
    pub(crate) first_time: Option<i64>,
    /// When it last measured, and what, in hundredths.
    pub(crate) last_time: Option<i64>,
    pub(crate) temperature: Option<i64>,
    pub(crate) moisture: Option<i64>,
    /// How many readings and conflicts are held of it.
    pub(crate) readings: i64,
    pub(crate) conflicts: i64,
    /// How often something was added to its readings.
    pub(crate) marks: i64,
}

impl Brief {
    /// Whether its coordinates are known.
    fn is_placed(&self) -> bool {
        self.latitude.is_some() && self.longitude.is_some()
    }

    /// How it does.
    pub(crate) fn state(&self, now: UtcInstant) -> State {
        State::of(self.contact, self.survey_s.unwrap_or(SURVEY_S), now)
    }

    /// Whether `search`, in lower case, is part of its id, name or place, or of its gateway's name: one of those with the
    /// numbers `gateways`.
    pub(crate) fn matches(&self, search: &str, gateways: &BTreeSet<i64>) -> bool {
        let has = |text: &str| text.to_lowercase().contains(search);
        search.is_empty()
            || has(&self.id)
            || self.label.as_deref().is_some_and(has)
            || self.place.as_deref().is_some_and(has)
            || self.gateway.is_some_and(|gateway| gateways.contains(&gateway))
    }

    /// What it is sorted by where nothing else decides.
    pub(crate) fn title(&self) -> String {
        self.label.as_deref().unwrap_or(&self.id).to_lowercase()
    }
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(as = FleetSort, rename_all = "lowercase")]
pub(crate) enum Sort {
    Name,
    State,
    Last,
    Moisture,
    Temperature,
    Completeness,
}

impl Sort {
    /// All names, as a query has them.
    pub(crate) const NAMES: [(&'static str, Self); 6] = [
        ("name", Self::Name),
        ("state", Self::State),
        ("last", Self::Last),
        ("moisture", Self::Moisture),
        ("temperature", Self::Temperature),
        ("completeness", Self::Completeness),
    ];
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// In lower case.
    pub(crate) search: String,
    /// Only those with coordinates.
    pub(crate) placed: bool,
    /// Their values then; None is now.
    pub(crate) at: Option<UtcInstant>,
    /// None is all of them.
    pub(crate) states: Option<Vec<State>>,
    pub(crate) sort: Sort,
    pub(crate) descending: bool,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// How many devices there are of each state, among those that are searched for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Counts {
    pub(crate) fresh: usize,
    pub(crate) late: usize,
    pub(crate) silent: usize,
    pub(crate) never: usize,
}

impl Counts {
    fn add(&mut self, state: State) {
        *match state {
            State::Fresh => &mut self.fresh,
            State::Late => &mut self.late,
            State::Silent => &mut self.silent,
            State::Never => &mut self.never,
        } += 1;
    }
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    /// How many devices match, on all pages.
    pub(crate) total: usize,
    pub(crate) counts: Counts,
    /// The first and the last reading of those on all pages, in milliseconds.
    pub(crate) extent: Option<(i64, i64)>,
    pub(crate) devices: Vec<(Brief, State)>,
}

/// The page that `question` asks for; `gateways` are the numbers of those whose names match. `completeness` is asked only if it is sorted by that; devices of which it knows
/// nothing, and those without the value that is sorted by, come last either way.
pub(crate) fn page<E>(
    devices: Vec<Brief>,
    question: &Question,
    gateways: &BTreeSet<i64>,
    now: UtcInstant,
    mut completeness: impl FnMut(&Brief) -> Result<Option<i64>, E>,
) -> Result<Page, E> {
    let mut counts = Counts::default();
    let mut found = Vec::new();
    let wanted = |device: &Brief| {
        (device.is_placed() || !question.placed) && device.matches(&question.search, gateways)
    };
    for device in devices.into_iter().filter(wanted) {
        let state = device.state(now);
        counts.add(state);
        if question.states.as_ref().is_some_and(|states| !states.contains(&state)) {
            continue;
        }
        let key = match question.sort {
            Sort::Name => Some(0),
            Sort::State => Some(state as i64),
            Sort::Last => device.last_time,
            Sort::Moisture => device.moisture,
            Sort::Temperature => device.temperature,
            Sort::Completeness => completeness(&device)?,
        };
        found.push((key, device.title(), device, state));
    }
    let turned = |order: Ordering| if question.descending { order.reverse() } else { order };
    found.sort_unstable_by(|one, other| {
        let keys = match (one.0, other.0) {
            (Some(key), Some(other)) => turned(key.cmp(&other)),
            (key, other) => other.is_some().cmp(&key.is_some()),
        };
        let titles = one.1.cmp(&other.1).then_with(|| one.2.id.cmp(&other.2.id));
        keys.then(if question.sort == Sort::Name { turned(titles) } else { titles })
    });
    let total = found.len();
    let first = found.iter().filter_map(|(_, _, device, _)| device.first_time).min();
    let last = found.iter().filter_map(|(_, _, device, _)| device.last_time).max();
    let devices = found.into_iter().skip(question.offset).take(question.limit);
    let extent = first.zip(last);
    Ok(Page {
        total,
        counts,
        extent,
        devices: devices.map(|(_, _, device, state)| (device, state)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn now() -> UtcInstant {
        "2026-07-10T00:00:00Z".parse().unwrap()
    }

    fn device(id: &str, label: Option<&str>, contact: Option<&str>, moisture: Option<i64>) -> Brief {
        Brief {
            id: id.into(),
            label: label.map(str::to_owned),
            contact: contact.map(|text| text.parse().unwrap()),
            moisture,
            ..Brief::default()
        }
    }

    fn fleet() -> Vec<Brief> {
        vec![
            device("m1", Some("Zeder"), Some("2026-07-09T12:00:00Z"), Some(10)),
            device("m2", None, Some("2026-07-08T12:00:00Z"), None),
            device("m3", Some("apfel"), Some("2026-07-01T12:00:00Z"), Some(5)),
            device("m4", Some("Birne"), None, None),
            device("m5", None, Some("2026-07-09T12:00:00Z"), Some(10)),
        ]
    }

    fn asked(change: impl FnOnce(&mut Question)) -> (Vec<String>, usize, Counts) {
        let sort = Sort::Name;
        let mut question = Question {
            search: String::new(),
            placed: false,
            at: None,
            states: None,
            sort,
            descending: false,
            offset: 0,
            limit: 10,
        };
        change(&mut question);
        let page = page(fleet(), &question, &BTreeSet::from([7]), now(), |device| {
            Ok::<_, Infallible>(device.moisture)
        })
        .unwrap();
        (page.devices.into_iter().map(|(device, _)| device.id).collect(), page.total, page.counts)
    }

    #[test]
    fn devices_are_searched_counted_and_filtered() {
        let all = Counts { fresh: 2, late: 1, silent: 1, never: 1 };
        assert_eq!(asked(|_| {}), (["m3", "m4", "m2", "m5", "m1"].map(str::to_owned).to_vec(), 5, all));
        let (ids, total, counts) = asked(|question| question.states = Some(vec![State::Late, State::Never]));
        assert_eq!((ids.join(","), total, counts), ("m4,m2".into(), 2, all), "the counts are of all states");
        let (ids, total, counts) = asked(|question| question.search = "e".into());
        assert_eq!((ids.join(","), total), ("m3,m4,m1".into(), 3));
        assert_eq!(counts, Counts { fresh: 1, late: 0, silent: 1, never: 1 });
    }

    #[test]
    fn what_has_no_value_comes_last_in_either_order() {
        let sorted = |sort, descending| {
            let (ids, ..) = asked(|question| (question.sort, question.descending) = (sort, descending));
            ids.join(",")
        };
        assert_eq!(sorted(Sort::Moisture, false), "m3,m5,m1,m4,m2");
        assert_eq!(sorted(Sort::Moisture, true), "m5,m1,m3,m4,m2");
        assert_eq!(sorted(Sort::Completeness, true), "m5,m1,m3,m4,m2");
        assert_eq!(sorted(Sort::State, true), "m4,m3,m2,m5,m1");
        assert_eq!(sorted(Sort::Name, true), "m1,m5,m2,m4,m3");
        let (ids, total, _) = asked(|question| (question.offset, question.limit) = (3, 1));
        assert_eq!((ids.join(","), total), ("m5".into(), 5));
    }
}
