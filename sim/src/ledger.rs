//! The oracle: all that was sent, what of it was acknowledged, and whether a cloud's store agrees.

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A reading as a meter knows it: hundredths, and milliseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// When it was measured.
    pub time: i64,
    /// Hundredths of a degree Celsius.
    pub temperature: Option<i64>,
    /// Hundredths of a percent.
    pub moisture: Option<i64>,
}

/// Which reading: the device, and the time.
type Which = (Arc<str>, i64);

#[derive(Debug)]
struct Entry {
    told: Told,
    acknowledged: bool,
}

/// What the meters of a field have sent.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<Which, Entry>>);

/// A device's part of an audit, in readings.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Sent, whatever became of them.
    pub sent: usize,
    /// Acknowledged to the meter.
    pub acknowledged: usize,
    /// In the store.
    pub held: usize,
    /// Acknowledged, and not in the store.
    pub missing: usize,
}

/// What comparing a store with the ledger found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Readings sent, whatever became of them.
    pub sent: usize,
    /// Readings acknowledged to their meter.
    pub acknowledged: usize,
    /// Readings in the store.
    pub held: usize,
    /// Acknowledged, and not in the store: broken promise P1.
    pub lost: Vec<String>,
    /// In the store twice: broken promise P2.
    pub twice: Vec<String>,
    /// In the store, and never sent at that instant: broken promise P4.
    pub foreign: Vec<String>,
    /// In the store with other values than were sent.
    pub altered: Vec<String>,
    /// Devices whose count of readings is not how many they have.
    pub miscounted: i64,
    /// Conflicts in the store; the meters never contradict themselves.
    pub conflicts: i64,
    /// Each device's part.
    pub devices: BTreeMap<Arc<str>, Share>,
}

impl Ledger {
    /// Remembers readings that are about to be sent for the first time.
    pub fn sent(&self, device: &Arc<str>, readings: &[Told]) {
        let mut entries = self.entries();
        for told in readings {
            entries.insert((device.clone(), told.time), Entry { told: *told, acknowledged: false });
        }
    }

    /// Remembers that a gateway has taken them into its custody.
    pub fn acknowledged(&self, device: &Arc<str>, readings: &[Told]) {
        let mut entries = self.entries();
        for told in readings {
            if let Some(entry) = entries.get_mut(&(device.clone(), told.time)) {
                entry.acknowledged = true;
            }
        }
    }

    /// Compares the store at `path` with what was sent.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn audit(&self, path: &Path) -> Result<Audit> {
        let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .with_context(|| format!("cannot open the store {}", path.display()))?;
        let mut held: BTreeMap<Which, Told> = BTreeMap::new();
        let entries = self.entries();
        let mut audit = Audit { sent: entries.len(), ..Audit::default() };
        let query = "SELECT name, time, temperature, moisture FROM readings JOIN devices ON id = device";
        let mut query = store.prepare(query)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let told = Told { time: row.get(1)?, temperature: row.get(2)?, moisture: row.get(3)? };
            let which = (Arc::from(row.get::<_, String>(0)?), told.time);
            audit.held += 1;
            audit.share(&which).held += 1;
            match entries.get(&which) {
                None => audit.foreign.push(name(&which)),
                Some(entry) if entry.told != told => {
                    audit.altered.push(format!("{}: {:?} became {told:?}", name(&which), entry.told));
                }
                Some(_) => {}
            }
            if held.insert(which.clone(), told).is_some() {
                audit.twice.push(name(&which));
            }
        }
        for (which, entry) in entries.iter() {
            audit.share(which).sent += 1;
            if entry.acknowledged {
                audit.acknowledged += 1;
                audit.share(which).acknowledged += 1;
                if !held.contains_key(which) {
                    audit.share(which).missing += 1;
                    audit.lost.push(name(which));
                }
            }
        }
        let miscounted = "SELECT count(*) FROM devices WHERE readings <> (SELECT count(*) FROM readings WHERE device = id)";
        audit.miscounted = store.query_row(miscounted, [], |row| row.get(0))?;
        audit.conflicts = store.query_row("SELECT count(*) FROM conflicts", [], |row| row.get(0))?;
        Ok(audit)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Which, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audit {
    /// Whether every acknowledged reading is in the store; the rest of the promises hold at all times.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.lost.is_empty()
    }

    fn share(&mut self, (device, _): &Which) -> &mut Share {
        self.devices.entry(device.clone()).or_default()
    }

    /// Whether nothing is wrong, now or ever.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.complete()
            && self.twice.is_empty()
            && self.foreign.is_empty()
            && self.altered.is_empty()
            && self.miscounted == 0
            && self.conflicts == 0
    }
}

fn name((device, time): &Which) -> String {
    format!("{device} at {}", fieldpost_core::UtcInstant::from_millis(*time))
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, acknowledged, held, conflicts, miscounted, .. } = self;
        write!(f, "readings: {sent} sent, {acknowledged} acknowledged, {held} held; {conflicts} conflicts")?;
        if *miscounted > 0 {
            write!(f, "; {miscounted} devices miscounted")?;
        }
        let faults = [
            ("acknowledged and not held", &self.lost),
            ("held twice", &self.twice),
            ("held and never sent", &self.foreign),
            ("held with other values", &self.altered),
        ];
        for (what, list) in faults.into_iter().filter(|(_, list)| !list.is_empty()) {
            let some: Vec<_> = list.iter().take(5).map(String::as_str).collect();
            write!(f, "\n  {} {what}, such as {}", list.len(), some.join("; "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(time: i64, temperature: i64) -> Told {
        Told { time, temperature: Some(temperature), moisture: None }
    }

    /// An oracle that finds nothing would let everything pass.
    #[test]
    fn each_kind_of_fault_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Connection::open(&path).unwrap();
        store
            .execute_batch(
                "CREATE TABLE devices (id INTEGER PRIMARY KEY, name TEXT, readings INTEGER);
                 CREATE TABLE readings (device INTEGER, time INTEGER, temperature INTEGER, moisture INTEGER);
                 CREATE TABLE conflicts (id INTEGER PRIMARY KEY);
                 INSERT INTO devices VALUES (1, 'm', 2);
                 INSERT INTO readings VALUES (1, 1000, 10, NULL), (1, 2000, 20, NULL);",
            )
            .unwrap();
        let (ledger, meter) = (Ledger::default(), Arc::from("m"));
        ledger.sent(&meter, &[told(1000, 10), told(2000, 20), told(3000, 30)]);
        ledger.acknowledged(&meter, &[told(1000, 10)]);
        let audit = ledger.audit(&path).unwrap();
        assert!(audit.clean(), "what was not acknowledged may be held or not: {audit}");
        assert_eq!((audit.sent, audit.acknowledged, audit.held), (3, 1, 2));

        ledger.acknowledged(&meter, &[told(3000, 30)]);
        assert_eq!(ledger.audit(&path).unwrap().lost, ["m at 1970-01-01T00:00:03Z"]);
        let share = Share { sent: 3, acknowledged: 2, held: 2, missing: 1 };
        assert_eq!(ledger.audit(&path).unwrap().devices, [(meter, share)].into());
        let faults =
            "INSERT INTO readings VALUES (1, 1000, 10, NULL), (1, 3000, 31, NULL), (1, 4000, 40, NULL);
                      INSERT INTO conflicts VALUES (1);";
        store.execute_batch(faults).unwrap();
        let audit = ledger.audit(&path).unwrap();
        assert!(audit.complete() && !audit.clean());
        assert_eq!((audit.twice.len(), audit.altered.len(), audit.foreign.len()), (1, 1, 1), "{audit}");
        assert_eq!((audit.miscounted, audit.conflicts), (1, 1), "{audit}");
    }
}
