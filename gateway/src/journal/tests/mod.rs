//! The journal against a model of it, and after damage.

mod aside;
mod custody;
mod damage;
mod gaps;
mod limit;
mod machine;
mod model;

use super::*;
use crate::disk::OsDisk;
use std::time::Duration;

const LIMITS: Limits =
    Limits { keep: Duration::from_secs(48 * 3600), journal_max: 1 << 30, min_free_disk: 0 };

fn at(hours: u64) -> UtcInstant {
    UtcInstant::from_millis(1_800_000_000_000).saturating_add(Duration::from_secs(3600 * hours))
}

fn survey(number: i64, received: UtcInstant) -> NewSurvey {
    NewSurvey {
        received,
        key: Some(ShortKey::from_sql(number)),
        device: DeviceId::new(&format!("d{number}")).unwrap(),
        readings: 1,
        records: format!("records of {number} ").repeat(8).into_bytes(),
    }
}

fn surveys(numbers: impl Iterator<Item = i64>, received: UtcInstant) -> Batch {
    Batch { surveys: numbers.map(|number| survey(number, received)).collect(), ..Batch::default() }
}

fn open(folder: &Path) -> Journal {
    try_open(folder, at(0)).unwrap().0
}

fn place(folder: &Path) -> Place {
    Place { disk: Arc::new(OsDisk), folder: folder.to_path_buf(), limits: LIMITS, random: 7 }
}

fn try_open(folder: &Path, now: UtcInstant) -> Result<(Journal, Option<Finding>), JournalError> {
    let mut findings = Vec::new();
    let journal = Journal::open(&place(folder), Trust::Whole, now, &mut findings)?;
    assert!(findings.len() <= 1);
    Ok((journal, findings.pop()))
}

/// Devices of all surveys that can be read, in order.
fn devices(folder: &Path) -> Vec<String> {
    let reader = Reader::open(folder).unwrap();
    let (mut devices, mut after) = (Vec::new(), 0);
    loop {
        match reader.page(after, Seq::MAX, 100, 1 << 20).unwrap() {
            Page::Empty => return devices,
            Page::Damaged(seq) => after = seq,
            Page::Surveys(surveys) => {
                after = surveys.last().unwrap().seq;
                devices.extend(surveys.iter().map(|survey| survey.device.to_string()));
            }
        }
    }
}

fn names(numbers: impl Iterator<Item = i64>) -> Vec<String> {
    numbers.map(|number| format!("d{number}")).collect()
}
