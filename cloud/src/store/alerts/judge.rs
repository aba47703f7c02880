//! Looking at readings for the rules: what is new of them is marked in `devices`, in the transaction that stores it.

use super::{
    log,
    rules::{self, Held},
};
use crate::{
    alerts::{
        band::{Band, Quantity},
        episodes::{self, Episode, Judge},
        message::Alert,
        reconcile::{self, Judged},
        rule::{Kind, Rule},
    },
    store::{ReadError, Store, SubmitError},
};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension, Transaction};

/// Devices that are looked at in one go because something came of them.
const DEVICES: i64 = 128;
/// Devices of which a new rule looks at all readings in one go: a device may have a million.
const FIRST_LOOK: i64 = 16;

/// A device of which something came that no rule has looked at.
#[derive(Debug, Clone)]
pub(crate) struct Marked {
    id: i64,
    name: String,
    /// The earliest such reading.
    from: UtcInstant,
    /// What the mark was when it was read.
    marks: i64,
}

/// What rules found.
#[derive(Debug, Default)]
struct Found {
    judged: Vec<(Held, Judged)>,
    /// Devices that were looked at by all rules.
    seen: Vec<Marked>,
    /// The rule that looks for the first time, and how far it came; None: to the end.
    look: Option<(Held, Option<i64>)>,
}

/// A device's episodes of a rule, from the last reading before `from` that solves, or on from the alert that lasts; None: of all its readings.
fn look(
    connection: &Connection,
    held: &Held,
    device: (i64, &str),
    from: Option<UtcInstant>,
    now: UtcInstant,
) -> rusqlite::Result<Judged> {
    let (id, name) = device;
    let lasting = match from {
        Some(from) => log::lasting(connection, held, name, from)?.map(|(began, proof)| (from, began, proof)),
        None => None,
    };
    let (from, episodes) = match (Band::of(&held.rule), lasting) {
        // What lasts for months is not read again from its beginning with every survey.
        (Some(band), Some((from, began, proof))) => {
            let start = last_before(connection, band, id, from)?;
            (began, read(connection, Judge::resume(band, began, proof), band, id, start)?)
        }
        (Some(band), None) => of_values(connection, band, id, from)?,
        (None, _) => of_conflicts(connection, &held.rule, id, now)?,
    };
    Ok(Judged { device: name.to_owned(), from, episodes, first_look: false })
}

fn column(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Temperature => "temperature",
        Quantity::Moisture => "moisture",
    }
}

fn of_values(
    connection: &Connection,
    band: Band,
    device: i64,
    from: Option<UtcInstant>,
) -> rusqlite::Result<(UtcInstant, Vec<Episode>)> {
    let column = column(band.quantity);
    let solving = format!(
        "SELECT time FROM readings WHERE device = ? AND time < ? AND {column} BETWEEN ? AND ? ORDER BY time DESC LIMIT 1"
    );
    let (low, high) = band.solving();
    let before = match from {
        Some(from) => connection
            .prepare_cached(&solving)?
            .query_row((device, from.as_millis(), low, high), |row| row.get::<_, i64>(0))
            .optional()?,
        None => None,
    };
    let mut first = connection.prepare_cached("SELECT min(time) FROM readings WHERE device = ?")?;
    let start = match before {
        Some(time) => time,
        None => first.query_row([device], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(i64::MAX),
    };
    Ok((UtcInstant::from_millis(start), read(connection, Judge::new(band), band, device, start)?))
}

/// The last reading before `from` that has the quantity: if nothing of it is new, it is still the latest.
fn last_before(connection: &Connection, band: Band, device: i64, from: UtcInstant) -> rusqlite::Result<i64> {
    let column = column(band.quantity);
    let sql = format!(
        "SELECT time FROM readings WHERE device = ? AND time < ? AND {column} IS NOT NULL ORDER BY time DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row((device, from.as_millis()), |row| row.get(0)).optional()?;
    Ok(found.unwrap_or(from.as_millis()))
}

/// Lets `judge` read a device's readings from `start` on.
fn read(
    connection: &Connection,
    mut judge: Judge,
    band: Band,
    device: i64,
    start: i64,
) -> rusqlite::Result<Vec<Episode>> {
    let column = column(band.quantity);
    let sql = format!(
        "SELECT time, {column} FROM readings WHERE device = ? AND time >= ? AND {column} IS NOT NULL ORDER BY time"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((device, start))?;
    while let Some(row) = rows.next()? {
        judge.reading(UtcInstant::from_millis(row.get(0)?), row.get(1)?);
    }
    Ok(judge.finish())
}

fn of_conflicts(
    connection: &Connection,
    rule: &Rule,
    device: i64,
    now: UtcInstant,
) -> rusqlite::Result<(UtcInstant, Vec<Episode>)> {
    let sql = "SELECT DISTINCT time FROM conflicts WHERE device = ? ORDER BY time";
    let mut statement = connection.prepare_cached(sql)?;
    let times = statement.query_map([device], |row| row.get(0).map(UtcInstant::from_millis))?;
    let times: Vec<UtcInstant> = times.collect::<rusqlite::Result<_>>()?;
    let least = usize::try_from(rule.limit() / 100).unwrap_or(1).max(1);
    let from = times.first().copied().unwrap_or(UtcInstant::LATEST);
    Ok((from, episodes::of_conflicts(&times, least, now)))
}

fn marked(connection: &Connection, after: i64) -> rusqlite::Result<Vec<Marked>> {
    let sql = "SELECT id, name, unjudged, marks FROM devices
               WHERE id > ? AND unjudged IS NOT NULL ORDER BY id LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((after, DEVICES), |row| {
        let from = UtcInstant::from_millis(row.get(2)?);
        Ok(Marked { id: row.get(0)?, name: row.get(1)?, from, marks: row.get(3)? })
    })?;
    rows.collect()
}

/// What came, in the devices behind `after`.
fn news(connection: &Connection, after: i64, now: UtcInstant) -> rusqlite::Result<Found> {
    let rules = of_readings(connection)?;
    if rules.is_empty() {
        // The marks stay: the next rule looks at everything anyway.
        return Ok(Found::default());
    }
    let mut found = Found { seen: marked(connection, after)?, ..Found::default() };
    for device in &found.seen {
        for held in &rules {
            // A rule that has not come to this device yet will see what is new with all the rest.
            let known = held.progress.is_none_or(|progress| device.id <= progress);
            if known && held.rule.covers(&device.name) {
                let judged = look(connection, held, (device.id, &device.name), Some(device.from), now)?;
                found.judged.push((held.clone(), judged));
            }
        }
    }
    Ok(found)
}

fn of_readings(connection: &Connection) -> rusqlite::Result<Vec<Held>> {
    let mut rules = rules::all(connection)?;
    rules.retain(|held| held.rule.enabled && held.rule.kind.is_of_readings());
    Ok(rules)
}

/// The next devices for a rule that is new.
fn first_look(connection: &Connection, now: UtcInstant) -> rusqlite::Result<Found> {
    let new = of_readings(connection)?.into_iter().find(|held| held.progress.is_some());
    let Some(held) = new else { return Ok(Found::default()) };
    let sql = "SELECT id, name FROM devices WHERE id > ? ORDER BY id LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let devices = statement.query_map((held.progress, FIRST_LOOK), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let devices: Vec<(i64, String)> = devices.collect::<rusqlite::Result<_>>()?;
    let mut found =
        Found { look: Some((held.clone(), devices.last().map(|(id, _)| *id))), ..Found::default() };
    for (id, name) in devices.iter().filter(|(_, name)| held.rule.covers(name)) {
        let judged = look(connection, &held, (*id, name), None, now)?;
        found.judged.push((held.clone(), Judged { first_look: true, ..judged }));
    }
    Ok(found)
}

/// Open conflicts, which end by time alone.
fn quiet(connection: &Connection, now: UtcInstant) -> rusqlite::Result<Found> {
    let mut found = Found::default();
    for held in of_readings(connection)?.into_iter().filter(|held| held.rule.kind == Kind::Conflicts) {
        for row in log::open(connection, Some(held.rule.id))? {
            let Some(name) = row.draft.subject.strip_prefix("device:") else { continue };
            let mut statement = connection.prepare_cached("SELECT id FROM devices WHERE name = ?")?;
            let Some(id) = statement.query_row([name], |row| row.get(0)).optional()? else { continue };
            let judged = look(connection, &held, (id, name), None, now)?;
            if judged.episodes.last().is_none_or(|last| last.resolved.is_some()) {
                found.judged.push((held.clone(), judged));
            }
        }
    }
    Ok(found)
}

/// Writes what was found; what came meanwhile stays marked.
fn write(transaction: &Transaction<'_>, found: &Found, now: UtcInstant) -> rusqlite::Result<Vec<Alert>> {
    let mut changed = Vec::new();
    for (held, judged) in &found.judged {
        if is_current(transaction, held)? {
            let subject = format!("device:{}", judged.device);
            let rows = log::held(transaction, held, &subject, judged.from)?;
            let changes = reconcile::reconcile(&held.rule, &rows, judged, now);
            changed.extend(log::apply(transaction, held, changes, now)?);
        }
    }
    let mut clear =
        transaction.prepare_cached("UPDATE devices SET unjudged = NULL WHERE id = ? AND marks = ?")?;
    for device in &found.seen {
        clear.execute((device.id, device.marks))?;
    }
    if let Some((held, progress)) = &found.look {
        transaction
            .prepare_cached("UPDATE rules SET progress = ? WHERE id = ? AND generation = ?")?
            .execute((progress, held.rule.id, held.generation))?;
    }
    Ok(changed)
}

/// Whether a rule still asks what it asked.
pub(super) fn is_current(transaction: &Transaction<'_>, held: &Held) -> rusqlite::Result<bool> {
    let mut statement = transaction.prepare_cached("SELECT 1 FROM rules WHERE id = ? AND generation = ?")?;
    statement.exists((held.rule.id, held.generation))
}

/// Why looking stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be written; what was to be looked at is still marked.
    #[error(transparent)]
    Write(#[from] SubmitError),
}

impl Store {
    /// Lets the rules look at what came, in some devices behind `after`. Returns the last of them; None: there are no more.
    pub(crate) async fn judge_news(&self, after: i64, now: UtcInstant) -> Result<Option<i64>, JudgeError> {
        let found = self.readers.ask(move |connection| news(connection, after, now)).await?;
        let Some(last) = found.seen.last().map(|device| device.id) else { return Ok(None) };
        self.write_found(found, now).await?;
        Ok(Some(last))
    }

    /// Lets a rule that is new look at all readings of some devices. Says whether there was anything to do.
    pub(crate) async fn judge_first(&self, now: UtcInstant) -> Result<bool, JudgeError> {
        let found = self.readers.ask(move |connection| first_look(connection, now)).await?;
        if found.look.is_none() {
            return Ok(false);
        }
        self.write_found(found, now).await?;
        Ok(true)
    }

    /// Ends conflicts that nothing was added to for long.
    pub(crate) async fn judge_quiet(&self, now: UtcInstant) -> Result<(), JudgeError> {
        let found = self.readers.ask(move |connection| quiet(connection, now)).await?;
        if !found.judged.is_empty() {
            self.write_found(found, now).await?;
        }
        Ok(())
    }

    async fn write_found(&self, found: Found, now: UtcInstant) -> Result<(), JudgeError> {
        let changed = self.write(move |transaction| write(transaction, &found, now)).await?;
        self.show_alerts(&changed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
