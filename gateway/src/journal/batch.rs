//! What is written to the journal at a time: one transaction, one fsync.

use std::collections::BTreeMap;

use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
};
use rusqlite::{Connection, Statement, ToSql, params};

use super::{
    Journal, JournalError, NewSurvey, Quarantined, Seq, ShortKey, error::Doing, facts, gaps, quarantine,
};
use crate::round::Change;

/// Everything that becomes durable together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// They get the seqs after [`Journal::last_seq`], in this order.
    pub(crate) surveys: Vec<NewSurvey>,
    pub(crate) rounds: Vec<Change>,
    pub(crate) custody: Vec<Custody>,
    pub(crate) quarantined: Vec<Quarantined>,
    /// How often input was refused, by reason.
    pub(crate) refusals: BTreeMap<&'static str, u64>,
    /// How often other things happened, by name.
    pub(crate) counters: BTreeMap<&'static str, u64>,
}

/// What became of surveys at the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant says what its fields are")]
pub enum Custody {
    /// The cloud has taken every survey from the cursor up to this one.
    Held { through: Seq },
    /// There is nothing left to pass on up to this one.
    Passed { through: Seq },
    /// The cloud no longer holds what lies behind this one: it went back to an older backup.
    Back { to: Seq },
    /// The cloud refused this one for good, and holds all before it; it may be offered once more later.
    Refused { seq: Seq, at: UtcInstant, reason: String, again: Option<UtcInstant> },
    /// The cloud took, after all, what it had refused.
    Taken { seq: Seq },
    /// This row does not match its checksum; the cloud holds all before it.
    Damaged { seq: Seq, at: UtcInstant },
    /// How the uplink does, as JSON.
    Uplink(String),
}

impl Custody {
    /// Up to where the cursor passes on.
    fn passes(&self) -> Option<Seq> {
        match self {
            Self::Held { through } | Self::Passed { through } => Some(*through),
            Self::Refused { seq, .. } | Self::Damaged { seq, .. } => Some(*seq),
            Self::Back { .. } | Self::Taken { .. } | Self::Uplink(_) => None,
        }
    }
}

impl Batch {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.surveys.is_empty()
            && self.rounds.is_empty()
            && self.custody.is_empty()
            && self.quarantined.is_empty()
            && self.refusals.is_empty()
            && self.counters.is_empty()
    }
}

impl Journal {
    /// Writes `batch`. When this returns without an error, all of it survives a power cut.
    ///
    /// After an error nothing is promised of the batch, and the journal must be opened anew: what is in memory may
    /// be ahead of what is on disk.
    pub(crate) fn commit(&mut self, batch: &Batch, now: UtcInstant) -> Result<(), JournalError> {
        if batch.is_empty() {
            return Ok(());
        }
        if bug::on(Bug::AcknowledgeBeforeCommit) && !self.conn.is_autocommit() {
            self.conn.execute_batch("COMMIT").doing("write", &self.path)?;
        }
        let mut write = self.conn.unchecked_transaction().doing("write", &self.path)?;
        let last_seq = append(&write, self.last_seq, &batch.surveys).doing("write", &self.path)?;
        batch.rounds.iter().try_for_each(|change| round(&write, change)).doing("write", &self.path)?;
        let before = Cursors { held: self.held_through, confirmed: self.confirmed };
        let mut cursors = before;
        for custody in &batch.custody {
            if let Custody::Damaged { seq, .. } = custody {
                // Its meter may still have it: a copy is not held any more, and is taken as new.
                self.keys.forget_survey(&write, *seq).doing("write", &self.path)?;
            }
            if let Some(through) = custody.passes() {
                gaps::pass(&write, cursors.held, through).doing("read", &self.path)?;
            }
            cursors = hand_over(&write, custody, cursors).doing("write", &self.path)?;
        }
        if cursors != before {
            cursors.write(&write).doing("write", &self.path)?;
        }
        if cursors.held < before.held {
            gaps::go_back(&write, before.held).doing("write", &self.path)?;
        }
        if cursors.held < before.held || cursors.confirmed < before.confirmed {
            facts::set_integer(&write, facts::GIVEN_OUT, last_seq).doing("write", &self.path)?;
        }
        quarantine::add(&write, &batch.quarantined).doing("write", &self.path)?;
        count(&write, Count::Refusals, &batch.refusals).doing("write", &self.path)?;
        count(&write, Count::Counters, &batch.counters).doing("write", &self.path)?;
        let keyed = batch.surveys.iter().filter_map(|survey| survey.key.map(|key| (key, survey.received)));
        keyed.for_each(|(key, received)| self.keys.insert(key, received));
        // Whoever brings no surveys has not asked for the room: what the cloud holds is noted on a full disk, too.
        if !batch.surveys.is_empty() && self.keys.crowded(now) {
            self.keys.spill(&write, last_seq, now).doing("write", &self.path)?;
        }
        if bug::on(Bug::AcknowledgeBeforeCommit) {
            write.set_drop_behavior(rusqlite::DropBehavior::Ignore);
        } else {
            write.commit().doing("write", &self.path)?;
        }
        self.last_seq = last_seq;
        (self.held_through, self.confirmed) = (cursors.held, cursors.confirmed);
        Ok(())
    }
}

/// Rows that are inserted by one statement: running a statement costs more than a row.
const ROWS: usize = 16;

fn append(write: &Connection, last_seq: Seq, surveys: &[NewSurvey]) -> rusqlite::Result<Seq> {
    let mut seq = last_seq;
    let (many, rest) = surveys.as_chunks::<ROWS>();
    let mut insert = write.prepare_cached(&insert_sql(ROWS))?;
    for rows in many {
        seq = insert_rows(&mut insert, seq, rows)?;
    }
    let mut insert = write.prepare_cached(&insert_sql(1))?;
    for row in rest {
        seq = insert_rows(&mut insert, seq, std::slice::from_ref(row))?;
    }
    Ok(seq)
}

fn insert_sql(rows: usize) -> String {
    format!("INSERT INTO surveys VALUES {}", vec!["(?, ?, ?, ?, ?, ?, ?)"; rows].join(", "))
}

fn insert_rows(insert: &mut Statement<'_>, last_seq: Seq, rows: &[NewSurvey]) -> rusqlite::Result<Seq> {
    let (mut seq, mut parameter) = (last_seq, 0);
    let mut bind = |insert: &mut Statement<'_>, value: &dyn ToSql| {
        parameter += 1;
        insert.raw_bind_parameter(parameter, value)
    };
    for survey in rows {
        seq = seq.saturating_add(1);
        bind(insert, &seq)?;
        bind(insert, &survey.received.as_millis())?;
        bind(insert, &survey.key.map(ShortKey::to_sql))?;
        bind(insert, &survey.device.as_str())?;
        bind(insert, &survey.readings)?;
        bind(insert, &survey.records)?;
        bind(insert, &survey.checksum(seq))?;
    }
    insert.raw_execute()?;
    Ok(seq)
}

fn round(write: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Opened(at) => facts::set_integer(write, facts::ROUND_OPENED, at.as_millis()),
        Change::Reported(device) => {
            let mut insert = write.prepare_cached("INSERT OR IGNORE INTO reported VALUES (?1)")?;
            insert.execute([device.as_str()]).map(drop)
        }
        Change::Closed(round) => {
            write.execute("DELETE FROM reported", [])?;
            facts::remove(write, facts::ROUND_OPENED)?;
            let json = serde_json::to_string(round).unwrap_or_default();
            facts::set_text(write, facts::LAST_ROUND, &json)
        }
    }
}

/// How far the surveys have gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursors {
    /// Up to here nothing is left to pass on.
    held: Seq,
    /// Up to here the cloud has taken what was offered.
    confirmed: Seq,
}

impl Cursors {
    fn write(self, write: &Connection) -> rusqlite::Result<()> {
        facts::set_integer(write, facts::HELD_THROUGH, self.held)?;
        facts::set_integer(write, facts::CONFIRMED, self.confirmed)
    }
}

/// Writes what became of surveys; says how far they have gone then.
fn hand_over(write: &Connection, custody: &Custody, at: Cursors) -> rusqlite::Result<Cursors> {
    let passed = |seq: Seq| Cursors { held: at.held.max(seq), ..at };
    match custody {
        Custody::Held { through } => {
            // Surveys that were refused before the cloud went back, and now were not.
            let taken = "DELETE FROM refused WHERE seq > ?1 AND seq <= ?2";
            write.prepare_cached(taken)?.execute([at.held, *through])?;
            Ok(Cursors { held: at.held.max(*through), confirmed: at.confirmed.max(*through) })
        }
        Custody::Passed { through } => Ok(passed(*through)),
        // Never forward: nothing is known of what lies between.
        Custody::Back { to } => Ok(Cursors { held: at.held.min(*to), confirmed: at.confirmed.min(*to) }),
        Custody::Refused { seq, at, reason, again } => {
            let again = again.map(UtcInstant::as_millis);
            write.execute(
                "INSERT INTO refused VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT DO UPDATE
                 SET at = ?2, reason = ?3, tries = tries + 1, again = ?4",
                params![seq, at.as_millis(), reason, again],
            )?;
            Ok(passed(*seq))
        }
        Custody::Taken { seq } => {
            write.execute("DELETE FROM refused WHERE seq = ?1", [seq])?;
            Ok(at)
        }
        Custody::Damaged { seq, at: now } => {
            quarantine::move_damaged(write, *seq, at.held, *now)?;
            Ok(passed(*seq))
        }
        Custody::Uplink(json) => facts::set_text(write, facts::UPLINK, json).map(|()| at),
    }
}

/// The tables that count by name.
enum Count {
    Refusals,
    Counters,
}

fn count(write: &Connection, table: Count, counts: &BTreeMap<&'static str, u64>) -> rusqlite::Result<()> {
    let sql = match table {
        Count::Refusals => {
            "INSERT INTO refusals VALUES (?1, ?2) ON CONFLICT DO UPDATE SET count = count + ?2"
        }
        Count::Counters => {
            "INSERT INTO counters VALUES (?1, ?2) ON CONFLICT DO UPDATE SET count = count + ?2"
        }
    };
    for (name, count) in counts {
        write.prepare_cached(sql)?.execute(params![name, count.cast_signed()])?;
    }
    Ok(())
}
