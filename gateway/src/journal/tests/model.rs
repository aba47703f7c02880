//! Whatever is done to a journal, and whatever its disk does meanwhile, it holds what a list would hold: a commit that returned well is
//! there, whole, also after a power cut; one that failed is there whole or not at all.

use super::{
    machine::{Machine, Trouble},
    *,
};
use fieldpost_simdisk::Fault;
use proptest::{option, prelude::*};
use std::collections::BTreeMap;

/// How many rows one call of [`Journal::prune`] looks at; when room is short, more than there ever are.
const PRUNED: usize = 256;
/// Changes of the disk that go well before one that does not: opening takes the most, a commit a handful.
const CHANGES: std::ops::Range<u64> = 0..30;

#[derive(Debug, Clone)]
enum Step {
    /// Gathers surveys for the next commit.
    Append(u8),
    /// Gathers what became of surveys.
    Note(Fate),
    Commit(Option<Trouble>),
    /// What was gathered is never committed.
    Drop,
    Pass(u64),
    Prune {
        short: bool,
        trouble: Option<Trouble>,
    },
    /// The power goes between two commits.
    Cut(u64),
    Reopen(Option<Trouble>),
}

/// What became of so many surveys behind the cursor, or of a part of those before it.
#[derive(Debug, Clone)]
enum Fate {
    Held(u8),
    Passed(u8),
    Back(u8),
    Refused { again: bool },
    Taken(u8),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let fault = prop_oneof![Just(Fault::PowerCut), Just(Fault::Kill), Just(Fault::Full), Just(Fault::Io)];
    (CHANGES, fault, any::<u64>()).prop_map(|(after, fault, survivors)| Trouble { after, fault, survivors })
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        4 => (1_u8..30).prop_map(Fate::Held),
        1 => (1_u8..10).prop_map(Fate::Passed),
        1 => any::<u8>().prop_map(Fate::Back),
        2 => any::<bool>().prop_map(|again| Fate::Refused { again }),
        1 => any::<u8>().prop_map(Fate::Taken),
    ];
    prop_oneof![
        6 => (1_u8..20).prop_map(Step::Append),
        5 => fate.prop_map(Step::Note),
        8 => option::of(trouble()).prop_map(Step::Commit),
        1 => Just(Step::Drop),
        2 => (1_u64..30).prop_map(Step::Pass),
        3 => (any::<bool>(), option::of(trouble())).prop_map(|(short, trouble)| Step::Prune { short, trouble }),
        1 => any::<u64>().prop_map(Step::Cut),
        2 => option::of(trouble()).prop_map(Step::Reopen),
    ]
}

/// What a journal must hold.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    rows: BTreeMap<Seq, NewSurvey>,
    /// How often each was refused, and whether it is to be offered again.
    refused: BTreeMap<Seq, (u32, bool)>,
    last_seq: Seq,
    held: Seq,
    confirmed: Seq,
    /// Refused surveys that went to the quarantine.
    quarantined: u32,
    /// When each datagram came, by its key.
    came: Vec<UtcInstant>,
}

impl Model {
    fn append(&mut self, now: UtcInstant) -> NewSurvey {
        let survey = survey(self.came.len() as i64, now);
        self.came.push(now);
        self.last_seq += 1;
        self.rows.insert(self.last_seq, survey.clone());
        survey
    }

    fn note(&mut self, fate: &Fate, now: UtcInstant) -> Option<Custody> {
        let reach = |count: u8| (self.held + i64::from(count)).min(self.last_seq);
        Some(match *fate {
            Fate::Held(count) => {
                let (held, through) = (self.held, reach(count));
                self.refused.retain(|seq, _| *seq <= held || *seq > through);
                (self.held, self.confirmed) = (through, self.confirmed.max(through));
                Custody::Held { through }
            }
            Fate::Passed(count) => {
                self.held = reach(count);
                Custody::Passed { through: self.held }
            }
            Fate::Back(part) => {
                let to = self.confirmed * i64::from(part) / 255;
                (self.held, self.confirmed) = (self.held.min(to), to);
                Custody::Back { to }
            }
            Fate::Refused { again } => {
                let seq = *self.rows.range(self.held + 1..).next()?.0;
                let tries = self.refused.get(&seq).map_or(1, |(tries, _)| tries + 1);
                self.refused.insert(seq, (tries, again));
                self.held = seq;
                Custody::Refused { seq, at: now, reason: "no".into(), again: again.then_some(now) }
            }
            Fate::Taken(part) => {
                let seq = *self.refused.keys().nth(usize::from(part) % self.refused.len().max(1))?;
                self.refused.remove(&seq);
                Custody::Taken { seq }
            }
        })
    }

    fn prune(&mut self, now: UtcInstant, short: bool) {
        let kept = now.saturating_sub(LIMITS.keep);
        let may_go = |seq: &Seq, row: &NewSurvey| {
            let old = row.received < kept;
            *seq <= self.held && self.refused.get(seq).map_or(short || old, |(_, again)| !again && old)
        };
        let going = self.rows.iter().filter(|(seq, row)| may_go(seq, row)).map(|(seq, _)| *seq);
        let going: Vec<Seq> = going.take(if short { usize::MAX } else { PRUNED }).collect();
        for seq in going {
            self.rows.remove(&seq);
            self.quarantined += u32::from(self.refused.remove(&seq).is_some());
        }
    }

    /// Whether the journal's tables are these.
    fn is(&self, journal: &Journal) -> bool {
        tables(journal, self) == *self
    }

    fn check(&self, journal: &Journal, now: UtcInstant) {
        assert_eq!(tables(journal, self), *self);
        for (number, came) in self.came.iter().enumerate().rev().take(8) {
            let fresh = now.duration_since(*came) < fieldpost_core::dating::RESEND_WINDOW;
            let known = journal.known(ShortKey::from_sql(number as i64), now).unwrap();
            assert_eq!(known, fresh, "datagram {number}, of {came}, at {now}");
        }
        assert!(!journal.known(ShortKey::from_sql(self.came.len() as i64), now).unwrap(), "it never came");
    }
}

/// Everything that the model says, as the journal has it; but when datagrams came, for of those that are gone no row tells.
fn tables(journal: &Journal, model: &Model) -> Model {
    let mut select = journal.conn.prepare("SELECT * FROM surveys ORDER BY seq").unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let survey = NewSurvey {
            received: UtcInstant::from_millis(row.get(1)?),
            key: row.get::<_, Option<i64>>(2)?.map(ShortKey::from_sql),
            device: DeviceId::new(&row.get::<_, String>(3)?).unwrap(),
            readings: row.get(4)?,
            records: row.get(5)?,
        };
        let seq = row.get(0)?;
        assert_eq!(survey.checksum(seq), row.get::<_, i64>(6)?, "survey {seq}");
        Ok((seq, survey))
    };
    let rows = select.query_map([], row).unwrap().map(Result::unwrap).collect();
    let mut select = journal.conn.prepare("SELECT seq, tries, again FROM refused").unwrap();
    let refused =
        select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get::<_, Option<i64>>(2)?.is_some()))));
    let refused = refused.unwrap().map(Result::unwrap).collect();
    let count = "SELECT count(*) FROM quarantine WHERE reason = 'refused-by-cloud'";
    let quarantined = journal.conn.query_row(count, [], |row| row.get(0)).unwrap();
    let (last_seq, held, confirmed) = (journal.last_seq(), journal.held_through(), journal.confirmed());
    Model { rows, refused, last_seq, held, confirmed, quarantined, came: model.came.clone() }
}

/// A journal under test: what it must hold, and what is gathered for its next commit.
struct Test {
    machine: Machine,
    model: Model,
    /// What it must hold once the batch is committed.
    next: Model,
    batch: Batch,
    hours: u64,
}

impl Test {
    fn take(&mut self, step: Step) {
        let now = at(self.hours);
        match step {
            Step::Append(count) => {
                let surveys: Vec<_> = (0..count).map(|_| self.next.append(now)).collect();
                self.batch.surveys.extend(surveys);
            }
            Step::Note(fate) => self.batch.custody.extend(self.next.note(&fate, now)),
            Step::Commit(trouble) => self.commit(trouble),
            Step::Drop => self.drop(),
            Step::Pass(hours) => self.hours += hours,
            Step::Prune { short, trouble } => {
                self.commit(None);
                self.next.prune(now, short);
                let done = self.machine.work(trouble, now, |journal| {
                    journal.prune(now, short.then_some(Full::Journal)).map(drop)
                });
                self.settle(done);
            }
            Step::Cut(survivors) => {
                self.drop();
                self.machine.cut(survivors, now);
            }
            Step::Reopen(trouble) => {
                self.drop();
                self.machine.reopen(trouble, now);
            }
        }
        self.model.check(self.machine.journal(), at(self.hours));
    }

    fn commit(&mut self, trouble: Option<Trouble>) {
        let (now, batch) = (at(self.hours), std::mem::take(&mut self.batch));
        let done = self.machine.work(trouble, now, |journal| journal.commit(&batch, now));
        self.settle(done);
    }

    /// After it was done all of it is there; after it failed all of it or nothing.
    fn settle(&mut self, done: bool) {
        if done || self.next.is(self.machine.journal()) {
            self.model = self.next.clone();
        }
        self.next = self.model.clone();
    }

    fn drop(&mut self) {
        self.batch = Batch::default();
        self.next = self.model.clone();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn p1_a_journal_holds_what_was_committed_until_it_may_let_go(steps in proptest::collection::vec(step(), 1..60)) {
        let (model, next) = Default::default();
        let mut test = Test { machine: Machine::new(), model, next, batch: Batch::default(), hours: 0 };
        for step in steps {
            test.take(step);
        }
    }
}
