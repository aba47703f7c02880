//! What waits for the next commit: bounded, and fair to every sender.

use std::{
    hash::{BuildHasher, RandomState},
    mem,
    net::SocketAddr,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::decide::Datagram;
use crate::journal::Order;

/// Datagrams that wait at most.
pub(crate) const MAX_GROUP: usize = 4_096;
/// What they may take in memory.
const MAX_GROUP_BYTES: usize = 1 << 20;
/// Senders are told apart by this many counters; two in one counter share a share.
const COUNTERS: usize = 1_024;

/// A datagram that waits.
#[derive(Debug)]
pub struct Entry {
    /// On which socket it came, and is answered.
    pub socket: usize,
    /// Who sent it.
    pub peer: SocketAddr,
    /// What it says.
    pub datagram: Datagram,
}

/// Everything that goes into the next transaction.
#[derive(Debug, Default)]
pub struct Group {
    /// Datagrams, as they came.
    pub entries: Vec<Entry>,
    /// What the uplink wants done.
    pub orders: Vec<Order>,
    /// Datagrams that found no place. They are not answered, so their senders send them again.
    pub dropped: u64,
}

/// Where receivers put datagrams, and the committer takes them.
pub(crate) struct Pending {
    state: Mutex<State>,
    wake: Condvar,
    hasher: RandomState,
}

struct State {
    group: Group,
    bytes: usize,
    /// Datagrams that wait, by sender.
    counts: Box<[u16]>,
    senders: usize,
    closed: bool,
}

impl Pending {
    pub(crate) fn new() -> Self {
        let counts = vec![0; COUNTERS].into_boxed_slice();
        let state = State { group: Group::default(), bytes: 0, counts, senders: 0, closed: false };
        Self { state: Mutex::new(state), wake: Condvar::new(), hasher: RandomState::new() }
    }

    /// Adds datagrams, as far as there is place for them.
    pub(crate) fn push(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut state = self.lock();
        for entry in entries {
            let slot = usize::try_from(self.hasher.hash_one(entry.peer)).unwrap_or(0) % COUNTERS;
            state.push(entry, slot);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Adds an order; there are never more than the uplink has under way.
    pub(crate) fn order(&self, order: Order) {
        let mut state = self.lock();
        if !state.closed {
            state.group.orders.push(order);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Takes all that waits; after `timeout` that may be nothing. None: closed, and all is taken.
    pub(crate) fn take(&self, timeout: Duration) -> Option<Group> {
        let idle = |state: &mut State| state.group.is_empty() && !state.closed;
        let mut state = self
            .wake
            .wait_timeout_while(self.lock(), timeout, idle)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if state.closed && state.group.is_empty() {
            return None;
        }
        (state.bytes, state.senders) = (0, 0);
        state.counts.fill(0);
        Some(mem::take(&mut state.group))
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

impl Group {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.orders.is_empty() && self.dropped == 0
    }
}

impl State {
    fn push(&mut self, entry: Entry, slot: usize) {
        let Some(count) = self.counts.get_mut(slot) else { return };
        self.senders += usize::from(*count == 0);
        let waiting = self.group.entries.len();
        let bytes = self.bytes.saturating_add(entry.datagram.weight());
        // Half of the places are for whoever comes first; the other half is shared out evenly.
        let crowded = waiting >= MAX_GROUP / 2 || bytes > MAX_GROUP_BYTES / 2;
        let greedy = crowded && usize::from(*count) >= MAX_GROUP / self.senders.max(1);
        if self.closed || waiting >= MAX_GROUP || bytes > MAX_GROUP_BYTES || greedy {
            self.group.dropped = self.group.dropped.saturating_add(1);
            return;
        }
        *count = count.saturating_add(1);
        self.bytes = bytes;
        self.group.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::decide;
    use fieldpost_core::UtcInstant;
    use jiff::tz::TimeZone;

    fn entry(port: u16, text: &str) -> Entry {
        let peer = SocketAddr::from(([127, 0, 0, 1], port));
        let now = UtcInstant::from_millis(1_800_000_000_000);
        let datagram = decide::read(text.as_bytes(), text.len(), peer.ip(), now, &TimeZone::UTC);
        Entry { socket: 0, peer, datagram }
    }

    #[test]
    fn a_flood_from_one_sender_leaves_room_for_the_others() {
        let pending = Pending::new();
        pending.push((0..MAX_GROUP).map(|_| entry(1, "m")));
        pending.push((2..12).map(|port| entry(port, "m")));
        let full = pending.take(Duration::ZERO).unwrap();
        assert_eq!(full.entries.len(), MAX_GROUP, "alone, it may have every place");
        assert_eq!(full.dropped, 10);

        pending.push((2..12).map(|port| entry(port, "m")));
        pending.push((0..MAX_GROUP).map(|_| entry(1, "m")));
        pending.push((2..12).map(|port| entry(port, "m")));
        let group = pending.take(Duration::ZERO).unwrap();
        let others = group.entries.iter().filter(|entry| entry.peer.port() != 1).count();
        assert_eq!(others, 20, "among others, it may not");
        assert!(group.dropped > 0 && group.entries.len() < MAX_GROUP);
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let pending = Pending::new();
        let long = "x".repeat(4_096);
        pending.push((0..2_000).map(|number| entry(number, &long)));
        let group = pending.take(Duration::ZERO).unwrap();
        assert_eq!(group.entries.len(), MAX_GROUP_BYTES / 4_096);
        assert_eq!(group.entries.len() as u64 + group.dropped, 2_000);
    }

    #[test]
    fn what_waits_at_closing_is_still_taken() {
        let pending = Pending::new();
        pending.push([entry(1, "m")]);
        pending.close();
        assert_eq!(pending.take(Duration::from_secs(60)).unwrap().entries.len(), 1);
        assert!(pending.take(Duration::from_secs(60)).is_none());
    }
}
