//! The demo's devices, with what they send: embedded in the program, so that it needs no file to run.

use super::folder::Folder;
use anyhow::{Context, Result, anyhow};
use fieldpost_core::{
    DeviceId, Reading,
    station::{self, Depth, Slot},
};
use fieldpost_device::Source;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

const REFERENCE: [(&str, &str); 4] = [
    ("192.168.1.2", include_str!("../../../surveys/Surveys1.txt")),
    ("192.168.1.3", include_str!("../../../surveys/Surveys2.txt")),
    ("192.168.1.4", include_str!("../../../surveys/Surveys3.txt")),
    ("192.168.1.5", include_str!("../../../surveys/Surveys4.txt")),
];

/// A station of NOAA's, as samples/PROVENANCE.md has it.
struct Station {
    id: &'static str,
    name: &'static str,
    place: &'static str,
    year: u16,
    latitude: f64,
    longitude: f64,
    depth_cm: u16,
    csv: &'static str,
}

const STATIONS: [Station; 4] = [
    Station {
        id: "ithaca",
        name: "Ithaca 13 E",
        place: "New York",
        year: 2019,
        latitude: 42.44,
        longitude: -76.25,
        depth_cm: 5,
        csv: include_str!("../../../samples/ithaca.csv"),
    },
    Station {
        id: "dinosaur",
        name: "Dinosaur 2 E",
        place: "Colorado",
        year: 2019,
        latitude: 40.24,
        longitude: -108.97,
        depth_cm: 5,
        csv: include_str!("../../../samples/dinosaur.csv"),
    },
    Station {
        id: "mercury",
        name: "Mercury 3 SSW",
        place: "Nevada",
        year: 2025,
        latitude: 36.62,
        longitude: -116.02,
        depth_cm: 50,
        csv: include_str!("../../../samples/mercury.csv"),
    },
    Station {
        id: "socorro",
        name: "Socorro 20 N",
        place: "New Mexico",
        year: 2020,
        latitude: 34.36,
        longitude: -106.89,
        depth_cm: 5,
        csv: include_str!("../../../samples/socorro.csv"),
    },
];

impl Station {
    fn title(&self) -> String {
        let Self { id, name, place, year, depth_cm, .. } = self;
        format!("{id}: {name}, {place}, {year}, at {depth_cm} cm")
    }

    /// What the cloud is told of it, as its API takes it.
    fn details(&self) -> Value {
        json!({
            "name": self.name,
            "place": self.place,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "depth_cm": self.depth_cm,
            "notes": format!("Measured in {} by NOAA's U.S. Climate Reference Network.", self.year),
        })
    }
}

/// A device of the demo.
pub(super) struct Device {
    pub(super) id: DeviceId,
    /// For people.
    pub(super) title: String,
    pub(super) source: Source,
    /// How many readings it sends.
    pub(super) readings: u64,
    /// What is known of it besides its readings, as the API takes it; of the reference system's meters nothing.
    pub(super) details: Option<Value>,
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
        Ok(Device {
            title: id.to_string(),
            id,
            source: Source::Survey(file),
            readings,
            details: None,
            year: None,
        })
    };
    REFERENCE.into_iter().enumerate().map(make).collect()
}

/// The four stations.
pub(super) fn stations(folder: &Folder) -> Result<Vec<Device>> {
    let make = |station: &Station| read(station, folder.write(&format!("{}.csv", station.id), station.csv)?);
    STATIONS.iter().map(make).collect()
}

fn read(station: &Station, file: PathBuf) -> Result<Device> {
    // The samples are our own CSV, which has one probe only: any depth reads it.
    let (id, depth) = (station.id, Depth::default());
    let year = station::parse(station.csv, depth)
        .map_err(|refusal| anyhow!("{id}: {refusal}"))
        .context("a sample is damaged")?;
    Ok(Device {
        id: DeviceId::new(id)?,
        title: station.title(),
        source: Source::Replay { file, depth, speed: None },
        readings: year.iter().filter(|slot| slot.values.is_some()).count() as u64,
        details: Some(station.details()),
        year: Some(year),
    })
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
    fn the_stations_stand_where_their_provenance_says() {
        let provenance = include_str!("../../../samples/PROVENANCE.md");
        for station in &STATIONS {
            let Station { id, name, place, latitude, longitude, depth_cm, .. } = station;
            let row = provenance.lines().find(|line| line.starts_with(&format!("| `{id}.csv`"))).unwrap();
            for said in
                [format!("| {name}, {place} |"), format!("| {latitude}, {longitude} | {depth_cm} cm |")]
            {
                assert!(row.contains(&said), "{said} in {row}");
            }
        }
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
