//! What an answer of the cloud means for what was offered.

use std::time::Duration;

use fieldpost_core::bug::{self, Bug};

use super::{GREET_EVERY, LOOK_FOR_AGAIN, Offered, Task, Uplink};
use crate::{
    journal::{Custody, Seq},
    moment::Moment,
    uplink::{Answer, verdict::Verdict},
};

/// Between two offers: a backlog leaves room for what is new, on the line and on the disk.
const PACE: Duration = Duration::from_millis(2);
/// A survey that the cloud took for one from the future is offered again after this, so many times.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
pub(super) const AGAIN_TIMES: u32 = 24;

impl Uplink {
    /// The cloud, or what stands in its place, has answered the last message. `random` is any number.
    pub fn handle_answer(&mut self, answer: Answer, now: Moment, random: u64) {
        let Some(what) = self.offered else { return };
        let verdict = answer.verdict();
        if verdict == Verdict::Accepted && !self.messages.is_empty() {
            return;
        }
        self.offered = None;
        self.messages.clear();
        match (what, verdict) {
            (_, Verdict::Accepted) => self.accepted(what, answer.mark(), now),
            (_, Verdict::Refused { reason, future }) => {
                self.refused(what, reason, future, now);
                self.answered(now);
            }
            (Offered::Again(..), Verdict::Later(_)) => self.look = now.up.saturating_add(LOOK_FOR_AGAIN),
            (Offered::Part(_), Verdict::Later(_)) if bug::on(Bug::DropOnSend) => {
                self.accepted(what, None, now);
            }
            (Offered::Part(_) | Offered::Greeting, Verdict::Later(why)) => self.later(&why, now, random),
        }
    }

    fn accepted(&mut self, what: Offered, mark: Option<Seq>, now: Moment) {
        self.greet = Some(now.up.saturating_add(GREET_EVERY));
        if let Offered::Again(seq, _) = what {
            self.tasks.push_back(Task::Note(Custody::Taken { seq }, None));
        }
        if let Some(to) = self.gone_back(mark, now) {
            self.batch = None;
            self.tasks.push_back(Task::Note(Custody::Back { to }, Some(to)));
        } else if let Offered::Part(last) = what {
            self.settle_part();
            let through = if bug::on(Bug::CursorOneTooFar) { last.saturating_add(1) } else { last };
            self.tasks.push_back(Task::Note(Custody::Held { through }, Some(through)));
        }
        self.answered(now);
    }

    /// Where to begin again, if the cloud has lost what it had acknowledged.
    fn gone_back(&mut self, mark: Option<Seq>, now: Moment) -> Option<Seq> {
        let confirmed = self.progress.confirmed;
        if bug::on(Bug::NeverGoBack) {
            return None;
        }
        let to = self.watch.gone_back(mark?, confirmed, now.up)?;
        tracing::warn!(
            acknowledged = confirmed,
            holds = to,
            "the cloud has gone back: it no longer holds what it acknowledged; all of it that is kept is offered again"
        );
        Some(to)
    }

    /// What was offered is refused for good: halves are offered of a part, until it is one survey.
    pub(super) fn refused(&mut self, what: Offered, reason: String, future: bool, now: Moment) {
        let (seq, tries, cursor) = match what {
            Offered::Part(_) if self.halve() => return,
            Offered::Part(seq) => {
                self.settle_part();
                (seq, 0, Some(seq))
            }
            Offered::Again(seq, tries) => (seq, tries, None),
            Offered::Greeting => {
                self.greet = Some(now.up.saturating_add(GREET_EVERY));
                return;
            }
        };
        tracing::warn!(
            seq,
            reason,
            "the cloud refused a survey for good; it stays in the journal, the others go on"
        );
        if self.once {
            self.refusal.get_or_insert_with(|| format!("the cloud refused a survey: {reason}"));
        }
        let at = now.utc;
        let future = future && !bug::on(Bug::NeverAgain);
        let again = (future && tries < AGAIN_TIMES).then(|| at.saturating_add(AGAIN_AFTER));
        self.tasks.push_back(Task::Note(Custody::Refused { seq, at, reason, again }, cursor));
    }

    /// There was nothing to say, as of an empty day in text. The cloud has no part in it, so it confirms nothing.
    pub(super) fn unspoken(&mut self, what: Offered, now: Moment) {
        match what {
            Offered::Part(through) => {
                self.settle_part();
                self.tasks.push_back(Task::Note(Custody::Passed { through }, Some(through)));
            }
            Offered::Again(seq, _) => self.tasks.push_back(Task::Note(Custody::Taken { seq }, None)),
            Offered::Greeting => self.greet = Some(now.up.saturating_add(GREET_EVERY)),
        }
    }

    /// It was the cloud that answered: the next offer goes as soon as what became of this one is noted.
    fn answered(&mut self, now: Moment) {
        self.backoff.reset();
        self.tell(None, now);
        self.tasks.push_back(Task::Rest(now.up.saturating_add(PACE)));
    }

    fn later(&mut self, why: &str, now: Moment, random: u64) {
        self.tell(Some(why), now);
        let task = if self.once {
            Task::End(why.to_owned())
        } else {
            Task::Rest(now.up.saturating_add(self.backoff.pause(random)))
        };
        self.tasks.push_back(task);
    }

    /// Notes how it goes, if that is news.
    fn tell(&mut self, error: Option<&str>, now: Moment) {
        if let Some(json) = self.told.news(error, now.utc) {
            self.tasks.push_back(Task::Tell(Custody::Uplink(json)));
        }
    }

    fn halve(&mut self) -> bool {
        !bug::on(Bug::RefuseWholeBatch) && self.batch.as_mut().is_some_and(|batch| batch.plan.halve())
    }

    fn settle_part(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.plan.settled();
        }
    }
}
