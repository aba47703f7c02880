//! Taking one upload only.

use tokio::sync::watch;

/// Where whoever finished an upload says how it went. The first one counts.
#[derive(Debug, Clone)]
pub(crate) struct Once(watch::Sender<Option<bool>>);

impl Once {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// An upload was answered.
    pub(crate) fn answered(&self, accepted: bool) {
        self.0.send_if_modified(|first| {
            let is_first = first.is_none();
            *first = first.or(Some(accepted));
            is_first
        });
    }

    /// Waits for the first answered upload; says whether it was accepted.
    pub(crate) async fn wait(&self) -> bool {
        let mut answers = self.0.subscribe();
        // The sender is `self`: the channel cannot close meanwhile.
        answers.wait_for(Option::is_some).await.is_ok_and(|first| *first == Some(true))
    }
}
