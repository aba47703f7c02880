//! How devices do that just brought something.

use super::{ReadError, Store, query::contact};
use crate::{
    fleet::state::{SURVEY_S, State},
    live::Heard,
};
use fieldpost_core::{DeviceId, UtcInstant};
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;

impl Store {
    /// How those of `devices` do at `now` that there are: one question for all of them.
    pub(crate) async fn heard(
        &self,
        devices: Vec<DeviceId>,
        now: UtcInstant,
    ) -> Result<BTreeMap<String, Heard>, ReadError> {
        self.readers.ask(move |connection| heard(connection, &devices, now)).await
    }
}

fn heard(
    connection: &Connection,
    devices: &[DeviceId],
    now: UtcInstant,
) -> rusqlite::Result<BTreeMap<String, Heard>> {
    let ids: Vec<&str> = devices.iter().map(DeviceId::as_str).collect();
    let one = |row: &Row<'_>| {
        let (contact, survey_s) = (contact(row, 1)?, row.get::<_, Option<u32>>(2)?);
        let state = State::of(contact, survey_s.unwrap_or(SURVEY_S), now);
        Ok((row.get(0)?, Heard { contact: contact.unwrap_or(now), state }))
    };
    let sql = "SELECT devices.name, last_contact, survey_s
        FROM devices LEFT JOIN details ON details.device = devices.id
        WHERE devices.name IN (SELECT value FROM json_each(?))";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([serde_json::Value::from(ids).to_string()], one)?.collect()
}
