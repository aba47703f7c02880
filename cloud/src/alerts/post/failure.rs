//! Why an attempt to deliver a message failed, and whether another one may fare better.

use std::future::Future;
use tokio::task::JoinSet;

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// For people; without secrets.
    pub(crate) reason: String,
    /// Whether it is the message that is refused, and so will be the next time, too. What only the channel's settings, its receiver or the
    /// network can mend is none: everything else would fail as well.
    pub(crate) refused: bool,
}

impl Failure {
    /// The receiver cannot be reached, does not let us in, or is not well.
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), refused: false }
    }

    /// The message is refused, or cannot be made.
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), refused: true }
    }
}

/// What `delivery` comes to, also if it panics: only this message is concerned then.
pub(super) async fn guarded(
    delivery: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Result<(), Failure> {
    // A set ends what is in it when it is dropped, so a delivery does not outlive the cloud's stop.
    let mut one = JoinSet::new();
    one.spawn(delivery);
    match one.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => {
            Err(Failure::refused(format!("the delivery broke, which is a fault of the cloud: {error}")))
        }
        None => Err(Failure::passing("the cloud is stopping")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_delivery_that_panics_has_failed_and_no_more() {
        assert_eq!(guarded(async { Ok(()) }).await, Ok(()));
        let broken = guarded(async { panic!("a fault") }).await.unwrap_err();
        assert!(broken.refused && broken.reason.contains("a fault of the cloud"), "{broken:?}");
    }
}
