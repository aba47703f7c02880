//! The roster as it was last given, and who on it has reported in the open round.

use fieldpost_core::{
    DeviceId,
    bug::{self, Bug},
};
use rusqlite::Connection;

use super::{Journal, JournalError, error::Doing, facts, summary};

impl Journal {
    /// Makes the roster durable for those who look later. While a round is open, another roster may name devices that have
    /// sent their survey already, when nobody waited for them: they have reported.
    pub(crate) fn note_roster(&mut self, roster: &[DeviceId]) -> Result<(), JournalError> {
        let ids: Vec<&str> = roster.iter().map(DeviceId::as_str).collect();
        let text = serde_json::Value::from(ids).to_string();
        if facts::text(&self.conn, facts::ROSTER).doing("read", &self.path)?.as_deref() == Some(&text) {
            return Ok(());
        }
        let write = self.conn.unchecked_transaction().doing("write", &self.path)?;
        if !bug::on(Bug::ForgetNewcomers) {
            count_reports(&write, &text).doing("write", &self.path)?;
        }
        facts::set_text(&write, facts::ROSTER, &text).doing("write", &self.path)?;
        write.commit().doing("write", &self.path)
    }
}

/// Who on `roster` (a JSON list) has reported in the round that is open: of its surveys those that room was made of are gone, so
/// what was noted stays for those who were on the roster before.
fn count_reports(write: &Connection, roster: &str) -> rusqlite::Result<()> {
    if facts::integer(write, facts::ROUND_OPENED)?.is_none() {
        return Ok(());
    }
    let closed_through = summary::last_round(write)?.map_or(0, |round| round.last_seq);
    write.execute("DELETE FROM reported WHERE device NOT IN (SELECT value FROM json_each(?1))", [roster])?;
    write.execute(
        "INSERT OR IGNORE INTO reported SELECT DISTINCT device FROM surveys
         WHERE seq > ?1 AND device IN (SELECT value FROM json_each(?2))",
        (closed_through, roster),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Limits, NewSurvey, Place, Trust};
    use super::*;
    use crate::{disk::OsDisk, round::Change};
    use fieldpost_core::UtcInstant;
    use std::{sync::Arc, time::Duration};

    fn id(name: &str) -> DeviceId {
        DeviceId::new(name).unwrap()
    }

    fn survey(name: &str) -> NewSurvey {
        let records = b"records".to_vec();
        NewSurvey { received: UtcInstant::EARLIEST, key: None, device: id(name), readings: 1, records }
    }

    fn reported(journal: &Journal) -> Vec<String> {
        journal.open_round().unwrap().1.iter().map(DeviceId::to_string).collect()
    }

    #[test]
    fn who_sent_before_another_roster_named_it_has_reported() {
        let home = tempfile::tempdir().unwrap();
        let limits = Limits { keep: Duration::ZERO, journal_max: 1 << 30, min_free_disk: 0 };
        let place = Place { disk: Arc::new(OsDisk), folder: home.path().to_path_buf(), limits, random: 7 };
        let now = UtcInstant::EARLIEST;
        let mut journal = Journal::open(&place, Trust::Whole, now, &mut Vec::new()).unwrap();
        journal.note_roster(&[id("a"), id("b")]).unwrap();
        let batch = Batch {
            surveys: vec![survey("a"), survey("new")],
            rounds: vec![Change::Opened(now), Change::Reported(id("a"))],
            ..Batch::default()
        };
        journal.commit(&batch, now).unwrap();
        journal.note_roster(&[id("b"), id("new")]).unwrap();
        assert_eq!(reported(&journal), ["new"], "and nobody waits for `a` any more");
        journal.note_roster(&[id("a"), id("b")]).unwrap();
        assert_eq!(reported(&journal), ["a"]);
    }
}
