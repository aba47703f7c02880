//! From records to surveys: names, units, times and values resolved as RFC 8428, section 4, has it.

use super::{MAX_RECORDS, Pack, PackSurvey, quantity};
use crate::{
    DeviceId, Moisture, Offer, Reading, Reason, Refusal, Survey, Temperature, UtcInstant, Values, dating,
    decimal::{Decimal, divide},
    refusal::{Place, Quoted},
};
use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeMap,
    format,
    string::String,
    vec::Vec,
};

/// The highest SenML version there is (RFC 8428, 4.4).
const VERSION: i64 = 10;
/// Smaller times, in milliseconds, are relative to now (RFC 8428, 4.5.3: 2^28 seconds).
const RELATIVE_BELOW: i64 = (1 << 28) * 1000;
/// Decimal places in which a base value and a value are added.
const SUM_PLACES: i32 = 9;

/// A record as the decoders deliver it.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) base_name: Option<Cow<'a, str>>,
    pub(super) base_time: Option<Decimal>,
    pub(super) base_unit: Option<Cow<'a, str>>,
    pub(super) base_value: Option<Decimal>,
    pub(super) version: Option<Decimal>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) unit: Option<Cow<'a, str>>,
    pub(super) value: Option<Decimal>,
    pub(super) time: Option<Decimal>,
    pub(super) received: Option<Decimal>,
    /// A string, a truth value, data or a sum.
    pub(super) other_value: bool,
}

/// Takes records one by one, in order.
pub(super) struct Resolver<'a> {
    now: UtcInstant,
    base_name: Cow<'a, str>,
    base_time: i64,
    base_unit: Option<Cow<'a, str>>,
    base_value: Option<Decimal>,
    records: usize,
    relative: bool,
    surveys: Vec<PackSurvey>,
    /// The survey to which each device's next reading belongs.
    current: BTreeMap<DeviceId, usize>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(now: UtcInstant) -> Self {
        Self {
            now,
            base_name: Cow::Borrowed(""),
            base_time: 0,
            base_unit: None,
            base_value: None,
            records: 0,
            relative: false,
            surveys: Vec::new(),
            current: BTreeMap::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn record(&mut self, record: Record<'a>) -> Result<(), Refusal> {
        self.records = self.records.saturating_add(1);
        let number = self.records;
        if number > MAX_RECORDS {
            let detail = format!("a pack has at most {MAX_RECORDS} records; send it in several");
            return Err(Refusal::new(Reason::TooLong, detail));
        }
        self.resolve(record).map_err(|refusal| refusal.at(Place::Record(number)))
    }

    /// The number of records taken.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// The surveys, when all records are taken.
    pub(super) fn finish(mut self) -> Pack {
        for survey in &mut self.surveys {
            join(&mut survey.survey.readings);
        }
        Pack { surveys: self.surveys, relative: self.relative }
    }

    fn resolve(&mut self, mut record: Record<'a>) -> Result<(), Refusal> {
        self.rebase(&mut record)?;
        let received = record.received.map(millis).transpose()?.map(UtcInstant::from_millis);
        let Some(value) = record.value else { return self.without_value(&record, received) };
        let name = record.name.as_deref().unwrap_or("");
        let full;
        // Most senders end the base name with the slash, and put the quantity alone into the name.
        let (device, quantity) = match self.base_name.strip_suffix('/') {
            Some(device) if !name.contains('/') => (device, name),
            _ => {
                full = format!("{}{name}", self.base_name);
                full.rsplit_once('/').unwrap_or(("", &full))
            }
        };
        let values = self.values(quantity, record.unit.as_deref(), value)?;
        let position = position(&mut self.surveys, &mut self.current, device, received)?;
        let time = self.time(record.time)?;
        if let Some(survey) = self.surveys.get_mut(position) {
            survey.survey.readings.push(Reading { time, values });
        }
        Ok(())
    }

    /// Takes the record's base fields, for it and those behind it.
    fn rebase(&mut self, record: &mut Record<'a>) -> Result<(), Refusal> {
        if let Some(version) = record.version.take()
            && version.scaled(0).is_none_or(|version| version > VERSION)
        {
            let detail =
                format!("a SenML version above {VERSION} is not known here; send `bver` {VERSION} or none");
            return Err(Refusal::new(Reason::NotSupported, detail));
        }
        if let Some(name) = record.base_name.take() {
            self.base_name = name;
        }
        if let Some(time) = record.base_time.take() {
            self.base_time = millis(time)?;
        }
        if let Some(unit) = record.base_unit.take() {
            self.base_unit = Some(unit);
        }
        if let Some(value) = record.base_value.take() {
            self.base_value = Some(value);
        }
        Ok(())
    }

    /// A record of base fields only; if it says when a survey was received, that survey is an empty day so far.
    fn without_value(&mut self, record: &Record<'_>, received: Option<UtcInstant>) -> Result<(), Refusal> {
        if record.other_value {
            let detail = "temperature and moisture are numbers; send them in `v`";
            return Err(Refusal::new(Reason::Malformed, detail));
        }
        if record.name.is_some() {
            return Err(Refusal::new(Reason::NoValue, "the record has a name and no value; add `v`"));
        }
        if received.is_some() {
            let device = self.base_name.strip_suffix('/').unwrap_or(&self.base_name);
            position(&mut self.surveys, &mut self.current, device, received)?;
        }
        Ok(())
    }

    fn values(&self, quantity: &str, unit: Option<&str>, value: Decimal) -> Result<Values, Refusal> {
        let unit = unit.or(self.base_unit.as_deref());
        let values = match quantity {
            quantity::TEMPERATURE => {
                check_unit(quantity, unit, quantity::CELSIUS)?;
                let temperature = self.hundredths(value, 2).and_then(Temperature::from_hundredths);
                let out =
                    || out_of_range(Reason::BadTemperature, "temperature is not between -100 and 100 Cel");
                Values::new(Some(temperature.ok_or_else(out)?), None)
            }
            quantity::MOISTURE => {
                check_unit(quantity, unit, quantity::RATIO)?;
                let moisture = self.hundredths(value, 4).and_then(Moisture::from_hundredths);
                let out = || {
                    out_of_range(Reason::BadMoisture, "moisture is a ratio, 0 to 1; this is not in between")
                };
                Values::new(None, Some(moisture.ok_or_else(out)?))
            }
            other => {
                let detail = format!(
                    "{} is not measured here; names end in `/temperature` or `/moisture`",
                    Quoted(other)
                );
                return Err(Refusal::new(Reason::UnknownQuantity, detail));
            }
        };
        values.ok_or_else(|| Refusal::new(Reason::NoValue, "the record has no value; add `v`"))
    }

    /// Value and base value together, x 10^`places`.
    fn hundredths(&self, value: Decimal, places: i32) -> Option<i64> {
        let Some(base) = self.base_value else { return value.scaled(places) };
        let sum = base.scaled(SUM_PLACES)?.checked_add(value.scaled(SUM_PLACES)?)?;
        Some(divide(sum, SUM_PLACES.abs_diff(places)))
    }

    fn time(&mut self, time: Option<Decimal>) -> Result<UtcInstant, Refusal> {
        let offset = time.map_or(Ok(0), millis)?;
        let sum = self.base_time.saturating_add(offset);
        let time = if sum < RELATIVE_BELOW {
            self.relative = true;
            UtcInstant::from_millis(self.now.as_millis().saturating_add(sum))
        } else {
            UtcInstant::from_millis(sum)
        };
        dating::check(time, self.now)?;
        Ok(time)
    }
}

fn millis(seconds: Decimal) -> Result<i64, Refusal> {
    let out =
        || Refusal::new(Reason::BadTime, "a time is seconds since 1970, or relative to now; this is neither");
    seconds.scaled(3).ok_or_else(out)
}

fn check_unit(quantity: &str, unit: Option<&str>, right: &str) -> Result<(), Refusal> {
    match unit {
        Some(unit) if unit == right => Ok(()),
        Some(other) => {
            let detail = format!("{quantity} in {} is not understood; send it in `{right}`", Quoted(other));
            Err(Refusal::new(Reason::UnknownUnit, detail))
        }
        None => {
            let detail = format!("{quantity} without a unit; add `u`: `{right}`");
            Err(Refusal::new(Reason::UnknownUnit, detail))
        }
    }
}

fn out_of_range(reason: Reason, detail: &str) -> Refusal {
    Refusal::new(reason, detail.to_owned())
}

/// Where the survey of `device` stands; `received` starts another one.
fn position(
    surveys: &mut Vec<PackSurvey>,
    current: &mut BTreeMap<DeviceId, usize>,
    device: &str,
    received: Option<UtcInstant>,
) -> Result<usize, Refusal> {
    if received.is_none() {
        // Nearly always the device of the record before.
        if surveys.last().is_some_and(|last| last.survey.device.as_str() == device) {
            return Ok(surveys.len().saturating_sub(1));
        }
        if let Some(position) = current.get(device) {
            return Ok(*position);
        }
    }
    let id = new_id(device)?;
    current.insert(id.clone(), surveys.len());
    surveys.push(PackSurvey { survey: Survey { device: id, readings: Vec::new() }, received });
    Ok(surveys.len().saturating_sub(1))
}

fn new_id(text: &str) -> Result<DeviceId, Refusal> {
    if text.is_empty() {
        let detail = String::from("the name has no device; write `<device id>/temperature`");
        return Err(Refusal::new(Reason::NoDevice, detail));
    }
    DeviceId::new(text).map_err(|error| {
        Refusal::new(Reason::BadDevice, format!("{} is not a device id: {error}", Quoted(text)))
    })
}

/// Sorts readings by time, and makes one of neighbours at one instant that complete or repeat each other. Those that
/// contradict stay apart, the first first: which one stays is decided where they are held.
fn join(readings: &mut Vec<Reading>) {
    if !readings.is_sorted_by_key(|reading| reading.time) {
        readings.sort_by_key(|reading| reading.time);
    }
    readings.dedup_by(|next, held| {
        if next.time != held.time {
            return false;
        }
        match held.values.offer(next.values) {
            Offer::Same => true,
            Offer::Adds(both) => {
                held.values = both;
                true
            }
            Offer::Differs => false,
        }
    });
}
