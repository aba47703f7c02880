//! The one thread that writes the journal: takes all that waits, has it committed, answers.

use std::{
    hash::{BuildHasher, RandomState},
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use fieldpost_core::DeviceId;
use tokio::sync::watch;

use super::{Keeper, Outcome, Pending, answer::Answerer};
use crate::{
    clock,
    disk::OsDisk,
    journal::{JournalError, Limits, Progress},
};

/// The thread around the [`Keeper`].
pub(crate) struct Committer {
    keeper: Keeper,
    pending: Arc<Pending>,
    progress: watch::Sender<Progress>,
}

impl Committer {
    /// Opens the journal, and goes on with the round that was open.
    pub(crate) fn open(
        folder: PathBuf,
        limits: Limits,
        roster: Vec<DeviceId>,
        deadline: Duration,
        pending: Arc<Pending>,
    ) -> Result<(Self, watch::Receiver<Progress>), JournalError> {
        // Any number will do, and a hasher's keys are one.
        let random = RandomState::new().hash_one(&folder);
        let disk = Arc::new(OsDisk);
        let keeper = Keeper::open(disk, folder, limits, roster, deadline, random, clock::moment())?;
        let (progress, watch) = watch::channel(keeper.progress());
        Ok((Self { keeper, pending, progress }, watch))
    }

    /// Commits and answers until the gateway ends and all is answered.
    pub(crate) fn run(mut self, sockets: Vec<Arc<UdpSocket>>) {
        let mut answerer = Answerer::new(sockets);
        while let Some(group) = self.pending.take(self.keeper.pause(clock::moment())) {
            let to: Vec<(usize, SocketAddr)> =
                group.entries.iter().map(|entry| (entry.socket, entry.peer)).collect();
            let (outcomes, replies) = self.keeper.settle(group, clock::moment());
            self.publish();
            replies.send();
            let texts = outcomes.iter().map(Outcome::text);
            answerer.send(to.iter().zip(texts).map(|((socket, peer), text)| (*socket, *peer, text)));
            self.keeper.tend(clock::moment());
        }
        if let Err(error) = self.keeper.close() {
            tracing::warn!(%error, "the journal was not closed cleanly; the next start recovers it");
        }
    }

    fn publish(&self) {
        let now = self.keeper.progress();
        self.progress.send_if_modified(|progress| {
            let news = *progress != now;
            *progress = now;
            news
        });
    }
}
