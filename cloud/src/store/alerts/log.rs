//! The alerts that there are and were.

use super::{instant, list, listed, outbox, rules::Held};
use crate::{
    alerts::{
        MAX_ALERTS, MAX_LISTED,
        change::{Change, Draft, Event, Proof, Row},
        message::{self, Alert, JsonAlert},
        text,
    },
    store::{ReadError, Store, SubmitError},
};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, Transaction};

const ROW: &str =
    "SELECT id, rule, subject, devices, text, began, resolved, withdrawn, rings, acknowledged_at, told, certain, worst
    FROM alerts";

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let draft = Draft {
        subject: row.get(2)?,
        devices: listed(&row.get::<_, String>(3)?),
        text: row.get(4)?,
        began: UtcInstant::from_millis(row.get(5)?),
        resolved: instant(row.get(6)?),
        proof: instant(row.get(11)?).zip(row.get(12)?).map(|(certain, worst)| Proof { certain, worst }),
        withdrawn: row.get(7)?,
    };
    let acknowledged = row.get::<_, Option<i64>>(9)?.is_some();
    let (rings, told) = (row.get(8)?, instant(row.get(10)?));
    Ok(Row { id: row.get(0)?, rule: row.get(1)?, draft, rings, acknowledged, told })
}

/// The open alerts of a rule, or of all.
pub(super) fn open(connection: &Connection, rule: Option<i64>) -> rusqlite::Result<Vec<Row>> {
    let sql = format!("{ROW} WHERE resolved IS NULL AND (?1 IS NULL OR rule = ?1) ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map([rule], row)?.collect()
}

/// The alerts of a rule and subject that began at `from` or later, or are open.
pub(super) fn held(
    connection: &Connection,
    rule: &Held,
    subject: &str,
    from: UtcInstant,
) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "{ROW} WHERE rule = ?1 AND subject = ?2 AND generation = ?3 AND withdrawn = 0
             AND (began >= ?4 OR resolved IS NULL)
         ORDER BY began, id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map((rule.rule.id, subject, rule.generation, from.as_millis()), row)?.collect()
}

/// Of an open alert of values that was one before `from`: when it began, and what it was judged by.
pub(super) fn lasting(
    connection: &Connection,
    rule: &Held,
    device: &str,
    from: UtcInstant,
) -> rusqlite::Result<Option<(UtcInstant, Proof)>> {
    let mut statement = connection.prepare_cached(
        "SELECT began, certain, worst FROM alerts
         WHERE rule = ? AND subject = ? AND generation = ? AND resolved IS NULL AND certain < ?",
    )?;
    let subject = format!("device:{device}");
    let found = statement.query_row((rule.rule.id, subject, rule.generation, from.as_millis()), |row| {
        let certain = UtcInstant::from_millis(row.get(1)?);
        Ok((UtcInstant::from_millis(row.get(0)?), Proof { certain, worst: row.get(2)? }))
    });
    found.optional()
}

/// Writes changes of a rule's alerts, and puts out what is to be said of them. Which they are.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    held: &Held,
    changes: Vec<Change>,
    now: UtcInstant,
) -> rusqlite::Result<Vec<Alert>> {
    let mut changed = Vec::new();
    for change in changes {
        match change {
            Change::Delete { id } => {
                transaction.prepare_cached("DELETE FROM alerts WHERE id = ? AND rings = 0")?.execute([id])?;
            }
            Change::Update { id, draft, rings, says } => {
                update(transaction, id, &draft, rings)?;
                changed.push(id);
                tell(transaction, &held.rule.channels, id, &says, now)?;
            }
            Change::Insert { draft, rings } => {
                let Some(id) = insert(transaction, held, &draft, rings, now)? else { continue };
                changed.push(id);
                let mut says = Vec::new();
                says.extend(rings.then_some(Event::Began));
                says.extend((rings && draft.resolved.is_some()).then_some(Event::Resolved));
                tell(transaction, &held.rule.channels, id, &says, now)?;
            }
        }
    }
    changed.into_iter().filter_map(|id| one(transaction, id).transpose()).collect()
}

fn shown(devices: &[String]) -> String {
    list(devices.get(..MAX_LISTED).unwrap_or(devices))
}

fn update(transaction: &Transaction<'_>, id: i64, draft: &Draft, rings: bool) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE alerts SET devices = ?2, text = ?3, began = ?4, resolved = ?5, rings = ?6, withdrawn = ?7,
                 certain = ?8, worst = ?9
             WHERE id = ?1",
        )?
        .execute((
            id,
            shown(&draft.devices),
            &draft.text,
            draft.began.as_millis(),
            draft.resolved.map(UtcInstant::as_millis),
            rings,
            draft.withdrawn,
            draft.proof.map(|proof| proof.certain.as_millis()),
            draft.proof.map(|proof| proof.worst),
        ))?;
    Ok(())
}

/// None if there is one that is open already.
fn insert(
    transaction: &Transaction<'_>,
    held: &Held,
    draft: &Draft,
    rings: bool,
    now: UtcInstant,
) -> rusqlite::Result<Option<i64>> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO alerts (rule, generation, name, kind, subject, devices, text, began, noticed, resolved, rings, certain,
             worst)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )?;
    let added = statement.execute((
        held.rule.id,
        held.generation,
        &held.rule.name,
        held.rule.kind.name(),
        &draft.subject,
        shown(&draft.devices),
        &draft.text,
        draft.began.as_millis(),
        now.as_millis(),
        draft.resolved.map(UtcInstant::as_millis),
        rings,
        draft.proof.map(|proof| proof.certain.as_millis()),
        draft.proof.map(|proof| proof.worst),
    ))?;
    Ok((added == 1).then(|| transaction.last_insert_rowid()))
}

fn tell(
    transaction: &Transaction<'_>,
    channels: &[i64],
    id: i64,
    says: &[Event],
    now: UtcInstant,
) -> rusqlite::Result<()> {
    if says.is_empty() {
        return Ok(());
    }
    say(transaction, channels, id, says, now)?;
    transaction.prepare_cached("UPDATE alerts SET told = ? WHERE id = ?")?.execute((now.as_millis(), id))?;
    Ok(())
}

fn say(
    transaction: &Transaction<'_>,
    channels: &[i64],
    id: i64,
    says: &[Event],
    now: UtcInstant,
) -> rusqlite::Result<()> {
    let Some(alert) = one(transaction, id)? else { return Ok(()) };
    for event in says {
        let message: String =
            transaction.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
        let body = message::body(&message, *event, &alert, now).to_string();
        for channel in channels {
            outbox::put(transaction, *channel, &message, &body, now)?;
        }
    }
    Ok(())
}

/// Tells channels that a rule has from now on what it has told the others of: else they would hear of the end of something whose
/// beginning they never heard of, and other rules that leave it to this one would leave them in the dark.
pub(super) fn introduce(
    transaction: &Transaction<'_>,
    rule: i64,
    channels: &[i64],
    now: UtcInstant,
) -> rusqlite::Result<()> {
    if channels.is_empty() {
        return Ok(());
    }
    let told = open(transaction, Some(rule))?.into_iter().filter(|row| row.rings);
    told.into_iter().try_for_each(|row| say(transaction, channels, row.id, &[Event::Began], now))
}

/// Ends what a rule has open: it asks something else from now on, or nothing.
pub(super) fn end(transaction: &Transaction<'_>, rule: &Held, now: UtcInstant) -> rusqlite::Result<()> {
    let changes = open(transaction, Some(rule.rule.id))?.into_iter().map(|row| {
        let resolved = Some(now.max(row.draft.began));
        let draft = Draft { resolved, text: text::ended(&row.draft.text), ..row.draft };
        let says = if row.rings { vec![Event::Resolved] } else { Vec::new() };
        Change::Update { id: row.id, draft, rings: row.rings, says }
    });
    apply(transaction, rule, changes.collect(), now).map(|_| ())
}

/// Removes the oldest alerts that are over, so that [`MAX_ALERTS`] are left.
pub(super) fn prune(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let sql = "DELETE FROM alerts WHERE resolved IS NOT NULL
                   AND id <= (SELECT id FROM alerts ORDER BY id DESC LIMIT 1 OFFSET ?)";
    transaction.prepare_cached(sql)?.execute([MAX_ALERTS])?;
    Ok(())
}

const ALERT: &str =
    "SELECT id, rule, name, kind, subject, devices, text, began, noticed, resolved, acknowledged_by,
        acknowledged_at, rings
    FROM alerts";

fn alert(row: &rusqlite::Row<'_>) -> rusqlite::Result<Alert> {
    let by: Option<String> = row.get(10)?;
    Ok(Alert {
        id: row.get(0)?,
        rule: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        subject: row.get(4)?,
        devices: listed(&row.get::<_, String>(5)?),
        text: row.get(6)?,
        began: UtcInstant::from_millis(row.get(7)?),
        noticed: UtcInstant::from_millis(row.get(8)?),
        resolved: instant(row.get(9)?),
        acknowledged: instant(row.get(11)?).map(|at| (by, at)),
        history: !row.get::<_, bool>(12)?,
    })
}

fn one(connection: &Connection, id: i64) -> rusqlite::Result<Option<Alert>> {
    let mut statement = connection.prepare_cached(&format!("{ALERT} WHERE id = ?"))?;
    statement.query_row([id], alert).optional()
}

impl Store {
    /// Alerts, the newest first, with numbers below `before`; only open ones, or only those that are over, if `open` says so.
    pub(crate) async fn alerts(
        &self,
        open: Option<bool>,
        before: i64,
        limit: usize,
    ) -> Result<Vec<Alert>, ReadError> {
        let ask = move |connection: &Connection| {
            let sql = format!(
                "{ALERT} WHERE id < ?1 AND (?2 IS NULL OR (resolved IS NULL) = ?2) ORDER BY id DESC LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement.query_map((before, open, limit), alert)?.collect()
        };
        self.readers.ask(ask).await
    }

    /// How many alerts are open, by kind.
    pub(crate) async fn open_alerts(&self) -> Result<Vec<(String, i64)>, ReadError> {
        let ask = |connection: &Connection| {
            let sql = "SELECT kind, count(*) FROM alerts WHERE resolved IS NULL GROUP BY kind ORDER BY kind";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        self.readers.ask(ask).await
    }

    /// Notes that somebody knows of an alert; the first one counts. None if there is no such alert.
    pub(crate) async fn acknowledge(
        &self,
        id: i64,
        by: Option<String>,
        now: UtcInstant,
    ) -> Result<Option<Alert>, SubmitError> {
        let note = move |transaction: &Transaction<'_>| {
            transaction
                .prepare_cached(
                    "UPDATE alerts SET acknowledged_by = ?2, acknowledged_at = ?3
                     WHERE id = ?1 AND acknowledged_at IS NULL",
                )?
                .execute((id, by, now.as_millis()))?;
            one(transaction, id)
        };
        let alert = self.write(note).await?;
        self.show_alerts(alert.as_slice());
        Ok(alert)
    }

    /// Shows alerts that changed to whoever watches.
    pub(super) fn show_alerts(&self, alerts: &[Alert]) {
        if self.live.is_watched() {
            let shown = alerts.iter().filter_map(|alert| serde_json::to_value(JsonAlert::from(alert)).ok());
            shown.for_each(|alert| self.live.alert(alert));
        }
    }
}
