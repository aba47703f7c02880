//! Where messages go. What must not be shown is in a column of its own, and is never part of a list.

use super::{list, listed};
use crate::{
    alerts::post::channel::{MAX_CHANNELS, Settings},
    store::{ReadError, Store, SubmitError},
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

/// A channel, as lists show it.
#[derive(Debug, Clone)]
pub(crate) struct ChannelRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    /// Whether it has a secret.
    pub(crate) has_secret: bool,
    /// Why the last delivery failed; None if it went well.
    pub(crate) failing: Option<String>,
    /// Messages that were given up.
    pub(crate) lost: i64,
    /// Messages that wait.
    pub(crate) waiting: i64,
}

/// A channel to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewChannel {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) secret: Secret,
}

/// What is to become of a channel's secret.
#[derive(Clone)]
pub(crate) enum Secret {
    /// It stays what it is.
    Keep,
    /// It is this from now on; None: there is none.
    Be(Option<String>),
}

// It must not come into a log by a derived Debug.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Be(_) => "Be(..)",
        })
    }
}

/// Why a channel was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelError {
    /// There are [`MAX_CHANNELS`].
    TooMany,
    /// There is no such channel.
    Unknown,
    /// Its secret would go to another server than it was given for.
    SecretElsewhere,
}

/// The settings in a column.
pub(super) fn settings(text: &str) -> rusqlite::Result<Settings> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn channel(row: &Row<'_>) -> rusqlite::Result<ChannelRow> {
    Ok(ChannelRow {
        id: row.get(0)?,
        name: row.get(1)?,
        settings: settings(&row.get::<_, String>(2)?)?,
        has_secret: row.get(3)?,
        failing: row.get(4)?,
        lost: row.get(5)?,
        waiting: row.get(6)?,
    })
}

const COLUMNS: &str = "SELECT id, name, settings, secret IS NOT NULL, failing, lost,
        (SELECT count(*) FROM outbox WHERE outbox.channel = channels.id)
    FROM channels";

fn one(connection: &Connection, id: i64) -> rusqlite::Result<Option<ChannelRow>> {
    connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?"))?.query_row([id], channel).optional()
}

fn printed(settings: &Settings) -> String {
    serde_json::to_string(settings).unwrap_or_else(|_| "null".into())
}

fn add(transaction: &Transaction<'_>, new: NewChannel) -> rusqlite::Result<Result<ChannelRow, ChannelError>> {
    let count: i64 = transaction.query_row("SELECT count(*) FROM channels", [], |row| row.get(0))?;
    if count >= MAX_CHANNELS {
        return Ok(Err(ChannelError::TooMany));
    }
    let secret = if let Secret::Be(secret) = new.secret { secret } else { None };
    let mut statement = transaction
        .prepare_cached("INSERT INTO channels (kind, name, settings, secret) VALUES (?, ?, ?, ?)")?;
    let id = statement.insert((new.settings.kind(), &new.name, printed(&new.settings), secret))?;
    Ok(one(transaction, id)?.ok_or(ChannelError::Unknown))
}

fn put(
    transaction: &Transaction<'_>,
    id: i64,
    new: NewChannel,
) -> rusqlite::Result<Result<ChannelRow, ChannelError>> {
    let Some(before) = one(transaction, id)? else { return Ok(Err(ChannelError::Unknown)) };
    let moves = before.settings.server() != new.settings.server();
    if moves && before.has_secret && matches!(new.secret, Secret::Keep) {
        return Ok(Err(ChannelError::SecretElsewhere));
    }
    transaction
        .prepare_cached(
            "UPDATE channels SET kind = ?2, name = ?3, settings = ?4, failing = NULL WHERE id = ?1",
        )?
        .execute((id, new.settings.kind(), &new.name, printed(&new.settings)))?;
    if let Secret::Be(secret) = new.secret {
        transaction.prepare_cached("UPDATE channels SET secret = ?2 WHERE id = ?1")?.execute((id, secret))?;
    }
    // Whatever was wrong may be mended: what waits is tried at once.
    transaction.prepare_cached("UPDATE outbox SET due = 0 WHERE channel = ?")?.execute([id])?;
    Ok(one(transaction, id)?.ok_or(ChannelError::Unknown))
}

fn remove(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<bool> {
    let removed = transaction.prepare_cached("DELETE FROM channels WHERE id = ?")?.execute([id])? > 0;
    transaction.prepare_cached("DELETE FROM outbox WHERE channel = ?")?.execute([id])?;
    let mut rules = transaction.prepare_cached("SELECT id, channels FROM rules")?;
    let rules = rules.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    for rule in rules.collect::<rusqlite::Result<Vec<_>>>()? {
        let before: Vec<i64> = listed(&rule.1);
        let after: Vec<i64> = before.iter().copied().filter(|channel| *channel != id).collect();
        if after != before {
            let mut update = transaction.prepare_cached("UPDATE rules SET channels = ?2 WHERE id = ?1")?;
            update.execute((rule.0, list(&after)))?;
        }
    }
    Ok(removed)
}

impl Store {
    /// All channels, in the order in which they were made.
    pub(crate) async fn channels(&self) -> Result<Vec<ChannelRow>, ReadError> {
        let ask = |connection: &Connection| {
            let mut statement = connection.prepare_cached(&format!("{COLUMNS} ORDER BY id"))?;
            statement.query_map([], channel)?.collect()
        };
        self.readers.ask(ask).await
    }

    /// Writes a new channel.
    pub(crate) async fn add_channel(
        &self,
        new: NewChannel,
    ) -> Result<Result<ChannelRow, ChannelError>, SubmitError> {
        self.write(move |transaction| add(transaction, new)).await
    }

    /// Writes a channel in the place of the one with that number.
    pub(crate) async fn put_channel(
        &self,
        id: i64,
        new: NewChannel,
    ) -> Result<Result<ChannelRow, ChannelError>, SubmitError> {
        self.write(move |transaction| put(transaction, id, new)).await
    }

    /// Removes a channel, what waits for it, and its mention in rules. Says whether there was one.
    pub(crate) async fn remove_channel(&self, id: i64) -> Result<bool, SubmitError> {
        self.write(move |transaction| remove(transaction, id)).await
    }

    /// Where a channel leads, with its secret.
    pub(crate) async fn channel_for_delivery(
        &self,
        id: i64,
    ) -> Result<Option<(Settings, Option<String>)>, ReadError> {
        let ask = move |connection: &Connection| {
            let mut statement =
                connection.prepare_cached("SELECT settings, secret FROM channels WHERE id = ?")?;
            let row =
                statement.query_row([id], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()?;
            row.map(|(text, secret)| Ok((settings(&text)?, secret))).transpose()
        };
        self.readers.ask(ask).await
    }
}
