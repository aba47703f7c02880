//! What was sent against what is held.

use super::{
    api::{Api, Held},
    devices::{ById, Device},
};
use anyhow::{Result, anyhow, ensure};
use fieldpost_core::{
    Offer, UtcInstant, Values,
    station::{self, Depth},
};
use fieldpost_device::Summary as Sent;
use std::{collections::BTreeMap, fmt};

/// The table at the end of the demo.
pub(super) struct Summary {
    rows: Vec<Row>,
    silences: Vec<String>,
}

struct Row {
    device: String,
    sent: u64,
    /// What the cloud did not hold before this run.
    new: u64,
    /// What it held with another value.
    conflicts: u64,
    missing: Option<u64>,
    held: u64,
    /// Readings that were sent and are not held, or not as they were sent.
    wrong: u64,
}

/// What the cloud holds of each of `devices` now.
pub(super) async fn held(api: &Api, devices: impl Iterator<Item = &Device>) -> Result<ById<Held>> {
    let mut held = ById::new();
    for device in devices {
        held.insert(device.id.clone(), api.device(&device.id).await?);
    }
    Ok(held)
}

/// How many readings more are held of the devices in `now`.
pub(super) fn gained(before: &ById<Held>, now: &ById<Held>) -> u64 {
    let had = |id| before.get(id).map_or(0, |held| held.readings);
    now.iter().map(|(id, held)| held.readings.saturating_sub(had(id))).sum()
}

/// Asks the cloud for everything that was sent, and compares.
pub(super) async fn compare(
    api: &Api,
    sent: impl Iterator<Item = (&Device, Sent)>,
    before: &ById<Held>,
) -> Result<Summary> {
    let mut summary = Summary { rows: Vec::new(), silences: Vec::new() };
    for (device, sent) in sent {
        let before = before.get(&device.id).copied().unwrap_or_default();
        let now = api.device(&device.id).await?;
        summary.rows.push(Row {
            device: device.id.to_string(),
            sent: sent.readings,
            new: now.readings.saturating_sub(before.readings),
            conflicts: now.conflicts.saturating_sub(before.conflicts),
            missing: device.year.is_some().then_some(sent.missing),
            held: now.readings,
            wrong: wrong(api, device, now).await?,
        });
        summary.silences.extend(silence(device));
    }
    Ok(summary)
}

/// How many readings of `device` are not held as they were sent. Those without a date of their own can only be counted.
async fn wrong(api: &Api, device: &Device, now: Held) -> Result<u64> {
    if device.year.is_none() {
        return Ok(device.readings.saturating_sub(now.readings));
    }
    let csv = api.readings(&device.id).await?;
    let slots =
        station::parse(&csv, Depth::default()).map_err(|refusal| anyhow!("the cloud's CSV: {refusal}"))?;
    let held: BTreeMap<UtcInstant, Option<Values>> =
        slots.iter().map(|slot| (slot.time, slot.values)).collect();
    let is_held = |time: &UtcInstant, sent: Values| {
        held.get(time).copied().flatten().is_some_and(|held| held.offer(sent) == Offer::Same)
    };
    Ok(device.dated().filter(|sent| !is_held(&sent.time, sent.values)).count() as u64)
}

fn silence(device: &Device) -> Option<String> {
    let (hours, first) = device.longest_silence()?;
    let (days, hours, id) = (hours / 24, hours % 24, &device.id);
    Some(format!("{id} was silent for longest from {}: {days} d {hours} h", first.time))
}

impl Summary {
    /// An error if the cloud does not hold what was sent.
    pub(super) fn verdict(&self) -> Result<()> {
        let wrong: u64 = self.rows.iter().map(|row| row.wrong).sum();
        ensure!(wrong == 0, "{wrong} readings that were acknowledged are not held as they were sent");
        Ok(())
    }

    fn total(&self, of: impl Fn(&Row) -> u64) -> u64 {
        self.rows.iter().map(of).sum()
    }
}

impl Row {
    /// Readings that were held before as they were sent now; what is lost or in conflict is no duplicate.
    fn duplicates(&self) -> u64 {
        self.sent.saturating_sub(self.new).saturating_sub(self.conflicts.max(self.wrong))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>7} {:>7} {:>9} {:>8} {:>13} {:>7}",
            "device", "sent", "new", "duplicate", "conflict", "missing slots", "held"
        )?;
        for row in &self.rows {
            let missing = row.missing.map_or("-".into(), |missing| missing.to_string());
            writeln!(
                f,
                "{:<12} {:>7} {:>7} {:>9} {:>8} {:>13} {:>7}",
                row.device,
                row.sent,
                row.new,
                row.duplicates(),
                row.conflicts,
                missing,
                row.held
            )?;
        }
        for silence in &self.silences {
            writeln!(f, "{silence}")?;
        }
        let (sent, new) = (self.total(|row| row.sent), self.total(|row| row.new));
        if new == 0 {
            writeln!(
                f,
                "Nothing new: the store held everything from an earlier run, and took nothing twice."
            )?;
        }
        match self.total(|row| row.wrong) {
            0 => write!(f, "All {sent} readings sent are held, each once and with the value that was sent."),
            wrong => write!(f, "{wrong} of {sent} readings sent are NOT held as they were sent."),
        }
    }
}
