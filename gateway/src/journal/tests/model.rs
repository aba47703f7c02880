//! Whatever is done to a journal, it holds what a list would hold.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Hold(u8),
    Pass(u64),
    Prune {
        short: bool,
    },
    /// The process dies: nothing is closed, the folder is found as it lies.
    Crash,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u8..20).prop_map(Step::Append),
        2 => (1_u8..30).prop_map(Step::Hold),
        2 => (1_u64..30).prop_map(Step::Pass),
        2 => any::<bool>().prop_map(|short| Step::Prune { short }),
        1 => Just(Step::Crash),
        1 => Just(Step::Reopen),
    ]
}

/// What the journal must hold: seq, number, when it came.
#[derive(Default)]
struct Model {
    rows: Vec<(Seq, i64, UtcInstant)>,
    last_seq: Seq,
    held: Seq,
    next: i64,
    hours: u64,
}

impl Model {
    fn append(&mut self, journal: &mut Journal, count: u8) {
        let (first, now) = (self.next, at(self.hours));
        self.next += i64::from(count);
        journal.commit(&surveys(first..self.next, now), now).unwrap();
        for number in first..self.next {
            self.last_seq += 1;
            self.rows.push((self.last_seq, number, now));
        }
    }

    fn hold(&mut self, journal: &mut Journal, count: u8) {
        self.held = (self.held + i64::from(count)).min(self.last_seq);
        let batch = Batch { custody: vec![Custody::Held { through: self.held }], ..Batch::default() };
        journal.commit(&batch, at(self.hours)).unwrap();
    }

    fn prune(&mut self, journal: &mut Journal, short: bool) {
        let now = at(self.hours);
        while journal.prune(now, short).unwrap() > 0 {}
        let (held, kept) = (self.held, now.saturating_sub(LIMITS.keep));
        let gone = self.rows.iter().take_while(|row| row.0 <= held && (short || row.2 < kept)).count();
        self.rows.drain(..gone);
    }

    fn check(&self, journal: &Journal, folder: &Path) {
        assert_eq!(devices(folder), names(self.rows.iter().map(|row| row.1)));
        assert_eq!((journal.last_seq(), journal.held_through()), (self.last_seq, self.held));
        let now = at(self.hours);
        // Keys count up with the numbers; the newest ones are within the window.
        for row in self.rows.iter().rev().take(5) {
            let fresh = now.duration_since(row.2) < fieldpost_core::dating::RESEND_WINDOW;
            assert_eq!(journal.known(ShortKey::from_sql(row.1), now).unwrap(), fresh);
        }
        assert!(!journal.known(ShortKey::from_sql(self.next), now).unwrap());
    }
}

/// What a power cut leaves: the files as they are, in another place.
fn crash_image(folder: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    for ending in ["", "-wal"] {
        let from = room::beside(&folder.join(FILE), ending);
        if from.exists() {
            std::fs::copy(&from, room::beside(&image.path().join(FILE), ending)).unwrap();
        }
    }
    image
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_journal_holds_what_was_committed_until_it_may_let_go(steps in proptest::collection::vec(step(), 1..40)) {
        let mut home = tempfile::tempdir().unwrap();
        let mut journal = open(home.path());
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append(count) => model.append(&mut journal, count),
                Step::Hold(count) => model.hold(&mut journal, count),
                Step::Pass(hours) => model.hours += hours,
                Step::Prune { short } => model.prune(&mut journal, short),
                Step::Crash => {
                    let image = crash_image(home.path());
                    drop(std::mem::replace(&mut journal, try_open(image.path(), at(model.hours)).unwrap().0));
                    home = image;
                }
                Step::Reopen => {
                    journal.close().unwrap();
                    journal = try_open(home.path(), at(model.hours)).unwrap().0;
                }
            }
            model.check(&journal, home.path());
        }
    }
}
