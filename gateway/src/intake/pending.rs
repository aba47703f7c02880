//! Where receivers and the committer meet.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::inbox::{Entry, Group, Inbox, Sender};
use crate::journal::Order;

/// Where receivers put datagrams, and the committer takes them.
pub(crate) struct Pending {
    state: Mutex<State>,
    wake: Condvar,
    hasher: RandomState,
}

#[derive(Default)]
struct State {
    inbox: Inbox,
    closed: bool,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), hasher: RandomState::new() }
    }

    /// Adds datagrams, as far as there is place for them.
    pub(crate) fn push(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut state = self.lock();
        for entry in entries {
            let sender = Sender::of(entry.peer, &|bytes| self.hasher.hash_one(bytes));
            if state.closed {
                state.inbox.group.dropped = state.inbox.group.dropped.saturating_add(1);
            } else {
                state.inbox.push(entry, sender);
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Adds an order; there are never more than the uplink has under way.
    pub(crate) fn order(&self, order: Order) {
        let mut state = self.lock();
        if !state.closed {
            state.inbox.group.orders.push(order);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Takes all that waits; after `timeout` that may be nothing. None: closed, and all is taken.
    pub(crate) fn take(&self, timeout: Duration) -> Option<Group> {
        let idle = |state: &mut State| state.inbox.group.is_empty() && !state.closed;
        let mut state = self
            .wake
            .wait_timeout_while(self.lock(), timeout, idle)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if state.closed && state.inbox.group.is_empty() {
            return None;
        }
        Some(state.inbox.take())
    }

    /// Nothing more is taken in; what waits is still handled.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    /// Whether it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::inbox::tests::entry;

    #[test]
    fn what_waits_at_closing_is_still_taken() {
        let pending = Pending::new();
        pending.push([entry(1, "m")]);
        pending.close();
        assert_eq!(pending.take(Duration::from_secs(60)).unwrap().entries.len(), 1);
        assert!(pending.take(Duration::from_secs(60)).is_none());
    }
}
