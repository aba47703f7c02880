//! The cloud's store, read from its file beside a cloud that may be running. Its tables are described in the cloud's
//! `store/sql`.

use super::source::{Known, Range};
use crate::shown::shown;
use anyhow::{Context, Result, bail};
use fieldpost_core::{DeviceId, Moisture, Reading, Temperature, UtcInstant, Values};
use rusqlite::{Connection, OpenFlags, Params, Row};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// SQLite's `application_id` of the cloud's stores: "FPst".
const APPLICATION_ID: i32 = 0x4650_7374;
/// The version of stores (`user_version`, the number of the last of the cloud's migrations) from which on there is all that is asked for here.
const OLDEST: i64 = 4;
/// How long a moment in which the file cannot be read may last.
const BUSY: Duration = Duration::from_secs(5);

/// An open store.
pub(crate) struct StoreFile {
    conn: Connection,
    path: PathBuf,
}

impl StoreFile {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot open the store {}", path.display());
        if !path.is_file() {
            bail!("{}: there is no such file; give the cloud's store.db, with --store", cannot());
        }
        let conn =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(cannot)?;
        conn.busy_timeout(BUSY).with_context(cannot)?;
        let id: i32 =
            conn.pragma_query_value(None, "application_id", |row| row.get(0)).with_context(cannot)?;
        if id != APPLICATION_ID {
            bail!("{}: this is no store of a Fieldpost cloud; give its store.db, with --store", cannot());
        }
        let version: i64 =
            conn.pragma_query_value(None, "user_version", |row| row.get(0)).with_context(cannot)?;
        if version < OLDEST {
            bail!(
                "{}: it is of version {version}, and only those from {OLDEST} on can be read; start a cloud of this program on it \
                 once, or on a copy (cloud --data), which brings it up to date",
                cannot()
            );
        }
        Ok(Self { conn, path: path.to_owned() })
    }

    pub(super) fn zones(&self) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT time_zone FROM gateways WHERE time_zone IS NOT NULL ORDER BY 1";
        self.rows(sql, [], |row| row.get(0))
    }

    pub(super) fn kept_from(&self) -> Result<Option<UtcInstant>> {
        let sql = "SELECT max(value) FROM settings WHERE name IN ('kept_from', 'gone_before')";
        let rows = self.rows(sql, [], |row| row.get::<_, Option<i64>>(0))?;
        Ok(rows.into_iter().flatten().next().map(UtcInstant::from_millis))
    }

    pub(super) fn next_device(&self, after: Option<&DeviceId>) -> Result<Option<DeviceId>> {
        let sql = "SELECT name FROM devices WHERE name > ?1 ORDER BY name LIMIT 1";
        let names: Vec<String> = self.rows(sql, [after.map_or("", DeviceId::as_str)], |row| row.get(0))?;
        let id = |name: &String| {
            DeviceId::new(name).with_context(|| format!("{}: device `{}`", self.cannot(), shown(name)))
        };
        names.first().map(id).transpose()
    }

    pub(super) fn device(&self, id: &DeviceId) -> Result<Option<Known>> {
        let sql =
            "SELECT first_time, last_time, conflicts, devices.last_contact, interval_s, survey_s, time_zone
             FROM devices LEFT JOIN details ON details.device = devices.id
             LEFT JOIN gateways ON gateways.id = devices.gateway WHERE devices.name = ?1";
        let rows = self.rows(sql, [id.as_str()], |row| {
            let instant = |column| -> rusqlite::Result<Option<UtcInstant>> {
                Ok(row.get::<_, Option<i64>>(column)?.map(UtcInstant::from_millis))
            };
            Ok(Known {
                span: instant(0)?.zip(instant(1)?),
                conflicts: row.get::<_, i64>(2)?.cast_unsigned(),
                // 0 means never.
                contact: instant(3)?.filter(|contact| contact.as_millis() > 0),
                interval_s: row.get(4)?,
                survey_s: row.get(5)?,
                time_zone: row.get(6)?,
            })
        })?;
        Ok(rows.into_iter().next())
    }

    pub(super) fn readings(&self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        self.values("readings", id, range)
    }

    pub(super) fn conflicts(&self, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        self.values("conflicts", id, range)
    }

    fn values(&self, table: &str, id: &DeviceId, range: Range) -> Result<Vec<Reading>> {
        let sql = format!(
            "SELECT time, temperature, moisture FROM {table}
             WHERE device = (SELECT id FROM devices WHERE name = ?1) AND time >= ?2 AND time < ?3 ORDER BY time"
        );
        let rows = self.rows(&sql, (id.as_str(), range.from.as_millis(), range.to.as_millis()), reading)?;
        // A row without a value holds nothing: whoever looks for its reading finds it missing.
        Ok(rows.into_iter().flatten().collect())
    }

    /// A survey's copies, and what of it was held when its first copy came, dated by its first reading.
    pub(super) fn copies(&self, id: &DeviceId, range: Range) -> Result<Vec<(UtcInstant, u64)>> {
        let sql = "SELECT starts, duplicate + (copies - 1) * readings FROM surveys
             WHERE device = (SELECT id FROM devices WHERE name = ?1) AND starts >= ?2 AND starts < ?3
               AND (duplicate > 0 OR copies > 1) ORDER BY starts";
        let bounds = (id.as_str(), range.from.as_millis(), range.to.as_millis());
        self.rows(sql, bounds, |row| {
            Ok((UtcInstant::from_millis(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
        })
    }

    fn rows<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = || self.conn.prepare_cached(sql)?.query_map(parameters, read)?.collect();
        let rows: rusqlite::Result<Vec<T>> = rows();
        rows.with_context(|| self.cannot())
    }

    fn cannot(&self) -> String {
        format!("cannot read the store {}", self.path.display())
    }
}

fn reading(row: &Row<'_>) -> rusqlite::Result<Option<Reading>> {
    let (temperature, moisture): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
    let values = Values::new(
        temperature.and_then(Temperature::from_hundredths),
        moisture.and_then(Moisture::from_hundredths),
    );
    let time = UtcInstant::from_millis(row.get(0)?);
    Ok(values.map(|values| Reading { time, values }))
}
