//! The rules. One that asks something else than before begins anew: what it had open ends, and it looks at all that is held.

use super::{list, listed, log};
use crate::{
    alerts::{
        MAX_RULES,
        rule::{Kind, Rule},
    },
    store::{ReadError, Store, SubmitError},
};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

/// Why a rule was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleError {
    /// There are [`MAX_RULES`].
    TooMany,
    /// There is no such rule.
    Unknown,
    /// It names this channel, which there is not.
    NoChannel(i64),
}

/// A rule as it is held, and which one of those that it was.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) rule: Rule,
    pub(super) generation: i64,
    /// Devices up to this one were looked at; None: all.
    pub(super) progress: Option<i64>,
}

const COLUMNS: &str =
    "SELECT id, name, kind, value, clear, for_s, devices, repeat_s, channels, enabled, generation, progress
    FROM rules";

fn held(row: &Row<'_>) -> rusqlite::Result<Option<Held>> {
    let kind: String = row.get(2)?;
    // A later version may know more kinds; this one leaves them alone.
    let Some(kind) = Kind::from_name(&kind) else { return Ok(None) };
    let rule = Rule {
        id: row.get(0)?,
        name: row.get(1)?,
        kind,
        value: row.get(3)?,
        clear: row.get(4)?,
        for_s: row.get(5)?,
        devices: row.get::<_, Option<String>>(6)?.map(|text| listed(&text)),
        repeat_s: row.get(7)?,
        channels: listed(&row.get::<_, String>(8)?),
        enabled: row.get(9)?,
    };
    Ok(Some(Held { rule, generation: row.get(10)?, progress: row.get(11)? }))
}

/// All rules, in the order in which they were made.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Held>> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} ORDER BY id"))?;
    let rows = statement.query_map([], held)?;
    rows.filter_map(Result::transpose).collect()
}

/// The rule `id`.
pub(super) fn one(connection: &Connection, id: i64) -> rusqlite::Result<Option<Held>> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?"))?;
    Ok(statement.query_row([id], held).optional()?.flatten())
}

/// Where a rule begins to look: before the first device, if it looks at readings.
fn start(rule: &Rule) -> Option<i64> {
    (rule.enabled && rule.kind.is_of_readings()).then_some(0)
}

fn missing_channel(transaction: &Transaction<'_>, rule: &Rule) -> rusqlite::Result<Option<i64>> {
    let mut statement = transaction.prepare_cached("SELECT 1 FROM channels WHERE id = ?")?;
    for channel in &rule.channels {
        if !statement.exists([channel])? {
            return Ok(Some(*channel));
        }
    }
    Ok(None)
}

fn add(transaction: &Transaction<'_>, rule: &Rule) -> rusqlite::Result<Result<Rule, RuleError>> {
    let count: i64 = transaction.query_row("SELECT count(*) FROM rules", [], |row| row.get(0))?;
    if count >= i64::try_from(MAX_RULES).unwrap_or(i64::MAX) {
        return Ok(Err(RuleError::TooMany));
    }
    if let Some(channel) = missing_channel(transaction, rule)? {
        return Ok(Err(RuleError::NoChannel(channel)));
    }
    let mut statement = transaction.prepare_cached(
        "INSERT INTO rules (name, kind, value, clear, for_s, devices, repeat_s, channels, enabled, progress)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let id = statement.insert((
        &rule.name,
        rule.kind.name(),
        rule.value,
        rule.clear,
        rule.for_s,
        rule.devices.as_deref().map(list),
        rule.repeat_s,
        list(&rule.channels),
        rule.enabled,
        start(rule),
    ))?;
    Ok(Ok(Rule { id, ..rule.clone() }))
}

fn put(
    transaction: &Transaction<'_>,
    rule: &Rule,
    now: UtcInstant,
) -> rusqlite::Result<Result<Rule, RuleError>> {
    let Some(before) = one(transaction, rule.id)? else { return Ok(Err(RuleError::Unknown)) };
    if let Some(channel) = missing_channel(transaction, rule)? {
        return Ok(Err(RuleError::NoChannel(channel)));
    }
    let same = before.rule.asks_the_same(rule);
    if same {
        let new = rule.channels.iter().filter(|channel| !before.rule.channels.contains(channel));
        log::introduce(transaction, rule.id, &new.copied().collect::<Vec<_>>(), now)?;
    } else {
        log::end(transaction, &before, now)?;
        let history = "DELETE FROM alerts WHERE rule = ? AND rings = 0";
        transaction.prepare_cached(history)?.execute([rule.id])?;
    }
    let (generation, progress) = match same {
        true => (before.generation, before.progress),
        false => (before.generation.saturating_add(1), start(rule)),
    };
    transaction
        .prepare_cached(
            "UPDATE rules SET name = ?2, kind = ?3, value = ?4, clear = ?5, for_s = ?6, devices = ?7, repeat_s = ?8,
                 channels = ?9, enabled = ?10, generation = ?11, progress = ?12
             WHERE id = ?1",
        )?
        .execute((
            rule.id,
            &rule.name,
            rule.kind.name(),
            rule.value,
            rule.clear,
            rule.for_s,
            rule.devices.as_deref().map(list),
            rule.repeat_s,
            list(&rule.channels),
            rule.enabled,
            generation,
            progress,
        ))?;
    Ok(Ok(rule.clone()))
}

impl Store {
    /// All rules.
    pub(crate) async fn rules(&self) -> Result<Vec<Rule>, ReadError> {
        let ask = |connection: &Connection| Ok(all(connection)?.into_iter().map(|held| held.rule).collect());
        self.readers.ask(ask).await
    }

    /// Writes a new rule; returns it with its number.
    pub(crate) async fn add_rule(&self, rule: Rule) -> Result<Result<Rule, RuleError>, SubmitError> {
        let done = self.write(move |transaction| add(transaction, &rule)).await?;
        self.stir();
        Ok(done)
    }

    /// Writes a rule in the place of the one with its number.
    pub(crate) async fn put_rule(
        &self,
        rule: Rule,
        now: UtcInstant,
    ) -> Result<Result<Rule, RuleError>, SubmitError> {
        let done = self.write(move |transaction| put(transaction, &rule, now)).await?;
        self.stir();
        Ok(done)
    }

    /// Removes a rule; what it had open ends. Says whether there was one.
    pub(crate) async fn remove_rule(&self, id: i64, now: UtcInstant) -> Result<bool, SubmitError> {
        let remove = move |transaction: &Transaction<'_>| {
            let Some(before) = one(transaction, id)? else { return Ok(false) };
            log::end(transaction, &before, now)?;
            transaction.prepare_cached("DELETE FROM rules WHERE id = ?")?.execute([id])?;
            Ok(true)
        };
        let done = self.write(remove).await?;
        self.stir();
        Ok(done)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes a rule that is good.
    pub(in super::super) fn add(transaction: &Transaction<'_>, rule: &Rule) -> rusqlite::Result<()> {
        super::add(transaction, rule).map(|done| assert!(done.is_ok(), "{done:?}"))
    }

    /// Changes a rule that there is.
    pub(in super::super) fn put(
        transaction: &Transaction<'_>,
        rule: &Rule,
        now: UtcInstant,
    ) -> rusqlite::Result<()> {
        super::put(transaction, rule, now).map(|done| assert!(done.is_ok(), "{done:?}"))
    }
}
