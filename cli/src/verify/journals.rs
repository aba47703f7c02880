//! The gateways' journals together.

use super::{
    device::{Fate, Kept},
    report::{DamagedRow, DamagedRows, RefusedSurvey},
    source::Range,
};
use anyhow::Result;
use fieldpost_core::{DeviceId, UtcInstant};
use fieldpost_gateway::{Damaged, Holdings, SurveyFate};
use std::{collections::BTreeMap, path::PathBuf};

/// The journals, each as it was at one moment.
pub(crate) struct Journals {
    /// Their data folders, as the operator wrote them.
    names: Vec<String>,
    holdings: Vec<Holdings>,
}

impl Journals {
    /// Looks into the data folders. To be done before the cloud is asked anything.
    pub(crate) fn open(data: &[PathBuf]) -> Result<Self> {
        let names = data.iter().map(|folder| folder.display().to_string()).collect();
        let holdings = data.iter().map(|folder| Holdings::open(folder)).collect::<Result<_, _>>()?;
        Ok(Self { names, holdings })
    }

    /// The data folders, by number.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The first device behind `after` that has surveys in any of them, or is expected.
    pub(super) fn next_device(&self, after: Option<&DeviceId>) -> Result<Option<DeviceId>> {
        let each = self.holdings.iter().map(|holdings| holdings.next_device(after));
        let each: Vec<Option<DeviceId>> = each.collect::<Result<_, _>>()?;
        let expected = self.holdings.iter().map(|holdings| {
            let roster = holdings.roster();
            roster.get(roster.partition_point(|device| after.is_some_and(|after| device <= after))).cloned()
        });
        Ok(each.into_iter().chain(expected).flatten().min())
    }

    /// Whether a gateway expects the device.
    pub(super) fn expect(&self, device: &DeviceId) -> bool {
        self.holdings.iter().any(|holdings| holdings.roster().binary_search(device).is_ok())
    }

    /// What the gateways refused, by reason.
    pub(super) fn refused_inputs(&self) -> BTreeMap<String, u64> {
        let mut sum: BTreeMap<String, u64> = BTreeMap::new();
        for (reason, count) in self.holdings.iter().flat_map(Holdings::refused_inputs) {
            *sum.entry(reason.clone()).or_default() += count;
        }
        sum
    }

    /// Of the refused inputs that the gateways still keep, those that name the device.
    pub(super) fn refused_inputs_of(&self, device: &DeviceId) -> u64 {
        self.holdings.iter().map(|holdings| holdings.refused_inputs_of(device)).sum()
    }

    /// Copies of datagrams that the gateways recognised.
    pub(super) fn copies(&self) -> u64 {
        self.holdings.iter().map(Holdings::copies).sum()
    }

    /// Surveys that are damaged or lost, and were not passed on.
    pub(super) fn lost(&self) -> DamagedRows {
        self.damaged(Holdings::lost)
    }

    /// Surveys that are damaged, and that the cloud has acknowledged.
    pub(super) fn damaged_but_passed_on(&self) -> DamagedRows {
        self.damaged(Holdings::damaged_but_passed_on)
    }

    fn damaged(&self, which: fn(&Holdings) -> &Damaged) -> DamagedRows {
        let each = || self.names.iter().zip(self.holdings.iter().map(which));
        let rows = each().flat_map(|(name, damaged)| {
            damaged.named.iter().map(|row| DamagedRow {
                seq: row.seq,
                gateway: name.clone(),
                device: row.device.clone(),
            })
        });
        DamagedRows { count: each().map(|(_, damaged)| damaged.count).sum(), named: rows.collect() }
    }

    /// The readings of a device in all of them, those within the question's range; the refused surveys; and the first and last
    /// reading of all.
    pub(super) fn readings(&self, device: &DeviceId, range: Range) -> Result<FromJournals> {
        let mut found = FromJournals::default();
        for (gateway, holdings) in self.holdings.iter().enumerate() {
            for survey in holdings.surveys(device)? {
                let fate = match survey.fate {
                    SurveyFate::Acknowledged => Fate::Acknowledged,
                    SurveyFate::Waiting => Fate::Waiting,
                    SurveyFate::Refused(_) => Fate::Refused,
                };
                let within =
                    survey.readings.iter().filter(|one| range.from <= one.time && one.time < range.to);
                let before = found.kept.len();
                found.kept.extend(within.map(|reading| Kept {
                    reading: *reading,
                    fate,
                    gateway,
                    seq: survey.seq,
                    to_the_minute: holdings.to_the_minute(),
                }));
                let readings = found.kept.len() - before;
                if let (SurveyFate::Refused(reason), true) = (survey.fate, readings > 0) {
                    let gateway = self.names.get(gateway).cloned().unwrap_or_default();
                    found.refused.push(RefusedSurvey { seq: survey.seq, gateway, readings, reason });
                }
                let times = survey.readings.first().zip(survey.readings.last());
                found.span = join(found.span, times.map(|(first, last)| (first.time, last.time)));
            }
        }
        Ok(found)
    }
}

/// What the journals say of a device.
#[derive(Default)]
pub(super) struct FromJournals {
    pub(super) kept: Vec<Kept>,
    pub(super) refused: Vec<RefusedSurvey>,
    pub(super) span: Span,
}

/// A first and a last instant.
type Span = Option<(UtcInstant, UtcInstant)>;

/// The span that covers both.
pub(super) fn join(one: Span, other: Span) -> Span {
    match (one, other) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (one, other) => one.or(other),
    }
}
