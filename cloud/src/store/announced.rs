//! Devices as doors to other systems announce them.

use super::{
    ReadError, Store,
    query::{contact, count},
    readings,
};
use crate::fleet::state::{SURVEY_S, State};
use fieldpost_core::{UtcInstant, Values};
use rusqlite::{Connection, OptionalExtension, Row};

/// A device with a name for people, its newest values, and who brought them.
#[derive(Debug, Clone)]
pub(crate) struct Announced {
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: Option<String>,
    pub(crate) place: Option<String>,
    /// How often it owes a survey, in seconds.
    pub(crate) survey_s: u32,
    pub(crate) last_contact: Option<UtcInstant>,
    pub(crate) last_time: Option<UtcInstant>,
    /// What it measured at `last_time`.
    pub(crate) last_values: Option<Values>,
    /// Who last brought a survey of it.
    pub(crate) gateway: Option<String>,
}

impl Announced {
    /// How it does.
    pub(crate) fn state(&self, now: UtcInstant) -> State {
        State::of(self.last_contact, self.survey_s, now)
    }
}

const ANNOUNCED: &str = "SELECT devices.name, details.name, place, survey_s, devices.last_contact, last_time,
        last_temperature, last_moisture, gateways.name
    FROM devices
    LEFT JOIN details ON details.device = devices.id
    LEFT JOIN gateways ON gateways.id = devices.gateway";

impl Store {
    /// Devices in order of their ids, after `after`, at most `limit`.
    pub(crate) async fn announced(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<Announced>, ReadError> {
        let ask = move |connection: &Connection| {
            let sql = format!("{ANNOUNCED} WHERE devices.name > ? ORDER BY devices.name LIMIT ?");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map((after.unwrap_or_default(), count(limit)), announced)?.collect()
        };
        self.readers.ask(ask).await
    }

    /// Those of `devices` that there are.
    pub(crate) async fn announced_of(&self, devices: Vec<String>) -> Result<Vec<Announced>, ReadError> {
        let ask = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(&format!("{ANNOUNCED} WHERE devices.name = ?"))?;
            let mut found = Vec::new();
            for device in &devices {
                found.extend(statement.query_row([device], announced).optional()?);
            }
            Ok(found)
        };
        self.readers.ask(ask).await
    }
}

fn announced(row: &Row<'_>) -> rusqlite::Result<Announced> {
    Ok(Announced {
        id: row.get(0)?,
        name: row.get(1)?,
        place: row.get(2)?,
        survey_s: row.get::<_, Option<u32>>(3)?.unwrap_or(SURVEY_S),
        last_contact: contact(row, 4)?,
        last_time: row.get::<_, Option<i64>>(5)?.map(UtcInstant::from_millis),
        last_values: readings::values(row, 6)?,
        gateway: row.get(8)?,
    })
}
