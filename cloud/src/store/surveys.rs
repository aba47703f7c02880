//! What is noted of a survey besides its readings.

use super::{
    batch::Span,
    outcome::Outcome,
    readings::{Fate, Row},
};
use fieldpost_core::{Key, Moisture, Survey, Temperature, UtcInstant};
use rusqlite::Connection;

/// What tells a survey from the others of its device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    /// Its earliest reading, or its receipt if it has none: surveys lie in the order of time, which inserts fast.
    starts: UtcInstant,
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
        let earliest = survey.readings.iter().map(|reading| reading.time).min();
        let starts = earliest.or(received).unwrap_or(UtcInstant::from_millis(0));
        Self { starts, hash: Key::of(&[&bytes]).as_i64() }
    }
}

/// Notes a survey, or one more copy of it.
pub(super) fn record(connection: &Connection, span: &Span, outcome: Outcome) -> rusqlite::Result<()> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO surveys (device, starts, identity, gateway, received_at_gateway, received,
                                  readings, new, duplicate, conflict)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
    contact: Option<UtcInstant>,
    /// The earliest reading that alerts have to look at.
    unjudged: Option<UtcInstant>,
}

impl Delta {
    /// Adds what became of a survey, of which `conflicts` were not known before.
    pub(super) fn add(&mut self, span: &Span, rows: &[Row], fates: &[Fate], conflicts: i64) {
        for (row, fate) in rows.iter().zip(fates).filter(|(_, fate)| **fate != Fate::Duplicate) {
            self.unjudged = Some(self.unjudged.map_or(row.time, |earliest| earliest.min(row.time)));
            if *fate == Fate::New {
                self.readings += 1;
                self.first = Some(self.first.map_or(row.time, |first| first.min(row.time)));
                self.last = self.last.max(Some(row.time));
            }
        }
        self.conflicts += conflicts;
        self.contact = self.contact.max(Some(span.received));
    }

    /// Writes the change.
    pub(super) fn apply(&self, connection: &Connection, device: i64) -> rusqlite::Result<()> {
        let millis = |instant: Option<UtcInstant>| instant.map(UtcInstant::as_millis);
        connection
            .prepare_cached(
                "UPDATE devices SET
                     readings = readings + ?2,
                     conflicts = conflicts + ?3,
                     first_time = ifnull(min(first_time, ?4), ifnull(first_time, ?4)),
                     last_time = ifnull(max(last_time, ?5), ifnull(last_time, ?5)),
                     last_contact = max(last_contact, ifnull(?6, 0)),
                     unjudged = ifnull(min(unjudged, ?7), ifnull(unjudged, ?7)),
                     marks = marks + (?7 IS NOT NULL)
                 WHERE id = ?1",
            )?
            .execute((
                device,
                self.readings,
                self.conflicts,
                millis(self.first),
                millis(self.last),
                millis(self.contact),
                millis(self.unjudged),
            ))?;
        Ok(())
    }
}
