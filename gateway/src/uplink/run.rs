//! The loop that drains the journal.

use std::{
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use super::{Link, MAX_BATCH, MAX_BATCH_BYTES, backoff::Backoff, plan::Plan, state::Told, verdict::Verdict};
use crate::{
    Error, UplinkTarget, UplinkWhen, clock,
    journal::{Custody, JournalError, Note, Noted, Order, Orders, Page, Progress, Reader, Seq, StoredSurvey},
};

/// Between two offers: a backlog leaves room for what is new, on the line and on the disk.
const PACE: Duration = Duration::from_millis(2);
/// After the journal could not be read or written.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// A survey that the cloud took for one from the future is offered again after this, so many times.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
const AGAIN_TIMES: u32 = 24;
/// How often such ones are looked for.
const LOOK_FOR_AGAIN: Duration = Duration::from_secs(5 * 60);

/// The uplink.
pub(crate) struct Uplink {
    link: Link,
    told: Told,
    when: UplinkWhen,
    /// The first failure ends it.
    once: bool,
    folder: PathBuf,
    /// None after a failure, until it can be opened again. Moves to another thread while it reads.
    reader: Option<Reader>,
    orders: Orders,
    progress: watch::Receiver<Progress>,
    backoff: Backoff,
    /// Of the journal that `cursor` and `reader` belong to.
    generation: u64,
    /// Up to here everything is settled.
    cursor: Seq,
    /// With `once`: why the cloud would not have a survey.
    refusal: Option<String>,
}

/// Why the loop ends.
enum End {
    /// Nobody writes the journal any more.
    WriterGone,
    /// With `once`: the cloud did not acknowledge.
    Failed(String),
    /// The journal was opened anew, and what was read of the old one is settled there: not an end of the loop.
    Renewed,
}

impl Uplink {
    /// An uplink of the journal in `folder`.
    pub(crate) fn new(
        link: Link,
        target: &UplinkTarget,
        (when, once): (UplinkWhen, bool),
        folder: PathBuf,
        orders: Orders,
        progress: watch::Receiver<Progress>,
    ) -> Self {
        let Progress { generation, held_through: cursor, .. } = *progress.borrow();
        let (told, backoff) = (Told::new(target.to_string()), Backoff::default());
        let (reader, refusal) = (None, None);
        Self {
            link,
            told,
            when,
            once,
            folder,
            reader,
            orders,
            progress,
            backoff,
            generation,
            cursor,
            refusal,
        }
    }

    /// Drains the journal for ever; with `once`, until the first round is acknowledged.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        loop {
            match self.step().await {
                Ok(false) => {}
                Ok(true) => return self.refusal.map_or(Ok(()), |why| Err(Error::NotAcknowledged { why })),
                Err(End::Renewed) => self.renew(),
                Err(End::WriterGone) => return Err(Error::Stopped { part: "the journal's writer" }),
                Err(End::Failed(why)) => return Err(Error::NotAcknowledged { why }),
            }
        }
    }

    /// Settles the next surveys, when there are some; true if that was all there is to do.
    async fn step(&mut self) -> Result<bool, End> {
        let progress = self.due().await?;
        if progress.generation != self.generation {
            return Err(End::Renewed);
        }
        let through = self.through(&progress);
        if through <= self.cursor {
            if self.once && progress.rounds_closed > 0 {
                return Ok(true);
            }
            return self.offer_again().await.map(|()| false);
        }
        match self.read(through).await {
            Ok(Page::Surveys(surveys)) => self.deliver(&surveys).await?,
            Ok(Page::Damaged(seq)) => {
                tracing::error!(seq, "a survey in the journal is damaged; it is in the quarantine");
                self.note(Custody::Damaged { seq, at: clock::now() }).await?;
                self.cursor = seq;
            }
            // Rows that a salvage could not save.
            Ok(Page::Empty) => {
                self.note(Custody::Held { through }).await?;
                self.cursor = through;
            }
            Err(error) => self.mend(&error).await?,
        }
        Ok(false)
    }

    /// Goes on with the journal that is open now, where that one stands.
    fn renew(&mut self) {
        let progress = *self.progress.borrow();
        self.reader = None;
        self.generation = progress.generation;
        self.cursor = progress.held_through;
    }

    /// Waits for something to pass on, or until it is time to look for what is offered again.
    async fn due(&mut self) -> Result<Progress, End> {
        let (generation, cursor, when, once) = (self.generation, self.cursor, self.when, self.once);
        let due = |progress: &Progress| {
            progress.generation != generation
                || limit(when, once, progress) > cursor
                || (once && progress.rounds_closed > 0)
        };
        let waited = timeout(LOOK_FOR_AGAIN, self.progress.wait_for(due)).await;
        let progress = waited.map(|progress| progress.map(|progress| *progress));
        match progress {
            Ok(progress) => progress.map_err(|_| End::WriterGone),
            Err(_) => Ok(*self.progress.borrow()),
        }
    }

    fn through(&self, progress: &Progress) -> Seq {
        limit(self.when, self.once, progress)
    }

    /// Offers surveys until each is settled.
    async fn deliver(&mut self, surveys: &[StoredSurvey]) -> Result<(), End> {
        let mut plan = Plan::new(surveys.len());
        while let Some(part) = plan.next() {
            let Some(offered) = surveys.get(part) else { return Ok(()) };
            let portion = self.link.portion(offered, clock::now());
            if portion < offered.len() {
                plan.split(portion);
                continue;
            }
            let Some(last) = offered.last().map(|survey| survey.seq) else { return Ok(()) };
            match self.link.offer(offered, clock::now()).await {
                Verdict::Accepted => self.held(last).await?,
                Verdict::Refused { .. } if plan.halve() => continue,
                Verdict::Refused { reason, future } => self.refused(last, reason, future, 0).await?,
                Verdict::Later(why) => {
                    self.later(why).await?;
                    continue;
                }
            }
            self.cursor = last;
            plan.settled();
            sleep(PACE).await;
        }
        Ok(())
    }

    async fn held(&mut self, through: Seq) -> Result<(), End> {
        self.backoff.reset();
        self.note(Custody::Held { through }).await?;
        self.tell(None).await
    }

    async fn refused(&mut self, seq: Seq, reason: String, future: bool, tries: u32) -> Result<(), End> {
        self.backoff.reset();
        tracing::warn!(
            seq,
            reason,
            "the cloud refuses a survey for good; it stays in the journal, the others go on"
        );
        if self.once {
            self.refusal.get_or_insert_with(|| format!("the cloud refused a survey: {reason}"));
        }
        let at = clock::now();
        let again = (future && tries < AGAIN_TIMES).then(|| at.saturating_add(AGAIN_AFTER));
        self.note(Custody::Refused { seq, at, reason, again }).await?;
        self.tell(None).await
    }

    async fn later(&mut self, why: String) -> Result<(), End> {
        self.tell(Some(&why)).await?;
        if self.once {
            return Err(End::Failed(why));
        }
        // Any number will do, and a hasher's keys are one.
        let random = RandomState::new().hash_one(why);
        sleep(self.backoff.pause(random)).await;
        Ok(())
    }

    /// Offers, once more, surveys that the cloud took for ones from the future.
    async fn offer_again(&mut self) -> Result<(), End> {
        loop {
            let found = self.with_reader(|reader| {
                let survey = reader.again(clock::now())?;
                survey.map(|survey| Ok((reader.tries(survey.seq)?, survey))).transpose()
            });
            let (tries, survey) = match found.await {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(()),
                Err(error) => return self.mend(&error).await,
            };
            let seq = survey.seq;
            match self.link.offer(&[survey], clock::now()).await {
                Verdict::Accepted => self.note(Custody::Taken { seq }).await?,
                Verdict::Refused { reason, future } => self.refused(seq, reason, future, tries).await?,
                Verdict::Later(_) => return Ok(()),
            }
            sleep(PACE).await;
        }
    }

    /// Writes it in the journal, as soon as that is possible.
    async fn note(&mut self, custody: Custody) -> Result<(), End> {
        loop {
            match self.try_note(custody.clone()).await? {
                Noted::Written => return Ok(()),
                Noted::Outdated => return Err(End::Renewed),
                Noted::Failed => sleep(JOURNAL_PAUSE).await,
            }
        }
    }

    async fn try_note(&mut self, custody: Custody) -> Result<Noted, End> {
        let (done, noted) = oneshot::channel();
        (self.orders)(Order::Note(Note { generation: self.generation, custody, done }));
        noted.await.map_err(|_| End::WriterGone)
    }

    /// Notes how it goes, if that is news. If it cannot be written, the log has it.
    async fn tell(&mut self, error: Option<&str>) -> Result<(), End> {
        if let Some(json) = self.told.news(error, clock::now()) {
            self.try_note(Custody::Uplink(json)).await?;
        }
        Ok(())
    }

    async fn read(&mut self, through: Seq) -> Result<Page, JournalError> {
        let after = self.cursor;
        self.with_reader(move |reader| reader.page(after, through, MAX_BATCH, MAX_BATCH_BYTES)).await
    }

    /// Reads the journal where waiting for the disk is allowed.
    async fn with_reader<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (reader, folder) = (self.reader.take(), self.folder.clone());
        let work = move || {
            let reader = reader.map_or_else(|| Reader::open(&folder), Ok)?;
            read(&reader).map(|found| (reader, found))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(read) => {
                let (reader, found) = read?;
                self.reader = Some(reader);
                Ok(found)
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// The journal could not be read: it is salvaged if it is damaged, and read again.
    async fn mend(&mut self, error: &JournalError) -> Result<(), End> {
        tracing::error!(%error, "the uplink cannot read the journal");
        self.reader = None;
        if error.is_corrupt() {
            let (done, saved) = oneshot::channel();
            (self.orders)(Order::Salvage { done });
            saved.await.map_err(|_| End::WriterGone)?;
        }
        sleep(JOURNAL_PAUSE).await;
        Ok(())
    }
}

/// Up to where surveys may go. Once is one round, also where they would go at once.
fn limit(when: UplinkWhen, once: bool, progress: &Progress) -> Seq {
    match when {
        UplinkWhen::Round => progress.closed_through,
        UplinkWhen::Always if once => progress.closed_through,
        UplinkWhen::Always => progress.last_seq,
    }
}
