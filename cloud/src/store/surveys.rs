//! What is noted of a survey besides its readings.

use super::{
    batch::Span,
    examine,
    outcome::Outcome,
    readings::{Fate, Row},
};
use fieldpost_core::{Key, Moisture, Survey, Temperature, UtcInstant};
use rusqlite::Connection;
use std::cmp::Ordering;

/// What tells a survey from the others of its device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    /// Its earliest reading, or its receipt if it has none: surveys lie in the order of time, which inserts fast.
    starts: UtcInstant,
    /// Its last reading.
    ends: Option<UtcInstant>,
    /// Hash of who brought it, when that one got it, and what it says. Another copy has the same; another empty day
    /// has not.
    hash: i64,
}

impl Identity {
    /// Of a survey that `gateway` got at `received`, if that is known.
    pub(super) fn of(gateway: &str, survey: &Survey, received: Option<UtcInstant>) -> Self {
        let mut bytes = Vec::with_capacity(gateway.len() + 12 * survey.readings.len() + 9);
        bytes.extend_from_slice(gateway.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&received.map_or(i64::MIN, UtcInstant::as_millis).to_le_bytes());
        // Values fit 16 bits with room for one that means missing.
        let short = |value: Option<i64>| value.and_then(|value| value.try_into().ok()).unwrap_or(i16::MIN);
        for reading in &survey.readings {
            bytes.extend_from_slice(&reading.time.as_millis().to_le_bytes());
            let temperature = short(reading.values.temperature().map(Temperature::hundredths));
            let moisture = short(reading.values.moisture().map(Moisture::hundredths));
            bytes.extend_from_slice(&temperature.to_le_bytes());
            bytes.extend_from_slice(&moisture.to_le_bytes());
        }
        let times = || survey.readings.iter().map(|reading| reading.time);
        let starts = times().min().or(received).unwrap_or(UtcInstant::from_millis(0));
        Self { starts, ends: times().max(), hash: Key::of(&[&bytes]).as_i64() }
    }
}

/// Notes a survey, or one more copy of it.
pub(super) fn record(connection: &Connection, span: &Span, outcome: Outcome) -> rusqlite::Result<()> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO surveys (device, starts, identity, gateway, received_at_gateway, received,
                                  readings, new, duplicate, conflict, ends)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET copies = copies + 1",
        )?
        .execute((
            span.device,
            span.identity.starts.as_millis(),
            span.identity.hash,
            span.gateway,
            span.received_at_gateway.map(UtcInstant::as_millis),
            span.received.as_millis(),
            count(span.rows.len() as u64),
            count(outcome.new),
            count(outcome.duplicate),
            count(outcome.conflict),
            span.identity.ends.map(UtcInstant::as_millis),
        ))?;
    Ok(())
}

/// What a batch changes in a device's row.
#[derive(Debug, Default)]
pub(super) struct Delta {
    readings: i64,
    conflicts: i64,
    first: Option<UtcInstant>,
    last: Option<UtcInstant>,
    /// The first and the last reading that is new, or has a value more.
    changed: Option<(UtcInstant, UtcInstant)>,
    contact: Option<UtcInstant>,
    /// Who brought the last survey.
    gateway: Option<i64>,
    newest: Option<Newest>,
    /// The earliest reading that alerts have to look at.
    unjudged: Option<UtcInstant>,
}

/// The newest reading that a batch added or filled in, as far as the batch says it.
#[derive(Debug, Clone, Copy)]
struct Newest {
    time: UtcInstant,
    temperature: Option<i64>,
    moisture: Option<i64>,
}

impl Newest {
    fn of(row: &Row) -> Self {
        let temperature = row.values.temperature().map(Temperature::hundredths);
        Self { time: row.time, temperature, moisture: row.values.moisture().map(Moisture::hundredths) }
    }

    /// Becomes the newer one; of the same reading, with the values of both.
    fn add(&mut self, row: &Row) {
        match row.time.cmp(&self.time) {
            Ordering::Less => {}
            Ordering::Greater => *self = Self::of(row),
            Ordering::Equal => {
                let other = Self::of(row);
                self.temperature = self.temperature.or(other.temperature);
                self.moisture = self.moisture.or(other.moisture);
            }
        }
    }
}

impl Delta {
    /// Adds what became of a survey, of which `conflicts` were not known before.
    pub(super) fn add(&mut self, span: &Span, rows: &[Row], fates: &[Fate], conflicts: i64) {
        let changes = |fate: &Fate| !matches!(fate, Fate::Duplicate | Fate::Expired);
        for (row, fate) in rows.iter().zip(fates).filter(|(_, fate)| changes(fate)) {
            self.unjudged = Some(self.unjudged.map_or(row.time, |earliest| earliest.min(row.time)));
            match fate {
                Fate::New => {
                    self.readings += 1;
                    self.first = Some(self.first.map_or(row.time, |first| first.min(row.time)));
                    self.last = self.last.max(Some(row.time));
                }
                Fate::Filled => {}
                Fate::Duplicate | Fate::Conflict | Fate::Expired => continue,
            }
            let (from, to) = self.changed.unwrap_or((row.time, row.time));
            self.changed = Some((from.min(row.time), to.max(row.time)));
            match &mut self.newest {
                Some(known) => known.add(row),
                None => self.newest = Some(Newest::of(row)),
            }
        }
        self.conflicts += conflicts;
        if self.contact <= Some(span.heard) {
            self.contact = Some(span.heard);
            self.gateway = (!span.is_import).then_some(span.gateway).or(self.gateway);
        }
    }

    /// Writes the change.
    pub(super) fn apply(&self, connection: &Connection, device: i64) -> rusqlite::Result<()> {
        let millis = |instant: Option<UtcInstant>| instant.map(UtcInstant::as_millis);
        connection
            .prepare_cached(
                "UPDATE devices SET
                     last_temperature = CASE WHEN ?7 > ifnull(last_time, -1) THEN ?8
                         WHEN ?7 = last_time THEN ifnull(last_temperature, ?8) ELSE last_temperature END,
                     last_moisture = CASE WHEN ?7 > ifnull(last_time, -1) THEN ?9
                         WHEN ?7 = last_time THEN ifnull(last_moisture, ?9) ELSE last_moisture END,
                     gateway = CASE WHEN ?6 >= last_contact THEN ifnull(?10, gateway) ELSE gateway END,
                     readings = readings + ?2,
                     conflicts = conflicts + ?3,
                     first_time = ifnull(min(first_time, ?4), ifnull(first_time, ?4)),
                     last_time = ifnull(max(last_time, ?5), ifnull(last_time, ?5)),
                     last_contact = max(last_contact, ifnull(?6, 0)),
                     unjudged = ifnull(min(unjudged, ?11), ifnull(unjudged, ?11)),
                     marks = marks + (?11 IS NOT NULL)
                 WHERE id = ?1",
            )?
            .execute((
                device,
                self.readings,
                self.conflicts,
                millis(self.first),
                millis(self.last),
                millis(self.contact),
                millis(self.newest.map(|newest| newest.time)),
                self.newest.and_then(|newest| newest.temperature),
                self.newest.and_then(|newest| newest.moisture),
                self.gateway,
                millis(self.unjudged),
            ))?;
        if let Some((first, last)) = self.changed {
            examine::note(connection, device, first, last)?;
        }
        Ok(())
    }
}
