//! What is so now, for the rules of silence, rounds and room.

use super::{
    judge::{JudgeError, is_current},
    log,
    rules::{self, Held},
};
use crate::{
    alerts::{
        change::{Change, Event, Row},
        facts::{DeviceFacts, Facts, GatewayFacts, Round, Status},
        levels::{self, View},
        rule::{Kind, Rule},
        silence::{self, Blame, Outage},
    },
    fleet::state::{GRACE, SURVEY_S},
    store::Store,
};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, Transaction};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Rules, open alerts and facts of one moment.
#[derive(Debug)]
pub(crate) struct Situation {
    rules: Vec<Held>,
    open: Vec<Row>,
    facts: Facts,
    now: UtcInstant,
}

/// Changes of alerts, rule by rule.
type ByRule = Vec<(Held, Vec<Change>)>;

/// What the store does not know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings {
    /// How full the data folder's disk is, in hundredths of a percent.
    pub(crate) disk_used: Option<i64>,
    /// Until when nobody is newly called silent.
    pub(crate) settled: UtcInstant,
}

fn situation(connection: &Connection, around: Surroundings, now: UtcInstant) -> rusqlite::Result<Situation> {
    let rules = rules::all(connection)?;
    let open = log::open(connection, None)?;
    let asks = |kinds: &[Kind]| rules.iter().any(|held| held.rule.enabled && kinds.contains(&held.rule.kind));
    let silence = [Kind::DeviceLate, Kind::DeviceSilent, Kind::GatewaySilent];
    let mut facts = Facts {
        gateways: BTreeMap::new(),
        late: Vec::new(),
        disk_used: around.disk_used,
        settled: around.settled,
    };
    if asks(&silence) || asks(&[Kind::RoundIncomplete, Kind::JournalFull]) {
        facts.gateways = gateways(connection)?;
    }
    let mut wanted = BTreeSet::new();
    if asks(&silence) {
        facts.late = late(connection, now)?;
        wanted = silent(&facts, now);
    }
    if rules.iter().any(|held| held.rule.kind == Kind::JournalFull && held.rule.devices.is_some()) {
        wanted.extend(facts.gateways.keys());
    }
    bring_devices(connection, &mut facts, &wanted)?;
    Ok(Situation { rules, open, facts, now })
}

fn gateways(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, GatewayFacts>> {
    let mut statement = connection.prepare_cached(
        "SELECT gateways.id, name, max(last_contact, ifnull(at, 0)), out, returned,
             at, journal_bytes, journal_limit, round_closed, round_silent
         FROM gateways
         LEFT JOIN gateway_status ON gateway_status.gateway = gateways.id
         LEFT JOIN outages ON outages.gateway = gateways.id",
    )?;
    let rows = statement.query_map([], |row| {
        let at = super::instant(row.get(5)?);
        let closed = super::instant(row.get(8)?);
        let silent = super::listed(&row.get::<_, Option<String>>(9)?.unwrap_or_default());
        let round = closed.map(|closed| Round { closed: Some(closed.to_string()), silent });
        let bytes =
            |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs));
        let status = Status { journal_bytes: bytes(6)?, journal_limit: bytes(7)?, round };
        let facts = GatewayFacts {
            name: row.get(1)?,
            last_contact: UtcInstant::from_millis(row.get(2)?),
            status: at.map(|at| (at, status)),
            out: super::instant(row.get(3)?),
            returned: super::instant(row.get(4)?),
            devices: Vec::new(),
        };
        Ok((row.get(0)?, facts))
    })?;
    rows.collect()
}

/// Devices that owe a survey. One that was never heard owes none.
fn late(connection: &Connection, now: UtcInstant) -> rusqlite::Result<Vec<DeviceFacts>> {
    let mut statement = connection.prepare_cached(
        "SELECT devices.name, last_contact, ifnull(survey_s, ?2), gateway
         FROM devices LEFT JOIN details ON details.device = devices.id
         WHERE last_contact > 0 AND last_contact + ifnull(survey_s, ?2) * 1000 <= ?1",
    )?;
    let before = now.saturating_sub(GRACE);
    let rows = statement.query_map((before.as_millis(), SURVEY_S), |row| {
        Ok(DeviceFacts {
            name: row.get(0)?,
            last_contact: UtcInstant::from_millis(row.get(1)?),
            survey: Duration::from_secs(row.get::<_, u32>(2)?.into()),
            gateway: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// Gateways that are silent, or to blame for some device's silence.
fn silent(facts: &Facts, now: UtcInstant) -> BTreeSet<i64> {
    let gateways = facts.gateways.iter().filter(|(_, gateway)| now >= silence::silent_since(gateway));
    let mut silent: BTreeSet<i64> = gateways.map(|(id, _)| *id).collect();
    silent.extend(blamed(facts, now));
    silent
}

fn blamed(facts: &Facts, now: UtcInstant) -> BTreeSet<i64> {
    let to_blame = |device: &DeviceFacts| {
        let id = device.gateway?;
        let gateway = facts.gateways.get(&id)?;
        (silence::blame(device, gateway, now) == Blame::Gateway).then_some(id)
    };
    facts.late.iter().filter_map(to_blame).collect()
}

/// Which devices the `wanted` gateways bring. It asks for every device, so only when somebody is silent.
fn bring_devices(connection: &Connection, facts: &mut Facts, wanted: &BTreeSet<i64>) -> rusqlite::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let sql = "SELECT name, gateway FROM devices WHERE last_contact > 0 ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(id) = row.get::<_, Option<i64>>(1)?.filter(|id| wanted.contains(id)) else { continue };
        if let Some(gateway) = facts.gateways.get_mut(&id) {
            gateway.devices.push(row.get(0)?);
        }
    }
    Ok(())
}

impl Situation {
    /// What has to be written: changes of alerts by rule, and what is noted of gateways.
    fn changes(&self) -> (ByRule, Vec<(i64, Outage)>) {
        let rules: Vec<Rule> = self.rules.iter().map(|held| held.rule.clone()).collect();
        let view = View { facts: &self.facts, rules: &rules, open: &self.open, now: self.now };
        let mut all = Vec::new();
        for held in &self.rules {
            let of_rule = |row: &&Row| row.rule == held.rule.id;
            let open: Vec<Row> = self.open.iter().filter(of_rule).cloned().collect();
            let mut changes = levels::settle(&held.rule, view, &open);
            for row in levels::repetitions(&held.rule, &open, self.now) {
                repeat(row, &mut changes);
            }
            if !changes.is_empty() {
                all.push((held.clone(), changes));
            }
        }
        let blamed = blamed(&self.facts, self.now);
        let note = |(id, gateway): (&i64, &GatewayFacts)| {
            Some((*id, silence::outage(gateway, blamed.contains(id), self.now)?))
        };
        (all, self.facts.gateways.iter().filter_map(note).collect())
    }
}

/// Says again what is still so; `changes` may know better.
fn repeat(row: &Row, changes: &mut Vec<Change>) {
    match changes.iter_mut().find(|change| change.id() == Some(row.id)) {
        Some(Change::Update { draft, says, .. }) if draft.resolved.is_none() && says.is_empty() => {
            says.push(Event::Repeated);
        }
        Some(_) => {}
        None => changes.push(Change::Update {
            id: row.id,
            draft: row.draft.clone(),
            rings: true,
            says: vec![Event::Repeated],
        }),
    }
}

fn note(transaction: &Transaction<'_>, gateway: i64, outage: Outage) -> rusqlite::Result<()> {
    let (sql, at) = match outage {
        Outage::Out(contact) => {
            ("INSERT INTO outages (gateway, out) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET out = ?2", contact)
        }
        Outage::Back(at) => ("UPDATE outages SET out = NULL, returned = ?2 WHERE gateway = ?1", at),
    };
    transaction.prepare_cached(sql)?.execute((gateway, at.as_millis()))?;
    Ok(())
}

impl Store {
    /// Brings the alerts of silence, rounds and room to what is so now, and says again what is not solved.
    pub(crate) async fn judge_situation(
        &self,
        around: Surroundings,
        now: UtcInstant,
    ) -> Result<(), JudgeError> {
        let situation = self.readers.ask(move |connection| situation(connection, around, now)).await?;
        let (changes, outages) = situation.changes();
        if changes.is_empty() && outages.is_empty() {
            return Ok(());
        }
        let write = move |transaction: &Transaction<'_>| {
            let mut changed = Vec::new();
            for (held, changes) in changes {
                if is_current(transaction, &held)? {
                    changed.extend(log::apply(transaction, &held, changes, now)?);
                }
            }
            outages.into_iter().try_for_each(|(gateway, outage)| note(transaction, gateway, outage))?;
            Ok(changed)
        };
        self.show_alerts(&self.write(write).await?);
        Ok(())
    }

    /// Removes old alerts beyond what is kept.
    pub(crate) async fn prune_alerts(&self) -> Result<(), JudgeError> {
        Ok(self.write(log::prune).await?)
    }
}
