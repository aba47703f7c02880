//! SenML in JSON (RFC 8428, section 5). Numbers are read from their text, never through binary floating point.

use super::{
    Pack, in_order, quantity,
    resolve::{Record, Resolver},
};
use crate::{Reason, Refusal, Survey, UtcInstant, decimal, decimal::Decimal};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
};
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Reads a pack that came at `now`.
///
/// # Errors
/// The first fault refuses the pack whole; it names the record.
pub fn decode_json(bytes: &[u8], now: UtcInstant) -> Result<Pack, Refusal> {
    let mut resolver = Resolver::new(now);
    let mut refused = None;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Records { resolver: &mut resolver, refused: &mut refused }
        .deserialize(&mut json)
        .and_then(|()| json.end());
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    read.map_err(|error| {
        let reason = if error.is_eof() { Reason::Truncated } else { Reason::Malformed };
        let why = explain(&error);
        Refusal::new(reason, format!("this is not SenML JSON, behind record {}: {why}", resolver.records()))
    })?;
    Ok(resolver.finish())
}

/// The library's words, which show what they found: a string of megabytes, if that is what stands there.
fn explain(error: &serde_json::Error) -> String {
    const SHOWN: usize = 120;
    let text = error.to_string();
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => {
            let start = text.get(..end).unwrap_or_default();
            format!("{start}... at line {} column {}", error.line(), error.column())
        }
    }
}

/// Hands record after record to the resolver, so that a hostile pack is refused before it is held.
struct Records<'r, 'a> {
    resolver: &'r mut Resolver<'a>,
    refused: &'r mut Option<Refusal>,
}

impl<'de> DeserializeSeed<'de> for Records<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of SenML records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        while let Some(record) = records.next_element_seed(OneRecord { refused: self.refused })? {
            self.resolver.record(record).map_err(|refusal| {
                *self.refused = Some(refusal);
                A::Error::custom("refused")
            })?;
        }
        Ok(())
    }
}

struct OneRecord<'r> {
    refused: &'r mut Option<Refusal>,
}

impl<'de> DeserializeSeed<'de> for OneRecord<'_> {
    type Value = Record<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Record<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneRecord<'_> {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SenML record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Record<'de>, A::Error> {
        let mut record = Record::default();
        while let Some(label) = fields.next_key::<Cow<'de, str>>()? {
            match &*label {
                "bver" => record.version = Some(number(&mut fields)?),
                "bn" => record.base_name = Some(text(&mut fields)?),
                "bt" => record.base_time = Some(number(&mut fields)?),
                "bu" => record.base_unit = Some(text(&mut fields)?),
                "bv" => record.base_value = Some(number(&mut fields)?),
                "n" => record.name = Some(text(&mut fields)?),
                "u" => record.unit = Some(text(&mut fields)?),
                "v" => record.value = Some(number(&mut fields)?),
                "t" => record.time = Some(number(&mut fields)?),
                quantity::RECEIVED => record.received = Some(number(&mut fields)?),
                "vs" | "vb" | "vd" | "s" | "bs" => {
                    fields.next_value::<IgnoredAny>()?;
                    record.other_value = true;
                }
                unknown if unknown.ends_with('_') => {
                    let detail = "a label that ends in `_` must be understood, and is not; leave it out";
                    *self.refused = Some(Refusal::new(Reason::NotSupported, detail));
                    return Err(A::Error::custom("refused"));
                }
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(record)
    }
}

fn text<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<Cow<'de, str>, A::Error> {
    fields.next_value::<String>().map(Cow::Owned)
}

fn number<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<Decimal, A::Error> {
    let raw = fields.next_value::<&'de RawValue>()?;
    Decimal::parse_json(raw.get()).ok_or_else(|| A::Error::custom("a value or time is not a number"))
}

/// Prints surveys as one pack.
#[must_use]
pub fn encode_json(surveys: &[Survey]) -> String {
    let mut out = String::from("[");
    for survey in surveys {
        let mut base = Some(&survey.device);
        for (reading, moisture_first) in in_order(&survey.readings) {
            let temperature = reading.values.temperature().map(|value| {
                (quantity::TEMPERATURE, quantity::CELSIUS, decimal::print(value.hundredths(), 2))
            });
            let moisture = reading
                .values
                .moisture()
                .map(|value| (quantity::MOISTURE, quantity::RATIO, decimal::print(value.hundredths(), 4)));
            let (first, second) =
                if moisture_first { (moisture, temperature) } else { (temperature, moisture) };
            for (name, unit, value) in first.into_iter().chain(second) {
                let start = if out.len() > 1 { ",\n " } else { "" };
                // Ids, names and units have no character that JSON would escape.
                let base = base.take().map_or_else(String::new, |id| format!(r#""bn":"{id}/","#));
                let time = decimal::print(reading.time.as_millis(), 3);
                out += &format!(r#"{start}{{{base}"n":"{name}","u":"{unit}","t":{time},"v":{value}}}"#);
            }
        }
    }
    out + "]"
}
