//! Lets go of readings that are older than the operator keeps, for ever, a little at a time.

use crate::{
    Store, clock,
    store::{SubmitError, retention::EVERY},
};
use std::time::Duration;

/// Between two slices: uploads come first.
const BREATH: Duration = Duration::from_millis(20);

/// Runs until it is dropped.
pub(crate) async fn run(store: Store) {
    loop {
        match let_go(&store).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "readings that are older than is kept were let go of"),
            // What is too old now is so in an hour, too.
            Err(error) => tracing::warn!(%error, "old readings could not be let go of"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn let_go(store: &Store) -> Result<u64, SubmitError> {
    let Some(before) = store.move_on(clock::now()).await? else { return Ok(0) };
    let mut gone = 0_u64;
    while let Some(slice) = store.let_go(before).await? {
        gone = gone.saturating_add(slice);
        tokio::time::sleep(BREATH).await;
    }
    Ok(gone)
}
