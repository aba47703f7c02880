//! The uplink's shell: does what the machine says, on real sockets, by the real clock.

use std::{
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    time::Duration,
};

use jiff::tz::TimeZone;
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use super::{Answer, MAX_BATCH, MAX_BATCH_BYTES, Offer, Step, Uplink, Wire, http::Http, tcp::Tcp};
use crate::{
    Error, Token, UplinkTarget, clock,
    journal::{JournalError, Note, Noted, Order, Orders, Progress, Reader},
};

/// The way to the cloud.
pub(crate) enum Link {
    Tcp(Tcp, TimeZone),
    Http(Http),
}

impl Link {
    /// A link to `target`, from the site in `zone` whose gateway has this `name`, and `token`. Nothing is connected yet.
    pub(crate) fn new(target: &UplinkTarget, name: &str, zone: &TimeZone, token: Option<&Token>) -> Self {
        match target {
            UplinkTarget::Tcp { host, port } => Self::Tcp(Tcp::new(host.clone(), *port), zone.clone()),
            UplinkTarget::Http { host, port } => {
                Self::Http(Http::new(host.clone(), *port, name, zone, token))
            }
        }
    }

    /// How it is spoken on.
    pub(crate) fn wire(&self) -> Wire {
        match self {
            Self::Tcp(_, zone) => Wire::Tcp(zone.clone()),
            Self::Http(_) => Wire::Http,
        }
    }

    async fn send(&mut self, offer: Offer) -> Answer {
        match (self, offer) {
            (Self::Http(http), Offer::Http { body, custody }) => http.send(body, &custody).await,
            (Self::Tcp(tcp, _), Offer::Text { text }) => tcp.send(&text).await,
            _ => Answer::Failed("this is not the cloud's language".to_owned()),
        }
    }
}

/// What the shell holds beside the machine.
struct Shell {
    link: Link,
    folder: PathBuf,
    /// None after a failure, until it can be opened again; with the generation that it reads. Moves to another thread
    /// while it reads.
    reader: Option<(u64, Reader)>,
    orders: Orders,
    progress: watch::Receiver<Progress>,
}

/// Nobody writes the journal any more.
struct WriterGone;

/// Drains the journal in `folder` for ever; with the machine's `once`, until the first round is acknowledged.
pub(crate) async fn run(
    mut machine: Uplink,
    link: Link,
    folder: PathBuf,
    orders: Orders,
    progress: watch::Receiver<Progress>,
) -> Result<(), Error> {
    let mut shell = Shell { link, folder, reader: None, orders, progress };
    loop {
        let progress = *shell.progress.borrow_and_update();
        let step = match machine.poll(clock::moment(), progress) {
            Step::Done(result) => return result,
            step => step,
        };
        if let Err(WriterGone) = shell.take(step, &mut machine, progress.generation).await {
            return Err(Error::Stopped { part: "the journal's writer" });
        }
    }
}

impl Shell {
    /// Does what the machine wants done, and tells it.
    async fn take(&mut self, step: Step, machine: &mut Uplink, generation: u64) -> Result<(), WriterGone> {
        match step {
            Step::Wait { until, unless_progress } => self.wait(until, unless_progress).await?,
            Step::Read { after, through } => {
                let page = move |reader: &Reader| reader.page(after, through, MAX_BATCH, MAX_BATCH_BYTES);
                let page = self.with_reader(generation, page).await;
                machine.handle_page(page, clock::moment());
            }
            Step::ReadAgain => {
                let again = |reader: &Reader| {
                    let survey = reader.again(clock::moment().utc)?;
                    survey.map(|survey| Ok((reader.tries(survey.seq)?, survey))).transpose()
                };
                let found = self.with_reader(generation, again).await;
                let found = found.map(|found| found.map(|(tries, survey)| (survey, tries)));
                machine.handle_again(found, clock::moment());
            }
            Step::Offer(offer) => {
                let answer = self.link.send(offer).await;
                // Any number will do, and a hasher's keys are one.
                machine.handle_answer(answer, clock::moment(), RandomState::new().hash_one(0));
            }
            Step::Note { generation, custody } => {
                let (done, noted) = oneshot::channel();
                (self.orders)(Order::Note(Note { generation, custody, done }));
                let noted: Noted = noted.await.map_err(|_| WriterGone)?;
                machine.handle_noted(noted, clock::moment());
            }
            Step::Salvage => {
                let (done, saved) = oneshot::channel();
                self.reader = None;
                (self.orders)(Order::Salvage { done });
                machine.handle_salvaged(saved.await.map_err(|_| WriterGone)?, clock::moment());
            }
            Step::Done(_) => {}
        }
        Ok(())
    }

    async fn wait(&mut self, until: Duration, unless_progress: bool) -> Result<(), WriterGone> {
        let span = until.saturating_sub(clock::moment().up);
        if !unless_progress {
            sleep(span).await;
            return Ok(());
        }
        // Time over is as good as news.
        timeout(span, self.progress.changed()).await.unwrap_or(Ok(())).map_err(|_| WriterGone)
    }

    /// Reads the journal where waiting for the disk is allowed.
    async fn with_reader<T: Send + 'static>(
        &mut self,
        generation: u64,
        read: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let reader = self.reader.take().filter(|(known, _)| *known == generation).map(|(_, reader)| reader);
        let folder = self.folder.clone();
        let work = move || {
            let reader = reader.map_or_else(|| Reader::open(&folder), Ok)?;
            read(&reader).map(|found| (reader, found))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(read) => {
                let (reader, found) = read?;
                self.reader = Some((generation, reader));
                Ok(found)
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}
