//! The cloud's public API, page by page.

mod answers;

use super::{
    http::{Answer, Ask, Http},
    source::{Known, Range},
};
use crate::{
    address::Address,
    object::{Object, object},
    shown::shown,
};
use answers::{Conflict, Conflicts, Device, Devices, Gateway, Gateways, Listed, Problem};
use anyhow::{Context, Result, bail};
use fieldpost_core::{DeviceId, Reading, UtcInstant, station::csv};
use fieldpost_gateway::Token;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

const JSON: &str = "application/json";
const GATEWAYS_PATH: &str = "/api/v1/gateways";
/// Readings of a page: a megabyte.
const READINGS: usize = 20_000;
/// Devices and conflicts of a page: as many as the API gives.
const ROWS: usize = 1_000;
/// Gateways of a page: with each comes its roster, of up to 10,000 ids.
const GATEWAYS: usize = 5;
/// How the cloud says that it does not know a device. Any other 404 is another server's.
const UNKNOWN: &str = "urn:fieldpost:problem:unknown-device";
/// What the types of a Fieldpost cloud's problems start with.
const OURS: &str = "urn:fieldpost:problem:";

/// A cloud, asked over HTTP.
pub(crate) struct Api {
    http: Box<dyn Ask>,
    /// Devices of the page at hand, the next one first.
    devices: VecDeque<DeviceId>,
    /// There is no page behind it.
    last_page: bool,
    /// The zones of the gateways that say theirs, once they were asked for.
    zones: Option<BTreeMap<String, String>>,
}

impl Api {
    /// Asks the cloud at `address`, with `token` if it asks who comes.
    pub(crate) fn new(address: Address, token: Option<Token>) -> Result<Self> {
        Ok(Self::over(Box::new(Http::new(address, token)?)))
    }

    /// Asks whoever answers there.
    pub(super) fn over(http: Box<dyn Ask>) -> Self {
        Self { http, devices: VecDeque::new(), last_page: false, zones: None }
    }

    pub(super) fn zones(&mut self) -> Result<Vec<String>> {
        let zones: BTreeSet<String> = self.zones_by_gateway()?.values().cloned().collect();
        Ok(zones.into_iter().collect())
    }

    fn zones_by_gateway(&mut self) -> Result<&BTreeMap<String, String>> {
        let zones = match self.zones.take() {
            Some(zones) => zones,
            None => self.ask_zones()?,
        };
        Ok(self.zones.insert(zones))
    }

    fn ask_zones(&mut self) -> Result<BTreeMap<String, String>> {
        let first = format!("{GATEWAYS_PATH}?limit={GATEWAYS}");
        let (mut zones, mut path, mut last) = (BTreeMap::new(), first, String::new());
        loop {
            let page: Gateways = self.json(&path)?.0;
            let end =
                page.gateways.iter().map(|Object(gateway)| &gateway.name).max().cloned().unwrap_or_default();
            let zone = |Object(Gateway { name, time_zone })| Some((name, time_zone?));
            zones.extend(page.gateways.into_iter().filter_map(zone));
            let Some(next) = page.next else { return Ok(zones) };
            // Whatever answers there, it shall not send us elsewhere or in circles.
            if !next.starts_with(GATEWAYS_PATH) || end <= last {
                bail!("{}: the page behind it is {}", self.strange(&path), shown(&next));
            }
            (path, last) = (next, end);
        }
    }

    pub(super) fn kept_from(&mut self) -> Result<Option<UtcInstant>> {
        let path = "/api/v1/devices?limit=1";
        let from = self.json::<Devices>(path)?.0.kept_from;
        from.map(|from| from.parse().ok().with_context(|| self.strange(path))).transpose()
    }

    pub(super) fn next_device(&mut self, after: Option<&DeviceId>) -> Result<Option<DeviceId>> {
        while self.devices.front().is_some_and(|device| after.is_some_and(|after| device <= after)) {
            self.devices.pop_front();
        }
        if self.devices.is_empty() && !self.last_page {
            let after = after.map_or("", DeviceId::as_str);
            let path = format!("/api/v1/devices?limit={ROWS}&after={after}");
            let (page, more) = self.json::<Devices>(&path)?;
            let page: Vec<DeviceId> = page.devices.iter().map(id).collect::<Result<_>>()?;
            let onward = page.first().is_some_and(|first| first.as_str() > after) && page.is_sorted();
            if !onward && (more || !page.is_empty()) {
                bail!("{}: not the devices behind `{after}`", self.strange(&path));
            }
            (self.devices, self.last_page) = (page.into(), !more);
        }
        Ok(self.devices.front().cloned())
    }

    pub(super) fn device(&mut self, id: &DeviceId) -> Result<Option<Known>> {
        let path = format!("/api/v1/devices/{id}");
        let answer = self.http.get(&path, JSON)?;
        let problem = || object(&answer.body).is_ok_and(|one: Problem| one.r#type == UNKNOWN);
        if answer.status == 404 && problem() {
            return Ok(None);
        }
        let device: Device = self.parse(&path, &answer)?;
        let zone = match &device.gateway {
            Some(gateway) => self.zones_by_gateway()?.get(gateway).cloned(),
            None => None,
        };
        let Object(details) = device.details;
        let instant = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        Ok(Some(Known {
            span: instant(&device.first_time).zip(instant(&device.last_time)),
            conflicts: device.conflicts,
            contact: instant(&device.last_contact),
            interval_s: details.interval_s,
            survey_s: details.survey_s,
            time_zone: zone,
        }))
    }

    pub(super) fn readings(&mut self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        let (mut readings, mut left): (Vec<Reading>, Range) = (Vec::new(), range);
        loop {
            let path =
                format!("/api/v1/devices/{id}/readings?from={}&to={}&limit={READINGS}", left.from, left.to);
            let answer = self.http.get(&path, "text/csv")?;
            let before = readings.len();
            let rows =
                self.text(&path, &answer)?.strip_prefix(csv::HEADER).with_context(|| self.strange(&path))?;
            for row in rows.lines().filter(|row| !row.is_empty()) {
                let Some(reading) = self.row(&path, row, id)? else { continue };
                // What is held is looked up by its time; and nobody shall keep us asking for ever.
                if reading.time < left.from || reading.time >= left.to {
                    bail!("{}: a reading of {} out of its order", self.strange(&path), reading.time);
                }
                left.from = after(reading.time);
                readings.push(reading);
            }
            match answer.more {
                false => return Ok(readings),
                true if readings.len() > before => {}
                true => bail!("{}: an empty page with another behind it", self.strange(&path)),
            }
        }
    }

    /// A row of the CSV, which is of this device.
    fn row(&self, path: &str, row: &str, id: &DeviceId) -> Result<Option<Reading>> {
        let slot = csv::parse_row(row)
            .map_err(|why| anyhow::anyhow!("{}: {}", self.strange(path), shown(&why.to_string())))?;
        if slot.name != id.as_str() {
            bail!("{}: a reading of `{}`", self.strange(path), shown(slot.name));
        }
        Ok(slot.values.map(|values| Reading { time: slot.time, values }))
    }

    /// They come newest first, and the API has no pages of them but by `to`.
    pub(super) fn conflicts(&mut self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        let (mut offered, mut to) = (Vec::new(), range.to);
        loop {
            let path = format!("/api/v1/devices/{id}/conflicts?limit={ROWS}&to={to}");
            let page: Conflicts = self.json(&path)?.0;
            let rows = page.conflicts.len();
            let before = offered.len();
            for Object(conflict) in page.conflicts {
                offered.extend(self.offered(&path, id, conflict)?);
            }
            let newest_first = offered.is_sorted_by_key(|reading: &Reading| std::cmp::Reverse(reading.time));
            if !newest_first || offered.get(before).is_some_and(|newest| newest.time >= to) {
                bail!("{}: conflicts out of their order", self.strange(&path));
            }
            let oldest = offered.last().map(|reading| reading.time);
            let Some(oldest) = oldest.filter(|oldest| rows >= ROWS && *oldest >= range.from) else { break };
            if after(oldest) >= to {
                bail!("{}: more conflicts at {oldest} than a cloud records", self.strange(&path));
            }
            // The page may have cut through the values of one instant, so these come again.
            offered.retain(|reading| reading.time > oldest);
            to = after(oldest);
        }
        offered.retain(|reading| reading.time >= range.from);
        offered.reverse();
        Ok(offered)
    }

    fn offered(&self, path: &str, id: &DeviceId, conflict: Conflict) -> Result<Option<Reading>> {
        let Some(Object(values)) = conflict.offered else { return Ok(None) };
        let cell =
            |number: Option<Box<RawValue>>| number.map(|number| number.get().to_owned()).unwrap_or_default();
        let (temperature, moisture) = (cell(values.temperature_c), cell(values.moisture_pct));
        // The numbers are those of the CSV, and read by the same reader: exactly.
        self.row(path, &format!("{id},{},{temperature},{moisture}", conflict.time), id)
    }

    fn json<T: DeserializeOwned>(&mut self, path: &str) -> Result<(T, bool)> {
        let answer = self.http.get(path, JSON)?;
        Ok((self.parse(path, &answer)?, answer.more))
    }

    fn parse<T: DeserializeOwned>(&self, path: &str, answer: &Answer) -> Result<T> {
        object(self.text(path, answer)?.as_bytes()).with_context(|| self.strange(path))
    }

    fn text<'a>(&self, path: &str, answer: &'a Answer) -> Result<&'a str> {
        if answer.status != 200 {
            let problem = object::<Problem>(&answer.body).ok();
            if let Some(Problem { detail, .. }) = problem.filter(|one| one.r#type.starts_with(OURS)) {
                let hint = if matches!(answer.status, 401 | 403) { " (--token-file)" } else { "" };
                let detail = shown(&detail);
                bail!("the cloud at {} cannot answer {path}: {detail}{hint}", self.http.address());
            }
            let start = shown(&String::from_utf8_lossy(&answer.body));
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

fn id(Object(device): &Object<Listed>) -> Result<DeviceId> {
    DeviceId::new(&device.id).with_context(|| format!("the cloud names a device `{}`", shown(&device.id)))
}
