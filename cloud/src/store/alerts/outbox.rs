//! The outbox: messages in the order in which they are delivered, channel by channel. A message is put in the transaction that
//! changes its alert, and leaves when it was delivered or given up.

use super::channels;
use crate::{
    alerts::post::{Letter as Parts, MAX_WAITING, channel::Settings, schedule},
    store::{ReadError, Store, SubmitError},
};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, Transaction};

/// A message that is due, with where it goes.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) id: i64,
    pub(crate) channel: i64,
    pub(crate) parts: Parts,
    pub(crate) put: UtcInstant,
    pub(crate) attempts: i64,
    pub(crate) settings: Settings,
    pub(crate) secret: Option<String>,
}

/// The first messages of all channels.
#[derive(Debug)]
pub(crate) struct Heads {
    /// Those that are due.
    pub(crate) due: Vec<Letter>,
    /// When the next one is.
    pub(crate) next: Option<UtcInstant>,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempted {
    /// The receiver has it.
    Delivered,
    /// It is tried again; says why.
    Failed(String),
    /// It is not tried any more; says why.
    GivenUp(String),
}

/// Puts a message into a channel's outbox, if there is such a channel. In a full one, the oldest is given up.
pub(super) fn put(
    transaction: &Transaction<'_>,
    channel: i64,
    message: &str,
    body: &str,
    now: UtcInstant,
) -> rusqlite::Result<()> {
    if !transaction.prepare_cached("SELECT 1 FROM channels WHERE id = ?")?.exists([channel])? {
        return Ok(());
    }
    let mut count = transaction.prepare_cached("SELECT count(*) FROM outbox WHERE channel = ?")?;
    let waiting: i64 = count.query_row([channel], |row| row.get(0))?;
    if waiting >= MAX_WAITING {
        let mut oldest = transaction.prepare_cached(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE channel = ?1 ORDER BY id LIMIT ?2)",
        )?;
        let gone = oldest.execute((channel, waiting - MAX_WAITING + 1))?;
        give_up(transaction, channel, gone, &format!("more than {MAX_WAITING} messages waited"))?;
    }
    transaction
        .prepare_cached("INSERT INTO outbox (channel, message, body, put, due) VALUES (?, ?, ?, ?, 0)")?
        .execute((channel, message, body, now.as_millis()))?;
    Ok(())
}

fn give_up(transaction: &Transaction<'_>, channel: i64, count: usize, why: &str) -> rusqlite::Result<()> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "UPDATE channels SET lost = lost + ?2,
                 failing = printf('%d message(s) given up so far, the last one because: %s', lost + ?2, ?3)
             WHERE id = ?1",
        )?
        .execute((channel, count, why))?;
    Ok(())
}

fn heads(connection: &Connection, now: UtcInstant) -> rusqlite::Result<Heads> {
    let mut statement = connection.prepare_cached(
        "SELECT outbox.id, channel, message, body, put, attempts, due, settings, secret
         FROM outbox JOIN channels ON channels.id = outbox.channel
         WHERE outbox.id IN (SELECT min(id) FROM outbox GROUP BY channel) ORDER BY outbox.id",
    )?;
    let mut rows = statement.query([])?;
    let mut heads = Heads { due: Vec::new(), next: None };
    while let Some(row) = rows.next()? {
        let due = UtcInstant::from_millis(row.get(6)?);
        if due > now {
            heads.next = Some(heads.next.map_or(due, |next| next.min(due)));
            continue;
        }
        heads.due.push(Letter {
            id: row.get(0)?,
            channel: row.get(1)?,
            parts: Parts { id: row.get(2)?, body: row.get(3)? },
            put: UtcInstant::from_millis(row.get(4)?),
            attempts: row.get(5)?,
            settings: channels::settings(&row.get::<_, String>(7)?)?,
            secret: row.get(8)?,
        });
    }
    Ok(heads)
}

fn delivered(transaction: &Transaction<'_>, letter: &Letter) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM outbox WHERE id = ?")?.execute([letter.id])?;
    transaction
        .prepare_cached("UPDATE channels SET failing = NULL WHERE id = ?")?
        .execute([letter.channel])?;
    Ok(())
}

fn gave_up(transaction: &Transaction<'_>, letter: &Letter, why: &str) -> rusqlite::Result<()> {
    let gone = transaction.prepare_cached("DELETE FROM outbox WHERE id = ?")?.execute([letter.id])?;
    give_up(transaction, letter.channel, gone, why)
}

fn failed(
    transaction: &Transaction<'_>,
    letter: &Letter,
    why: &str,
    now: UtcInstant,
    first_pause: std::time::Duration,
) -> rusqlite::Result<()> {
    let attempts = letter.attempts.saturating_add(1);
    let due = schedule::next(now, attempts, first_pause);
    transaction.prepare_cached("UPDATE outbox SET attempts = ?2, due = ?3 WHERE id = ?1")?.execute((
        letter.id,
        attempts,
        due.as_millis(),
    ))?;
    transaction
        .prepare_cached("UPDATE channels SET failing = ?2 WHERE id = ?1")?
        .execute((letter.channel, why))?;
    Ok(())
}

impl Store {
    /// The first message of each channel.
    pub(crate) async fn outbox_heads(&self, now: UtcInstant) -> Result<Heads, ReadError> {
        self.readers.ask(move |connection| heads(connection, now)).await
    }

    /// Notes how an attempt went.
    pub(crate) async fn attempted(
        &self,
        letter: Letter,
        how: Attempted,
        now: UtcInstant,
        first_pause: std::time::Duration,
    ) -> Result<(), SubmitError> {
        let note = move |transaction: &Transaction<'_>| match &how {
            Attempted::Delivered => delivered(transaction, &letter),
            Attempted::Failed(why) => failed(transaction, &letter, why, now, first_pause),
            Attempted::GivenUp(why) => gave_up(transaction, &letter, why),
        };
        self.write(note).await
    }
}
