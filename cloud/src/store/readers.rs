//! The connections that read. In WAL mode they see the last commit and never wait for the writer.

use super::open;
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Reads at once: two cores cannot use more.
const CONNECTIONS: u32 = 4;
/// How long a read may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A small pool of connections that read.
#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Too many others ask.
    #[error("too many questions at once")]
    Busy,
    /// The file cannot be read.
    #[error("the store cannot be read: {0}")]
    Store(#[from] rusqlite::Error),
}

impl Readers {
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connections = std::iter::repeat_with(|| open::reader(path)).take(CONNECTIONS as usize);
        let idle = Arc::new(Mutex::new(connections.collect::<rusqlite::Result<_>>()?));
        Ok(Self { idle, turns: Arc::new(Semaphore::new(CONNECTIONS as usize)) })
    }

    /// Closes all connections when the questions at hand are answered; later ones are not.
    pub(super) async fn close(&self) {
        let all = tokio::time::timeout(PATIENCE, self.turns.acquire_many(CONNECTIONS)).await;
        self.turns.close();
        drop(all);
        lock(&self.idle).clear();
    }

    /// Runs `question` on a thread that may block.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await.ok().and_then(Result::ok);
        let turn = turn.ok_or(ReadError::Busy)?;
        let idle = Arc::clone(&self.idle);
        let answer = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let connection = lock(&idle).pop()?;
            let answer = question(&connection);
            lock(&idle).push(connection);
            Some(answer)
        });
        Ok(answer.await.ok().flatten().ok_or(ReadError::Busy)??)
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
