//! SenML in CBOR (RFC 8428, section 6).

use super::{
    Pack, in_order, quantity,
    resolve::{Record, Resolver},
};
use crate::{Moisture, Reason, Refusal, Survey, Temperature, UtcInstant, decimal::Decimal};
use alloc::{borrow::Cow, format, vec::Vec};
use minicbor::{Decoder, data::Type, decode::Error};

/// The integer labels of RFC 8428, table 4.
mod label {
    pub(super) const BASE_VERSION: i64 = -1;
    pub(super) const BASE_NAME: i64 = -2;
    pub(super) const BASE_TIME: i64 = -3;
    pub(super) const BASE_UNIT: i64 = -4;
    pub(super) const BASE_VALUE: i64 = -5;
    pub(super) const BASE_SUM: i64 = -6;
    pub(super) const NAME: i64 = 0;
    pub(super) const UNIT: i64 = 1;
    pub(super) const VALUE: i64 = 2;
    pub(super) const STRING_VALUE: i64 = 3;
    pub(super) const BOOLEAN_VALUE: i64 = 4;
    pub(super) const SUM: i64 = 5;
    pub(super) const TIME: i64 = 6;
    pub(super) const DATA_VALUE: i64 = 8;
}

/// A decimal fraction (RFC 8949, 3.4.4).
const DECIMAL_FRACTION: u64 = 4;

/// Reads a pack that came at `now`.
///
/// # Errors
/// The first fault refuses the pack whole; it names the record.
pub fn decode_cbor(bytes: &[u8], now: UtcInstant) -> Result<Pack, Refusal> {
    let mut resolver = Resolver::new(now);
    let mut cbor = Decoder::new(bytes);
    let length = cbor.array().map_err(|error| broken(&error, 0))?;
    let mut left = length;
    loop {
        match left.as_mut() {
            Some(0) => break,
            Some(left) => *left -= 1,
            None if cbor.datatype().map_err(|error| broken(&error, resolver.records()))? == Type::Break => {
                cbor.skip().map_err(|error| broken(&error, resolver.records()))?;
                break;
            }
            None => {}
        }
        let record = record(&mut cbor).map_err(|fault| match fault {
            Fault::Cbor(error) => broken(&error, resolver.records()),
            Fault::Refused(refusal) => refusal,
        })?;
        resolver.record(record)?;
    }
    if cbor.position() < bytes.len() {
        return Err(Refusal::new(Reason::Malformed, "there are bytes behind the end of the pack"));
    }
    Ok(resolver.finish())
}

enum Fault {
    Cbor(Error),
    Refused(Refusal),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Cbor(error)
    }
}

fn broken(error: &Error, records: usize) -> Refusal {
    if error.is_end_of_input() {
        return Refusal::new(
            Reason::Truncated,
            format!("the pack ends in the middle, behind record {records}"),
        );
    }
    Refusal::new(Reason::Malformed, format!("this is not SenML CBOR, behind record {records}: {error}"))
}

fn record<'a>(cbor: &mut Decoder<'a>) -> Result<Record<'a>, Fault> {
    let mut record = Record::default();
    let mut left = cbor.map()?;
    loop {
        match left.as_mut() {
            Some(0) => break,
            Some(left) => *left -= 1,
            None if cbor.datatype()? == Type::Break => {
                cbor.skip()?;
                break;
            }
            None => {}
        }
        match cbor.datatype()? {
            Type::String => named_field(cbor, &mut record)?,
            _ => field(cbor, &mut record)?,
        }
    }
    Ok(record)
}

fn field<'a>(cbor: &mut Decoder<'a>, record: &mut Record<'a>) -> Result<(), Fault> {
    match cbor.i64()? {
        label::BASE_VERSION => record.version = Some(number(cbor)?),
        label::BASE_NAME => record.base_name = Some(Cow::Borrowed(cbor.str()?)),
        label::BASE_TIME => record.base_time = Some(number(cbor)?),
        label::BASE_UNIT => record.base_unit = Some(Cow::Borrowed(cbor.str()?)),
        label::BASE_VALUE => record.base_value = Some(number(cbor)?),
        label::NAME => record.name = Some(Cow::Borrowed(cbor.str()?)),
        label::UNIT => record.unit = Some(Cow::Borrowed(cbor.str()?)),
        label::VALUE => record.value = Some(number(cbor)?),
        label::TIME => record.time = Some(number(cbor)?),
        label::STRING_VALUE | label::BOOLEAN_VALUE | label::DATA_VALUE | label::SUM | label::BASE_SUM => {
            cbor.skip()?;
            record.other_value = true;
        }
        _ => cbor.skip()?,
    }
    Ok(())
}

/// A label that is text: ours, one that may be ignored, or one that must not be (RFC 8428, 4.4).
fn named_field<'a>(cbor: &mut Decoder<'a>, record: &mut Record<'a>) -> Result<(), Fault> {
    let label = cbor.str()?;
    if label == quantity::RECEIVED {
        record.received = Some(number(cbor)?);
        return Ok(());
    }
    if label.ends_with('_') {
        let detail = "a label that ends in `_` must be understood, and is not; leave it out";
        return Err(Fault::Refused(Refusal::new(Reason::NotSupported, detail)));
    }
    Ok(cbor.skip()?)
}

/// An integer, a binary number of any precision, or a decimal fraction.
fn number(cbor: &mut Decoder<'_>) -> Result<Decimal, Fault> {
    let decimal = match cbor.datatype()? {
        Type::F16 => Decimal::from_f32(cbor.f16()?),
        Type::F32 => Decimal::from_f32(cbor.f32()?),
        Type::F64 => Decimal::from_f64(cbor.f64()?),
        Type::Tag => return decimal_fraction(cbor),
        _ => return Ok(Decimal::new(cbor.i64()?, 0)),
    };
    decimal.ok_or_else(|| {
        Fault::Refused(Refusal::new(Reason::Malformed, "a value or time is not a finite number"))
    })
}

fn decimal_fraction(cbor: &mut Decoder<'_>) -> Result<Decimal, Fault> {
    let tag = cbor.tag()?.as_u64();
    if tag != DECIMAL_FRACTION || cbor.array()? != Some(2) {
        return Err(Error::message("a number is an integer, a float or a decimal fraction (tag 4)").into());
    }
    let exponent = cbor.i64()?;
    Ok(Decimal::new(cbor.i64()?, exponent))
}

/// One survey's records, without the array around them: what a gateway journals, and what a pack is made of.
///
/// The first record sets every base field that the others use, so that records of different surveys can stand one
/// behind the other. A survey without readings is one record of base fields only.
#[must_use]
pub fn encode_records(survey: &Survey, received: Option<UtcInstant>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + survey.readings.len() * 56);
    let base = survey.readings.first().map(|reading| reading.time);
    let mut head = Some((survey, base, received));
    if base.is_none() {
        start_record(&mut out, head.take(), 0);
    }
    for (reading, moisture_first) in in_order(&survey.readings) {
        let offset = base.map_or(0, |base| reading.time.as_millis() - base.as_millis());
        let temperature = reading.values.temperature().map(Temperature::hundredths);
        let temperature = temperature.map(|value| (quantity::TEMPERATURE, quantity::CELSIUS, value, 2));
        let moisture = reading.values.moisture().map(Moisture::hundredths);
        let moisture = moisture.map(|value| (quantity::MOISTURE, quantity::RATIO, value, 4));
        let (first, second) = if moisture_first { (moisture, temperature) } else { (temperature, moisture) };
        for (name, unit, value, places) in first.into_iter().chain(second) {
            start_record(&mut out, head.take(), 3 + u64::from(offset != 0));
            measured(&mut out, name, unit, offset);
            fraction(&mut out, value, places);
        }
    }
    out
}

/// A pack of surveys as [`encode_records`] made them: an array of indefinite length, so that nobody must count.
#[must_use]
pub fn pack<'a>(surveys: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::from([0x9f]);
    surveys.into_iter().for_each(|records| out.extend_from_slice(records));
    out.push(0xff);
    out
}

/// Opens a record of `fields` fields, and the base fields if `head` says which.
fn start_record(
    out: &mut Vec<u8>,
    head: Option<(&Survey, Option<UtcInstant>, Option<UtcInstant>)>,
    fields: u64,
) {
    let Some((survey, base, received)) = head else { return start(out, MAP, fields) };
    start(out, MAP, fields + 1 + u64::from(base.is_some()) + u64::from(received.is_some()));
    integer(out, label::BASE_NAME);
    start(out, TEXT, survey.device.as_str().len() as u64 + 1);
    out.extend_from_slice(survey.device.as_str().as_bytes());
    out.push(b'/');
    if let Some(base) = base {
        integer(out, label::BASE_TIME);
        fraction(out, base.as_millis(), 3);
    }
    if let Some(received) = received {
        text(out, quantity::RECEIVED);
        fraction(out, received.as_millis(), 3);
    }
}

/// Name, unit and, if it is not the base time, time; then the label of the value.
fn measured(out: &mut Vec<u8>, name: &str, unit: &str, offset: i64) {
    integer(out, label::NAME);
    text(out, name);
    integer(out, label::UNIT);
    text(out, unit);
    if offset != 0 {
        integer(out, label::TIME);
        fraction(out, offset, 3);
    }
    integer(out, label::VALUE);
}

const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// `number` / 10^`places`: an integer if it is one, else a decimal fraction without needless zeros.
fn fraction(out: &mut Vec<u8>, mut number: i64, mut places: i64) {
    while places > 0 && number % 10 == 0 {
        number /= 10;
        places -= 1;
    }
    if places > 0 {
        start(out, TAG, DECIMAL_FRACTION);
        start(out, ARRAY, 2);
        integer(out, -places);
    }
    integer(out, number);
}

fn integer(out: &mut Vec<u8>, number: i64) {
    match u64::try_from(number) {
        Ok(number) => start(out, 0, number),
        Err(_) => start(out, 1, number.unsigned_abs() - 1),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    start(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// The head of a data item (RFC 8949, section 3): its major type and argument, as short as can be.
#[expect(clippy::cast_possible_truncation, reason = "each arm has just bounded the number")]
fn start(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}
