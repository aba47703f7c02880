//! What a client wants exported.

use super::{Encoder, csv, ismn, senml};
use crate::{
    http::{problem::Problem, query::Keys},
    store::{ExportDevice, Range, Shelf},
};
use axum::http::{StatusCode, Uri};
use fieldpost_core::{DeviceId, UtcInstant};
use std::collections::{BTreeSet, VecDeque};

/// Devices that one export may name; naming none exports all.
const MAX_NAMED: usize = 1_000;

/// A row group, its columns and what the library makes of them are some 25 MB; the others take less than 2.
const PARQUET_WEIGHT: usize = 5;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(as = ExportFormat, rename_all = "lowercase")]
pub(super) enum Format {
    Csv,
    Parquet,
    Ismn,
    Senml,
}

impl Format {
    const ALL: [(&'static str, Self); 4] =
        [("csv", Self::Csv), ("parquet", Self::Parquet), ("ismn", Self::Ismn), ("senml", Self::Senml)];

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Ismn => "application/zip",
            Self::Senml => "application/senml+json",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Ismn => "zip",
            Self::Senml => "senml.json",
        }
    }

    /// How much of the memory for exports it takes.
    pub(super) fn weight(self) -> usize {
        match self {
            Self::Csv | Self::Ismn | Self::Senml => 1,
            Self::Parquet => PARQUET_WEIGHT,
        }
    }

    /// What prints it.
    pub(super) fn encoder(self) -> Result<Box<dyn Encoder>, Problem> {
        match self {
            Self::Csv => Ok(Box::new(csv::Csv)),
            Self::Ismn => Ok(Box::new(ismn::Ismn::default())),
            Self::Senml => Ok(Box::new(senml::Senml::default())),
            #[cfg(feature = "parquet")]
            Self::Parquet => match super::parquet::Parquet::new() {
                Ok(parquet) => Ok(Box::new(parquet)),
                Err(error) => {
                    tracing::error!(%error, "an export as Parquet cannot be begun");
                    Err(Problem::unavailable(
                        "export-failing",
                        "this export cannot be begun; the cloud's log says why",
                    ))
                }
            },
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => Err(bad(
                "this cloud was built without Parquet; ask for csv, or build it with the feature `parquet`",
            )),
        }
    }
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) format: Format,
    pub(super) range: Range,
    /// None for all.
    named: Option<BTreeSet<DeviceId>>,
}

/// The devices of an export, found one after the other.
pub(super) enum Devices {
    /// Those behind this one, in the order of ids.
    All(Option<DeviceId>),
    Named(VecDeque<ExportDevice>),
}

/// An export that can be made.
pub(super) struct Begun {
    pub(super) devices: Devices,
    /// How many of them have readings in it that no rule has looked at yet: what has no flag may get one.
    pub(super) unexamined: u64,
}

impl Question {
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let keys = Keys::of(uri, &["format", "devices", "from", "to"])?;
        let name = keys.text("format").unwrap_or("csv");
        let format = Format::ALL.into_iter().find(|(known, _)| *known == name);
        let (_, format) = format.ok_or_else(|| bad("format is one of csv, parquet, ismn, senml"))?;
        let from = keys.instant("from")?.unwrap_or(UtcInstant::EARLIEST);
        let to = keys.instant("to")?.unwrap_or(UtcInstant::LATEST);
        if from >= to {
            return Err(bad("nothing is between from and to; from is the earlier one"));
        }
        let named = keys.text("devices").map(named).transpose()?;
        Ok(Self { format, range: Range { from, to }, named })
    }

    /// Looks up the devices that are named, and whether what is asked for can be done.
    pub(super) fn begin(&self, shelf: &Shelf) -> Result<Begun, Problem> {
        let Some(named) = &self.named else {
            if self.format == Format::Ismn && shelf.devices_around(self.range)? > ismn::MAX_DEVICES {
                return Err(bad(&format!(
                    "an archive has the files of at most {} devices; name fewer, or ask for csv",
                    ismn::MAX_DEVICES
                )));
            }
            let unexamined = shelf.unexamined(None, self.range)?;
            return Ok(Begun { devices: Devices::All(None), unexamined });
        };
        let mut devices = VecDeque::new();
        for id in named {
            let Some(device) = shelf.device(id.clone())? else {
                let detail =
                    format!("no device has the id {id}; /api/v1/devices lists those that have reported");
                return Err(Problem::new(StatusCode::NOT_FOUND, "unknown-device", detail));
            };
            devices.push_back(device);
        }
        let numbers = devices.iter().map(|device| device.number).collect();
        let unexamined = shelf.unexamined(Some(numbers), self.range)?;
        Ok(Begun { devices: Devices::Named(devices), unexamined })
    }
}

fn named(text: &str) -> Result<BTreeSet<DeviceId>, Problem> {
    let ids: Result<BTreeSet<_>, _> = text.split(',').take(MAX_NAMED + 1).map(DeviceId::new).collect();
    let ids =
        ids.map_err(|_| bad("devices are ids with commas between, such as m1,m2; leave it out for all"))?;
    if ids.len() > MAX_NAMED {
        return Err(bad(&format!(
            "devices names at most {MAX_NAMED}; leave it out for all, or ask several times"
        )));
    }
    Ok(ids)
}

fn bad(detail: &str) -> Problem {
    Problem::bad_request("bad-query", detail)
}
