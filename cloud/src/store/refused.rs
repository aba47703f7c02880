//! The quarantine, for those who look into it; and whose a refused upload is.

use super::{
    ReadError, Store,
    query::{count, instant},
};
use crate::submission::{Format, Upload};
use fieldpost_core::{DeviceId, Place, Refusal, UtcInstant};
use rusqlite::{Connection, Row};

/// Uploads longer than this are not searched for a name.
const MAX_SEARCHED: usize = 64 * 1024;

/// A refused upload.
#[derive(Debug)]
pub(crate) struct RefusedRow {
    pub(crate) id: i64,
    pub(crate) received: UtcInstant,
    pub(crate) gateway: String,
    pub(crate) format: String,
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) length: i64,
    /// Its beginning.
    pub(crate) bytes: Vec<u8>,
}

impl Store {
    /// Refused uploads, the newest first, before the one with the number `before`; of one device, or of all.
    pub(crate) async fn refused(
        &self,
        device: Option<DeviceId>,
        before: i64,
        limit: usize,
    ) -> Result<Vec<RefusedRow>, ReadError> {
        let ask = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, received, gateway, format, reason, detail, length, bytes FROM quarantine
                 WHERE id < ?1 AND (?2 IS NULL OR device = ?2) ORDER BY id DESC LIMIT ?3",
            )?;
            let device = device.as_ref().map(DeviceId::as_str);
            statement.query_map((before, device, count(limit)), refused)?.collect()
        };
        self.readers.ask(ask).await
    }
}

fn refused(row: &Row<'_>) -> rusqlite::Result<RefusedRow> {
    Ok(RefusedRow {
        id: row.get(0)?,
        received: instant(row, 1)?,
        gateway: row.get(2)?,
        format: row.get(3)?,
        reason: row.get(4)?,
        detail: row.get(5)?,
        length: row.get(6)?,
        bytes: row.get(7)?,
    })
}

/// The device that a refused upload names where its fault is, as far as it can still be read: the first word of the line,
/// or the name of the record, or the only name there is.
pub(super) fn device(upload: &Upload, refusal: &Refusal) -> Option<DeviceId> {
    let bytes = upload.bytes.get(..upload.bytes.len().min(MAX_SEARCHED))?;
    match (&upload.format, refusal.place()) {
        (Format::Text(_), Place::Line(number)) => {
            let line = bytes.split(|byte| *byte == b'\n').nth(number.checked_sub(1)?)?;
            DeviceId::new(std::str::from_utf8(line).ok()?.split_whitespace().next()?).ok()
        }
        (Format::Json, Place::Record(number)) => of_record(bytes, number),
        (Format::Cbor, _) => only_base_name(bytes),
        _ => None,
    }
}

/// The device of the SenML record `number`: by its base name, which holds on, and its name.
fn of_record(bytes: &[u8], number: usize) -> Option<DeviceId> {
    let records: Vec<serde_json::Value> = serde_json::from_slice(bytes).ok()?;
    let text = |record: &serde_json::Value, key: &str| Some(record.get(key)?.as_str()?.to_owned());
    let base = records.iter().take(number).filter_map(|record| text(record, "bn")).next_back();
    let name =
        base.unwrap_or_default() + &text(records.get(number.checked_sub(1)?)?, "n").unwrap_or_default();
    DeviceId::new(name.split('/').next()?).ok()
}

/// The device of a CBOR pack in which all base names are of one device, as in a gateway's pack of a single survey. A base
/// name is a text behind the label -2 (RFC 8428, 6).
fn only_base_name(bytes: &[u8]) -> Option<DeviceId> {
    const BASE_NAME: u8 = 0x21;
    let name = |at: usize| {
        let (label, rest) = bytes.get(at..)?.split_first()?;
        let (head, rest) = rest.split_first().filter(|_| *label == BASE_NAME)?;
        let text = match *head {
            short @ 0x60..=0x77 => rest.get(..usize::from(short - 0x60))?,
            0x78 => rest.split_first().and_then(|(length, rest)| rest.get(..usize::from(*length)))?,
            _ => return None,
        };
        DeviceId::new(std::str::from_utf8(text).ok()?.strip_suffix('/')?).ok()
    };
    let mut names = (0..bytes.len()).filter_map(name);
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{at, origin};
    use fieldpost_core::{Survey, senml};

    fn named(format: Format, bytes: impl Into<bytes::Bytes>) -> Option<String> {
        let upload = Upload::new(format, bytes.into(), origin(), at("2026-07-01T00:00:00Z"));
        let refusal = upload.read().unwrap_err();
        device(&upload, &refusal).map(|id| id.to_string())
    }

    #[test]
    fn a_refused_upload_is_laid_to_the_device_that_it_names_where_its_fault_is() {
        let text = || Format::Text(jiff::tz::TimeZone::UTC);
        assert_eq!(named(text(), "a 08:00 - 20 - 30%\nb 25:00 - 20 - 30%\n"), Some("b".into()));
        assert_eq!(named(text(), "b\u{e9} 08:00 - 20 - 30%\n"), None, "no id at all");
        let record = |n: &str, v| format!(r#"{n}"u":"Cel","t":1000000000,"v":{v}}}"#);
        let (base, own) = (r#"{"bn":"a/","n":"temperature","#, r#"{"n":"temperature","#);
        let json = |records: [String; 2]| named(Format::Json, format!("[{}]", records.join(",")));
        assert_eq!(json([record(base, 20), record(own, 900)]), Some("a".into()));
        assert_eq!(
            json([record(base, 20), record(r#"{"bn":"b/","n":"temperature","#, 900)]),
            Some("b".into())
        );
        assert_eq!(named(Format::Json, r#"[{"bn":"a/""#), None);
    }

    #[test]
    fn a_refused_pack_of_one_survey_is_laid_to_its_device() {
        let records = |id: &str| {
            let survey = Survey {
                device: id.parse().unwrap(),
                readings: crate::store::tests::submission(id, 3).surveys.remove(0).survey.readings,
            };
            senml::encode_records(&survey, None)
        };
        let pack = |ids: &[&str]| {
            let records: Vec<_> = ids.iter().map(|id| records(id)).collect();
            let mut pack = senml::pack(records.iter().map(Vec::as_slice));
            pack.pop();
            pack
        };
        let long = "a".repeat(40);
        assert_eq!(named(Format::Cbor, pack(&["m1"])), Some("m1".into()));
        assert_eq!(named(Format::Cbor, pack(&[&long])), Some(long));
        assert_eq!(named(Format::Cbor, pack(&["m1", "m2"])), None);
    }
}
