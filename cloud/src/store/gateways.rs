//! Gateways: who brings surveys, and what they tell of themselves.

use super::{
    ReadError, Store, SubmitError,
    query::{count, instant},
};
use crate::fleet::cause::{Backlog, Gateway};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, Row, Transaction};
use std::collections::BTreeMap;

/// Who brings surveys.
#[derive(Debug, Clone)]
pub(crate) struct GatewayRow {
    pub(crate) gateway: Gateway,
    pub(crate) time_zone: Option<String>,
    /// Devices whose last survey it brought.
    pub(crate) devices: i64,
    /// What it last told; None if it never did.
    pub(crate) status: Option<Report>,
}

/// What a gateway tells of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) version: String,
    /// Surveys that it could not pass on yet, and when the oldest came there.
    pub(crate) waiting: i64,
    pub(crate) oldest_waiting: Option<UtcInstant>,
    /// Bytes of the journal that are in use, and that it may use.
    pub(crate) journal_bytes: i64,
    pub(crate) journal_limit: i64,
    pub(crate) room_days: Option<f64>,
    pub(crate) round: Option<RoundReport>,
    /// Whom it expects in every round.
    pub(crate) roster: Vec<DeviceId>,
}

/// The last round that closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoundReport {
    pub(crate) opened: UtcInstant,
    pub(crate) closed: UtcInstant,
    /// Devices on the roster that reported.
    pub(crate) reported: i64,
    /// Those that did not.
    pub(crate) silent: Vec<DeviceId>,
}

const GATEWAYS: &str = "SELECT gateways.id, name, gateways.last_contact, at, waiting, oldest_waiting,
        time_zone, version, journal_bytes, journal_limit, room_days,
        round_opened, round_closed, round_reported, round_silent
    FROM gateways LEFT JOIN gateway_status ON gateway_status.gateway = gateways.id";

impl Store {
    /// The gateways in order of their names, after `after`, at most `limit`.
    pub(crate) async fn gateways(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<GatewayRow>, ReadError> {
        let ask = move |connection: &Connection| {
            let devices = devices_each(connection)?;
            let mut statement =
                connection.prepare_cached(&format!("{GATEWAYS} WHERE name > ? ORDER BY name LIMIT ?"))?;
            let mut rows = statement.query((after.unwrap_or_default(), count(limit)))?;
            let mut gateways = Vec::new();
            while let Some(row) = rows.next()? {
                let number: i64 = row.get(0)?;
                let status = match row.get::<_, Option<i64>>(3)? {
                    Some(_) => Some(report(row, roster(connection, number)?)?),
                    None => None,
                };
                let (gateway, time_zone) = (gateway(row)?, row.get(6)?);
                let devices = devices.get(&number).copied().unwrap_or(0);
                gateways.push(GatewayRow { gateway, time_zone, devices, status });
            }
            Ok(gateways)
        };
        self.readers.ask(ask).await
    }

    /// How many gateways there are.
    pub(crate) async fn count_gateways(&self) -> Result<i64, ReadError> {
        let sql = "SELECT count(*) FROM gateways";
        self.readers.ask(|connection| connection.prepare_cached(sql)?.query_row([], |row| row.get(0))).await
    }

    /// Notes what the gateway `name` told of itself at `now`.
    pub(crate) async fn report(
        &self,
        name: String,
        report: Report,
        now: UtcInstant,
    ) -> Result<(), SubmitError> {
        self.write(move |transaction| {
            let gateway = contact(transaction, &name, now)?;
            note(transaction, gateway, &report, now)?;
            note_roster(transaction, gateway, &report.roster)
        })
        .await
    }
}

/// All gateways by their numbers, as far as causes need them.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, Gateway>> {
    let mut statement = connection.prepare_cached(GATEWAYS)?;
    statement.query_map([], |row| Ok((row.get(0)?, gateway(row)?)))?.collect()
}

fn devices_each(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, i64>> {
    let sql = "SELECT gateway, count(*) FROM devices WHERE gateway IS NOT NULL GROUP BY gateway";
    connection.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn gateway(row: &Row<'_>) -> rusqlite::Result<Gateway> {
    let backlog = match row.get::<_, Option<i64>>(3)?.map(UtcInstant::from_millis) {
        Some(at) => Some(Backlog { at, waiting: row.get(4)?, oldest: maybe(row, 5)? }),
        None => None,
    };
    Ok(Gateway { name: row.get(1)?, last_contact: instant(row, 2)?, backlog })
}

fn maybe(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UtcInstant>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(UtcInstant::from_millis))
}

fn report(row: &Row<'_>, roster: Vec<DeviceId>) -> rusqlite::Result<Report> {
    let round = match (maybe(row, 11)?, maybe(row, 12)?) {
        (Some(opened), Some(closed)) => {
            let silent: Option<String> = row.get(14)?;
            let silent: Vec<String> = serde_json::from_str(&silent.unwrap_or_default()).unwrap_or_default();
            let silent = silent.iter().filter_map(|id| DeviceId::new(id).ok()).collect();
            Some(RoundReport { opened, closed, reported: row.get(13)?, silent })
        }
        _ => None,
    };
    Ok(Report {
        version: row.get(7)?,
        waiting: row.get(4)?,
        oldest_waiting: maybe(row, 5)?,
        journal_bytes: row.get(8)?,
        journal_limit: row.get(9)?,
        room_days: row.get(10)?,
        round,
        roster,
    })
}

fn roster(connection: &Connection, gateway: i64) -> rusqlite::Result<Vec<DeviceId>> {
    let sql = "SELECT name FROM roster JOIN devices ON devices.id = roster.device
               WHERE roster.gateway = ? ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let names: rusqlite::Result<Vec<String>> = statement.query_map([gateway], |row| row.get(0))?.collect();
    Ok(names?.iter().filter_map(|name| DeviceId::new(name).ok()).collect())
}

/// The number of the gateway `name`, which was heard at `now`.
fn contact(transaction: &Transaction<'_>, name: &str, now: UtcInstant) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(
            "INSERT INTO gateways (name, last_contact) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET last_contact = max(last_contact, excluded.last_contact)
             RETURNING id",
        )?
        .query_row((name, now.as_millis()), |row| row.get(0))
}

fn note(
    transaction: &Transaction<'_>,
    gateway: i64,
    report: &Report,
    now: UtcInstant,
) -> rusqlite::Result<()> {
    let round = report.round.as_ref();
    let silent = round.map(|round| {
        let ids: Vec<&str> = round.silent.iter().map(DeviceId::as_str).collect();
        serde_json::Value::from(ids).to_string()
    });
    transaction
        .prepare_cached("INSERT OR REPLACE INTO gateway_status VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute((
            gateway,
            now.as_millis(),
            &report.version,
            report.waiting,
            report.oldest_waiting.map(UtcInstant::as_millis),
            report.journal_bytes,
            report.journal_limit,
            report.room_days,
            round.map(|round| round.opened.as_millis()),
            round.map(|round| round.closed.as_millis()),
            round.map(|round| round.reported),
            silent,
        ))?;
    Ok(())
}

/// Makes `roster` the gateway's. Whoever is new on it is registered; whoever is off it, never came, and is known by
/// nothing else is forgotten.
fn note_roster(transaction: &Transaction<'_>, gateway: i64, roster: &[DeviceId]) -> rusqlite::Result<()> {
    let mut known = transaction.prepare_cached(
        "SELECT device, name FROM roster JOIN devices ON devices.id = device WHERE roster.gateway = ?",
    )?;
    let known: rusqlite::Result<BTreeMap<String, i64>> =
        known.query_map([gateway], |row| Ok((row.get(1)?, row.get(0)?)))?.collect();
    let mut gone = known?;
    for device in roster {
        if gone.remove(device.as_str()).is_none() {
            let device = register(transaction, device)?;
            let sql = "INSERT INTO roster (gateway, device) VALUES (?, ?) ON CONFLICT DO NOTHING";
            transaction.prepare_cached(sql)?.execute((gateway, device))?;
        }
    }
    for device in gone.into_values() {
        let sql = "DELETE FROM roster WHERE gateway = ? AND device = ?";
        transaction.prepare_cached(sql)?.execute((gateway, device))?;
        // Whatever was ever heard has a contact, so no row elsewhere names this one.
        transaction
            .prepare_cached(
                "DELETE FROM devices WHERE id = ?1 AND last_contact = 0
                   AND NOT EXISTS (SELECT 1 FROM details WHERE device = ?1)
                   AND NOT EXISTS (SELECT 1 FROM roster WHERE device = ?1)",
            )?
            .execute([device])?;
    }
    Ok(())
}

/// The number of a device, which is registered if nobody knew it.
pub(super) fn register(transaction: &Transaction<'_>, device: &DeviceId) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached("INSERT INTO devices (name, last_contact) VALUES (?, 0) ON CONFLICT DO NOTHING")?
        .execute([device.as_str()])?;
    transaction
        .prepare_cached("SELECT id FROM devices WHERE name = ?")?
        .query_row([device.as_str()], |row| row.get(0))
}
