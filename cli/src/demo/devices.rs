//! The demo's devices, with what they send: embedded in the program, so that it needs no file to run.

use super::folder::Folder;
use anyhow::{Context, Result, anyhow};
use fieldpost_core::{
    DeviceId, Reading,
    station::{self, Depth, Slot},
};
use fieldpost_device::Source;
use std::{collections::BTreeMap, path::PathBuf};

const REFERENCE: [(&str, &str); 4] = [
    ("192.168.1.2", include_str!("../../../surveys/Surveys1.txt")),
    ("192.168.1.3", include_str!("../../../surveys/Surveys2.txt")),
    ("192.168.1.4", include_str!("../../../surveys/Surveys3.txt")),
    ("192.168.1.5", include_str!("../../../surveys/Surveys4.txt")),
];

const STATIONS: [(&str, &str, &str); 4] = [
    ("ithaca", "Ithaca 13 E, New York, 2019, at 5 cm", include_str!("../../../samples/ithaca.csv")),
    ("dinosaur", "Dinosaur 2 E, Colorado, 2019, at 5 cm", include_str!("../../../samples/dinosaur.csv")),
    ("mercury", "Mercury 3 SSW, Nevada, 2025, at 50 cm", include_str!("../../../samples/mercury.csv")),
    ("socorro", "Socorro 20 N, New Mexico, 2020, at 5 cm", include_str!("../../../samples/socorro.csv")),
];

/// A device of the demo.
pub(super) struct Device {
    pub(super) id: DeviceId,
    /// For people.
    pub(super) title: String,
    pub(super) source: Source,
    /// How many readings it sends.
    pub(super) readings: u64,
    /// A station's year, as it must then be held. A survey file's lines have no date of their own.
    pub(super) year: Option<Vec<Slot<'static>>>,
}

impl Device {
    /// The dated readings that it sends.
    pub(super) fn dated(&self) -> impl Iterator<Item = Reading> {
        let measured = |slot: &Slot<'_>| Some(Reading { time: slot.time, values: slot.values? });
        self.year.iter().flatten().filter_map(measured)
    }

    /// The longest run of slots without values: how many, and the first of them.
    pub(super) fn longest_silence(&self) -> Option<(usize, Slot<'static>)> {
        let silences = self.year.as_deref()?.chunk_by(|a, b| a.values.is_some() == b.values.is_some());
        let silent = silences.filter_map(|run| {
            run.first().filter(|slot| slot.values.is_none()).map(|slot| (run.len(), *slot))
        });
        silent.max_by_key(|(length, _)| *length)
    }
}

/// The reference system's four meters.
pub(super) fn reference(folder: &Folder) -> Result<Vec<Device>> {
    let make = |(number, (id, text)): (usize, (&str, &str))| {
        let file = folder.write(&format!("Surveys{}.txt", number + 1), text)?;
        let (id, readings) = (DeviceId::new(id)?, text.lines().count() as u64);
        Ok(Device { title: id.to_string(), id, source: Source::Survey(file), readings, year: None })
    };
    REFERENCE.into_iter().enumerate().map(make).collect()
}

/// The four stations.
pub(super) fn stations(folder: &Folder) -> Result<Vec<Device>> {
    STATIONS
        .into_iter()
        .map(|(id, title, csv)| station(id, title, csv, folder.write(&format!("{id}.csv"), csv)?))
        .collect()
}

fn station(id: &str, title: &str, csv: &'static str, file: PathBuf) -> Result<Device> {
    // The samples are our own CSV, which has one probe only: any depth reads it.
    let depth = Depth::default();
    let year = station::parse(csv, depth)
        .map_err(|refusal| anyhow!("{id}: {refusal}"))
        .context("a sample is damaged")?;
    let readings = year.iter().filter(|slot| slot.values.is_some()).count() as u64;
    let source = Source::Replay { file, depth, speed: None };
    Ok(Device { id: DeviceId::new(id)?, title: format!("{id}: {title}"), source, readings, year: Some(year) })
}

/// Something of each device, in the order of their ids.
pub(super) type ById<T> = BTreeMap<DeviceId, T>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stations_are_whole_years_of_hours_and_the_longest_silence_is_found() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(data.path().to_owned())).unwrap();
        let stations = stations(&folder).unwrap();
        let hours: Vec<_> = stations.iter().map(|station| station.year.as_ref().unwrap().len()).collect();
        assert_eq!(hours, [8760, 8760, 8760, 8784]);
        let (slots, first) = stations[2].longest_silence().unwrap();
        assert_eq!((slots, first.time.to_string().as_str()), (95 * 24 + 14, "2025-08-31T07:00:00Z"));
        assert!(stations.iter().all(|station| station.dated().count() as u64 == station.readings));
    }

    #[test]
    fn the_reference_meters_send_four_measurements_each() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(data.path().to_owned())).unwrap();
        let meters = reference(&folder).unwrap();
        assert!(
            meters.len() == 4
                && meters.iter().all(|meter| meter.readings == 4 && meter.longest_silence().is_none())
        );
    }
}
