//! Which datagrams have been seen: the memory that makes a re-sent one a copy and not a second survey.
//!
//! A key is remembered for [`RESEND_WINDOW`] after its first copy. The newest keys are in memory; beyond
//! [`IN_MEMORY`] they move to the table `keys`, all at once and in order, because one random key at a time would
//! write a page of the file for every datagram. They go behind those that are there, as a run of their own: intake
//! stands still meanwhile, and sorting them in would take longer the more there are. A Bloom filter spares new
//! datagrams the look into the runs.
//! Nothing here is the truth: after a start it is built again from the rows behind `keys_through` and the table.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    path::Path,
    time::Duration,
};

use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
    dating::{self, RESEND_WINDOW},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{JournalError, error::Doing, facts, row::ShortKey};

/// Keys held in memory: what the hash table takes in 2.2 MiB. Enough for a day of 100,000 datagrams.
pub(super) const IN_MEMORY: usize = 114_688;
/// A run to which surveys that go early leave their keys, a few at a time, grows no larger: each time most of its pages are
/// written, to the log first, and there may be little room for that.
const SMALL_RUN: usize = 512;
/// What a key takes in pages that are written when keys move: sorted in between others they leave pages two thirds full.
const KEY_BYTES: usize = 36;
/// How often the table is looked through for what is too old.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// The filter's size in bits (2 MiB), used only when keys have moved to the table.
const FILTER_BITS: u32 = 24;

/// Some keys.
pub(crate) type KeySet = HashSet<ShortKey, BuildHasherDefault<KeyHasher>>;

/// The keys of the last hours.
pub(super) struct Keys {
    recent: HashMap<ShortKey, UtcInstant, BuildHasherDefault<KeyHasher>>,
    /// None: the table is empty.
    filter: Option<Filter>,
    runs: Runs,
    limit: usize,
    /// When the table was last rid of what is too old.
    swept: Option<UtcInstant>,
}

/// The runs in the table.
#[derive(Default)]
struct Runs {
    first: i64,
    /// The one that grows.
    last: i64,
    /// Keys in it.
    in_last: usize,
}

impl Keys {
    /// Reads them back from the journal.
    pub(super) fn load(conn: &Connection, path: &Path, now: UtcInstant) -> Result<Self, JournalError> {
        let (recent, runs) = (HashMap::default(), Runs::default());
        let mut keys = Self { recent, filter: None, runs, limit: IN_MEMORY, swept: None };
        if bug::on(Bug::ForgetKeys) {
            return Ok(keys);
        }
        let through = facts::integer(conn, facts::KEYS_THROUGH).doing("read", path)?.unwrap_or(0);
        let sql = "SELECT key, received FROM surveys WHERE seq > ?1 AND key IS NOT NULL ORDER BY seq";
        let mut rows = conn.prepare(sql).doing("read", path)?;
        let mut rows = rows.query([through]).doing("read", path)?;
        while let Some(row) = rows.next().doing("read", path)? {
            let key = ShortKey::from_sql(row.get(0).doing("read", path)?);
            let received = UtcInstant::from_millis(row.get(1).doing("read", path)?);
            if fresh(received, now) {
                keys.recent.insert(key, received);
            }
        }
        keys.look_through(conn).doing("read", path)?;
        Ok(keys)
    }

    /// Whether a copy of the datagram has been journaled within the window before `now`.
    pub(super) fn known(&self, conn: &Connection, key: ShortKey, now: UtcInstant) -> rusqlite::Result<bool> {
        if bug::on(Bug::DateEachCopy) {
            return Ok(false);
        }
        if let Some(received) = self.recent.get(&key) {
            return Ok(fresh(*received, now));
        }
        if !self.filter.as_ref().is_some_and(|filter| filter.may_hold(key)) {
            return Ok(false);
        }
        let mut held = conn.prepare_cached("SELECT received FROM keys WHERE run = ?1 AND key = ?2")?;
        // The newest copy of a key stands in the last run that has it.
        for run in (self.runs.first..=self.runs.last).rev() {
            let received = held.query_row([run, key.to_sql()], |row| row.get(0)).optional()?;
            if let Some(received) = received {
                return Ok(fresh(UtcInstant::from_millis(received), now));
            }
        }
        Ok(false)
    }

    pub(super) fn insert(&mut self, key: ShortKey, received: UtcInstant) {
        self.recent.insert(key, received);
    }

    /// Forgets the datagram that the survey `seq` came in: it is no longer here. When the same bytes came once more, as another
    /// datagram, these stay known.
    pub(super) fn forget_survey(&mut self, conn: &Connection, seq: i64) -> rusqlite::Result<()> {
        let key =
            conn.query_row("SELECT key FROM surveys WHERE seq = ?1", [seq], |row| row.get(0)).optional()?;
        let Some(key): Option<i64> = key.flatten() else { return Ok(()) };
        let mut newer = conn.prepare("SELECT 1 FROM surveys WHERE key = ?1 AND seq > ?2")?;
        if newer.exists([key, seq])? {
            return Ok(());
        }
        self.recent.remove(&ShortKey::from_sql(key));
        conn.execute("DELETE FROM keys WHERE key = ?1", [key]).map(drop)
    }

    /// Lets go of what is too old; says whether the rest still is too much for memory and must be moved.
    pub(super) fn crowded(&mut self, now: UtcInstant) -> bool {
        self.crowded_by(0, now)
    }

    fn crowded_by(&mut self, more: usize, now: UtcInstant) -> bool {
        if self.recent.len().saturating_add(more) < self.limit {
            return false;
        }
        self.recent.retain(|_, received| fresh(*received, now));
        self.recent.len().saturating_add(more) >= self.limit / 4 * 3
    }

    /// The most bytes that are written when keys have to move because so many `more` come; 0 if they need not.
    pub(super) fn weight(&mut self, more: usize, now: UtcInstant) -> usize {
        if !self.crowded_by(more, now) {
            return 0;
        }
        // Those of the run among which they are sorted in are written anew, and when the table is swept those of one that
        // is old in part: no run has more than all of memory and half as many.
        let sorted_among = if self.runs.in_last < self.limit / 2 { self.runs.in_last } else { 0 };
        let swept = if self.sweep_due(now) && self.filter.is_some() { self.limit / 2 * 3 } else { 0 };
        let keys = self.recent.len().saturating_add(more).saturating_add(sorted_among).saturating_add(swept);
        keys.saturating_mul(KEY_BYTES)
    }

    fn sweep_due(&self, now: UtcInstant) -> bool {
        !self.swept.is_some_and(|swept| swept <= now && now.duration_since(swept) < SWEEP_EVERY)
    }

    /// Holds no more than so many in memory.
    #[cfg(test)]
    pub(crate) fn hold(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Moves all keys to the table, durable when `conn`'s transaction is. `through` is the journal's last seq.
    pub(super) fn spill(&mut self, conn: &Connection, through: i64, now: UtcInstant) -> rusqlite::Result<()> {
        self.sweep(conn, now)?;
        let all = self.recent.drain().collect();
        self.store(conn, all, self.limit / 2)?;
        facts::set_integer(conn, facts::KEYS_THROUGH, through)
    }

    /// Moves keys that only the rows up to `through` told ([`told_by_rows`]) to the table, when these rows go.
    pub(super) fn take_over(
        &mut self,
        conn: &Connection,
        keys: Vec<(ShortKey, UtcInstant)>,
        through: i64,
        now: UtcInstant,
    ) -> rusqlite::Result<()> {
        self.sweep(conn, now)?;
        for (key, received) in &keys {
            // A newer copy is still told by its own row.
            if self.recent.get(key) == Some(received) {
                self.recent.remove(key);
            }
        }
        self.store(conn, keys, SMALL_RUN)?;
        if facts::integer(conn, facts::KEYS_THROUGH)?.is_some_and(|already| already >= through) {
            return Ok(());
        }
        facts::set_integer(conn, facts::KEYS_THROUGH, through)
    }

    /// Writes keys to the last run, or to a new one if that has so `many` already.
    fn store(
        &mut self,
        conn: &Connection,
        mut sorted: Vec<(ShortKey, UtcInstant)>,
        many: usize,
    ) -> rusqlite::Result<()> {
        sorted.sort_unstable();
        if self.runs.in_last >= many {
            (self.runs.last, self.runs.in_last) = (self.runs.last.saturating_add(1), 0);
        }
        self.runs.in_last = self.runs.in_last.saturating_add(sorted.len());
        let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO keys VALUES (?1, ?2, ?3)")?;
        for (key, received) in sorted {
            insert.execute(params![self.runs.last, key.to_sql(), received.as_millis()])?;
            self.filter.get_or_insert_with(Filter::new).add(key);
        }
        Ok(())
    }

    /// Rids the table of what is too old, if that was not done a short time ago; says how many there were.
    pub(super) fn sweep(&mut self, conn: &Connection, now: UtcInstant) -> rusqlite::Result<usize> {
        if !self.sweep_due(now) {
            return Ok(0);
        }
        self.swept = Some(now);
        let oldest = now.saturating_sub(RESEND_WINDOW);
        // Those from beyond the window are of a clock that was ahead.
        let newest = now.saturating_add(RESEND_WINDOW);
        let sql = "DELETE FROM keys WHERE received <= ?1 OR received > ?2";
        let gone = conn.execute(sql, [oldest.as_millis(), newest.as_millis()])?;
        if gone > 0 {
            self.look_through(conn)?;
        }
        Ok(gone)
    }

    /// Makes the filter, and finds the runs.
    fn look_through(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let (mut filter, mut runs) = (None, None);
        let mut rows = conn.prepare("SELECT run, key FROM keys ORDER BY run")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let run = row.get(0)?;
            let runs = runs.get_or_insert(Runs { first: run, last: run, in_last: 0 });
            runs.in_last = if runs.last == run { runs.in_last.saturating_add(1) } else { 1 };
            runs.last = run;
            filter.get_or_insert_with(Filter::new).add(ShortKey::from_sql(row.get(1)?));
        }
        self.filter = filter;
        self.runs = runs.unwrap_or_default();
        Ok(())
    }
}

/// The keys within the window that no table has, but the rows up to `through`.
pub(super) fn told_by_rows(
    conn: &Connection,
    through: i64,
    now: UtcInstant,
) -> rusqlite::Result<Vec<(ShortKey, UtcInstant)>> {
    let from = facts::integer(conn, facts::KEYS_THROUGH)?.unwrap_or(0);
    let sql = "SELECT key, received FROM surveys WHERE seq > ?1 AND seq <= ?2 AND key IS NOT NULL";
    let mut select = conn.prepare_cached(sql)?;
    let told = select.query_map([from, through], |row| {
        Ok((ShortKey::from_sql(row.get(0)?), UtcInstant::from_millis(row.get(1)?)))
    })?;
    told.filter(|told| !matches!(told, Ok((_, received)) if !fresh(*received, now))).collect()
}

/// Keys are already as good as random: they are their own hashes.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_i64(&mut self, key: i64) {
        self.0 = key.cast_unsigned();
    }
}

/// A first copy from the future means that our clock was set back: it still counts.
fn fresh(received: UtcInstant, now: UtcInstant) -> bool {
    if bug::on(Bug::ForgetAhead) && received > now {
        return false;
    }
    bug::on(Bug::DedupForEver) || dating::is_copy(received, now)
}

/// A Bloom filter. Keys are already as good as random, so their own bits are the hashes.
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    fn new() -> Self {
        Self { words: vec![0; (1 << FILTER_BITS) / 64] }
    }

    fn bits(key: ShortKey) -> [(usize, u64); 3] {
        let key = key.to_sql().cast_unsigned();
        [key, key >> 20, key >> 40].map(|hash| {
            let bit = hash & ((1 << FILTER_BITS) - 1);
            (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
        })
    }

    fn add(&mut self, key: ShortKey) {
        for (word, mask) in Self::bits(key) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= mask;
            }
        }
    }

    fn may_hold(&self, key: ShortKey) -> bool {
        Self::bits(key)
            .into_iter()
            .all(|(word, mask)| self.words.get(word).is_some_and(|word| word & mask != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::schema;
    use std::time::Duration;

    fn empty() -> (Connection, Keys, UtcInstant) {
        let path = Path::new(":memory:");
        let conn = schema::create_plain(path).unwrap();
        let now = "2026-07-01T20:00:00Z".parse().unwrap();
        let keys = Keys::load(&conn, path, now).unwrap();
        (conn, keys, now)
    }

    #[test]
    fn a_key_is_known_for_twenty_hours_in_memory_and_on_disk() {
        let (conn, mut keys, now) = empty();
        let key = ShortKey::from_sql(-7);
        assert!(!keys.known(&conn, key, now).unwrap());
        keys.insert(key, now);
        for place in ["memory", "disk"] {
            let nearly = now.saturating_add(RESEND_WINDOW - Duration::from_secs(1));
            assert!(keys.known(&conn, key, nearly).unwrap(), "{place}");
            assert!(!keys.known(&conn, key, now.saturating_add(RESEND_WINDOW)).unwrap(), "{place}");
            assert!(
                keys.known(&conn, key, now.saturating_sub(RESEND_WINDOW)).unwrap(),
                "{place}: clock set back"
            );
            keys.spill(&conn, 1, now).unwrap();
            assert!(keys.recent.is_empty());
        }
    }

    #[test]
    fn a_key_that_came_again_after_its_time_is_known_by_its_newest_copy() {
        let (conn, mut keys, now) = empty();
        keys.limit = 2;
        let key = ShortKey::from_sql(7);
        let later = now.saturating_add(RESEND_WINDOW + Duration::from_secs(1));
        keys.insert(key, now);
        keys.spill(&conn, 1, now).unwrap();
        keys.swept = Some(later);
        assert!(!keys.known(&conn, key, later).unwrap());
        keys.insert(key, later);
        keys.spill(&conn, 2, later).unwrap();
        assert_eq!((keys.runs.first, keys.runs.last), (0, 1));
        assert!(keys.known(&conn, key, later).unwrap());
        let again = Keys::load(&conn, Path::new(":memory:"), later).unwrap();
        assert!(again.known(&conn, key, later).unwrap(), "and so after a start");
        assert_eq!((again.runs.first, again.runs.last, again.runs.in_last), (0, 1, 1));
    }

    #[test]
    fn p4_when_an_older_survey_of_the_same_bytes_is_damaged_copies_of_the_newer_one_are_still_known() {
        let (conn, mut keys, now) = empty();
        let (key, later) = (ShortKey::from_sql(7), now.saturating_add(RESEND_WINDOW));
        for (seq, received) in [(1, now), (2, later)] {
            let row = params![seq, received.as_millis(), key.to_sql()];
            conn.execute("INSERT INTO surveys VALUES (?1, ?2, ?3, 'm', 0, x'', 0)", row).unwrap();
            keys.insert(key, received);
        }
        keys.forget_survey(&conn, 1).unwrap();
        assert!(keys.known(&conn, key, later).unwrap());
        keys.forget_survey(&conn, 2).unwrap();
        assert!(!keys.known(&conn, key, later).unwrap());
    }

    #[test]
    fn keys_that_no_longer_fit_in_memory_are_found_on_disk_and_the_old_ones_go() {
        let (conn, mut keys, now) = empty();
        keys.limit = 100;
        let key = |n: u64| ShortKey::from_sql(n.wrapping_mul(0x9E37_79B9_7F4A_7C15).cast_signed());
        for n in 0..1_000_u64 {
            if keys.crowded(now) {
                keys.spill(&conn, 0, now).unwrap();
            }
            keys.insert(key(n), now);
        }
        assert!(keys.recent.len() <= 100);
        assert!(keys.runs.last > keys.runs.first, "there are several runs");
        assert!((0..1_000).all(|n| keys.known(&conn, key(n), now).unwrap()));
        assert!((1_000..2_000).all(|n| !keys.known(&conn, key(n), now).unwrap()));
        keys.spill(&conn, 0, now.saturating_add(RESEND_WINDOW)).unwrap();
        let left: i64 = conn.query_row("SELECT count(*) FROM keys", [], |row| row.get(0)).unwrap();
        assert!(left <= 100, "{left}");
    }
}
