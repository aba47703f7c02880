//! The cloud's public API, page by page.

use super::{
    http::{Answer, Http},
    source::{Known, Range},
};
use crate::address::Address;
use anyhow::{Context, Result, bail};
use fieldpost_core::{DeviceId, Reading, UtcInstant, station::csv};
use fieldpost_gateway::Token;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::{collections::VecDeque, time::Duration};

const JSON: &str = "application/json";
/// Readings of a page: a megabyte.
const READINGS: usize = 20_000;
/// Devices, conflicts and gateways of a page: as many as the API gives.
const ROWS: usize = 1_000;
/// How the cloud says that it does not know a device. Any other 404 is another server's.
const UNKNOWN: &str = "urn:fieldpost:problem:unknown-device";
/// What the types of a Fieldpost cloud's problems start with.
const OURS: &str = "urn:fieldpost:problem:";

/// A cloud, asked over HTTP.
pub(crate) struct Api {
    http: Http,
    /// Devices of the page at hand, the next one first.
    devices: VecDeque<Known>,
    /// There is no page behind it.
    last_page: bool,
}

#[derive(Deserialize)]
struct Device {
    id: String,
    first_time: Option<String>,
    last_time: Option<String>,
    conflicts: u64,
}

#[derive(Deserialize)]
struct Devices {
    devices: Vec<Device>,
}

#[derive(Deserialize)]
struct Gateway {
    time_zone: Option<String>,
}

#[derive(Deserialize)]
struct Gateways {
    gateways: Vec<Gateway>,
}

#[derive(Deserialize)]
struct Offered {
    temperature_c: Option<Box<RawValue>>,
    moisture_pct: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Conflict {
    time: String,
    offered: Option<Offered>,
}

#[derive(Deserialize)]
struct Conflicts {
    conflicts: Vec<Conflict>,
}

#[derive(Deserialize)]
struct Problem {
    r#type: String,
    detail: String,
}

impl Api {
    /// Asks the cloud at `address`, with `token` if it asks who comes.
    pub(crate) fn new(address: Address, token: Option<Token>) -> Result<Self> {
        Ok(Self { http: Http::new(address, token)?, devices: VecDeque::new(), last_page: false })
    }

    pub(super) fn zones(&mut self) -> Result<Vec<String>> {
        let page: Gateways = self.json(&format!("/api/v1/gateways?limit={ROWS}"))?.0;
        let mut zones: Vec<String> = page.gateways.into_iter().filter_map(|one| one.time_zone).collect();
        zones.sort();
        zones.dedup();
        Ok(zones)
    }

    pub(super) fn next_device(&mut self, after: Option<&DeviceId>) -> Result<Option<Known>> {
        while self.devices.front().is_some_and(|device| after.is_some_and(|after| device.id <= *after)) {
            self.devices.pop_front();
        }
        if self.devices.is_empty() && !self.last_page {
            let after = after.map_or("", DeviceId::as_str);
            let (page, more) =
                self.json::<Devices>(&format!("/api/v1/devices?limit={ROWS}&after={after}"))?;
            self.devices = page.devices.iter().map(known).collect::<Result<_>>()?;
            self.last_page = !more;
        }
        Ok(self.devices.front().cloned())
    }

    pub(super) fn device(&mut self, id: &DeviceId) -> Result<Option<Known>> {
        let path = format!("/api/v1/devices/{id}");
        let answer = self.http.get(&path, JSON)?;
        let problem = || serde_json::from_slice(&answer.body).is_ok_and(|one: Problem| one.r#type == UNKNOWN);
        if answer.status == 404 && problem() {
            return Ok(None);
        }
        known(&self.parse(&path, &answer)?).map(Some)
    }

    pub(super) fn readings(&mut self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        let (mut readings, mut from) = (Vec::new(), range.from);
        loop {
            let path = format!("/api/v1/devices/{id}/readings?from={from}&to={}&limit={READINGS}", range.to);
            let answer = self.http.get(&path, "text/csv")?;
            let text = self.text(&path, &answer)?;
            let rows = text.strip_prefix(csv::HEADER).with_context(|| self.strange(&path))?;
            let before = readings.len();
            for row in rows.lines().filter(|row| !row.is_empty()) {
                let slot =
                    csv::parse_row(row).map_err(|why| anyhow::anyhow!("{}: {why}", self.strange(&path)))?;
                readings.extend(slot.values.map(|values| Reading { time: slot.time, values }));
            }
            match readings.last() {
                Some(last) if answer.more && readings.len() > before => from = after(last.time),
                _ if answer.more => bail!("{}: an empty page with another behind it", self.strange(&path)),
                _ => return Ok(readings),
            }
        }
    }

    /// They come newest first, and the API has no pages of them but by `to`.
    pub(super) fn conflicts(&mut self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        let (mut offered, mut to) = (Vec::new(), range.to);
        loop {
            let path = format!("/api/v1/devices/{id}/conflicts?limit={ROWS}&to={to}");
            let page: Conflicts = self.json(&path)?.0;
            let rows = page.conflicts.len();
            for conflict in page.conflicts {
                offered.extend(self.offered(&path, id, conflict)?);
            }
            let oldest = offered.last().map(|reading: &Reading| reading.time);
            let Some(oldest) = oldest.filter(|oldest| rows >= ROWS && *oldest >= range.from) else { break };
            // The page may have cut through the values of one instant, so these come again.
            offered.retain(|reading| reading.time > oldest);
            to = after(oldest);
        }
        offered.retain(|reading| reading.time >= range.from);
        offered.reverse();
        Ok(offered)
    }

    fn offered(&self, path: &str, id: &DeviceId, conflict: Conflict) -> Result<Option<Reading>> {
        let Some(values) = conflict.offered else { return Ok(None) };
        let cell =
            |number: Option<Box<RawValue>>| number.map(|number| number.get().to_owned()).unwrap_or_default();
        let (temperature, moisture) = (cell(values.temperature_c), cell(values.moisture_pct));
        // The numbers are those of the CSV, and read by the same reader: exactly.
        let row = format!("{id},{},{temperature},{moisture}", conflict.time);
        let slot = csv::parse_row(&row).map_err(|why| anyhow::anyhow!("{}: {why}", self.strange(path)))?;
        Ok(slot.values.map(|values| Reading { time: slot.time, values }))
    }

    fn json<T: DeserializeOwned>(&mut self, path: &str) -> Result<(T, bool)> {
        let answer = self.http.get(path, JSON)?;
        Ok((self.parse(path, &answer)?, answer.more))
    }

    fn parse<T: DeserializeOwned>(&self, path: &str, answer: &Answer) -> Result<T> {
        serde_json::from_str(self.text(path, answer)?).with_context(|| self.strange(path))
    }

    fn text<'a>(&self, path: &str, answer: &'a Answer) -> Result<&'a str> {
        if answer.status != 200 {
            let problem = serde_json::from_slice::<Problem>(&answer.body).ok();
            if let Some(Problem { detail, .. }) = problem.filter(|one| one.r#type.starts_with(OURS)) {
                let hint = if matches!(answer.status, 401 | 403) { " (--token-file)" } else { "" };
                bail!("the cloud at {} cannot answer {path}: {detail}{hint}", self.http.address());
            }
            let start: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
            bail!("{}: status {}: {start}", self.strange(path), answer.status);
        }
        std::str::from_utf8(&answer.body).with_context(|| self.strange(path))
    }

    fn strange(&self, path: &str) -> String {
        format!("not an answer of a Fieldpost cloud to {}{path}; check --cloud", self.http.address())
    }
}

fn after(time: UtcInstant) -> UtcInstant {
    time.saturating_add(Duration::from_millis(1))
}

fn known(device: &Device) -> Result<Known> {
    let id =
        DeviceId::new(&device.id).with_context(|| format!("the cloud names a device `{}`", device.id))?;
    let instant = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
    let span = instant(&device.first_time).zip(instant(&device.last_time));
    Ok(Known { id, span, conflicts: device.conflicts })
}
