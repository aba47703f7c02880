//! The bytes that connections may hold at once (promise P6), so that many large uploads cannot exhaust the memory.

use crate::Limits;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are accounted in steps of so many, to keep the accounting cheap.
const STEP: usize = 64 * 1024;

/// What all connections share.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

/// What one connection holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    permits: Option<OwnedSemaphorePermit>,
    covered: usize,
}

/// There is no room for more at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / STEP)))
    }

    /// A share that covers the bytes which are free for everyone.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), permits: None, covered: Limits::FREE_BYTES }
    }
}

impl Share {
    /// Makes the share cover `bytes`. What a sender holds it has really sent, so a slow sender holds little.
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<(), Exhausted> {
        while self.covered < bytes {
            let permit = Arc::clone(&self.budget.0).try_acquire_owned().map_err(|_| Exhausted)?;
            match &mut self.permits {
                Some(held) => held.merge(permit),
                None => self.permits = Some(permit),
            }
            self.covered = self.covered.saturating_add(STEP);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_holds_another_cannot_and_it_comes_back() {
        let budget = Budget::new(2 * STEP);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert_eq!(one.cover(Limits::FREE_BYTES + 2 * STEP), Ok(()));
        assert_eq!(other.cover(Limits::FREE_BYTES), Ok(()), "small uploads never wait");
        assert_eq!(other.cover(Limits::FREE_BYTES + 1), Err(Exhausted));
        drop(one);
        assert_eq!(other.cover(Limits::FREE_BYTES + 1), Ok(()));
    }
}
