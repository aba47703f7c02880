//! What waits for the next commit: bounded, and fair to every sender. No lock, no socket, no clock.
//!
//! Half of the places, in number and in bytes, are for whoever comes first. Of the other half nobody gets one who has had
//! an even share, reckoned as if one more sender were to come: so one that floods, and be it alone, leaves half for the others.

use std::{mem, net::SocketAddr};

use fieldpost_core::bug::{self, Bug};

use super::decide::Datagram;
use crate::journal::Order;

/// Datagrams that wait at most.
pub(crate) const MAX_GROUP: usize = 4_096;
/// What they may take in memory.
pub(super) const MAX_GROUP_BYTES: usize = 1 << 20;
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

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.orders.is_empty() && self.dropped == 0
    }
}

/// What waits.
#[derive(Debug)]
pub struct Inbox {
    pub(super) group: Group,
    bytes: usize,
    /// What waits of each sender, by counter.
    shares: Box<[Share]>,
    senders: usize,
}

/// What waits of one sender.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    datagrams: usize,
    bytes: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        let shares = vec![Share::default(); COUNTERS].into_boxed_slice();
        Self { group: Group::default(), bytes: 0, shares, senders: 0 }
    }
}

impl Inbox {
    /// Adds a datagram, if there is place for it; says whether there was. `sender` is any number that its sender's datagrams have in
    /// common.
    pub fn push(&mut self, entry: Entry, sender: u64) -> bool {
        let counter = usize::try_from(sender % COUNTERS as u64).unwrap_or(0);
        let Some(share) = self.shares.get_mut(counter) else { return false };
        let waiting = self.group.entries.len();
        let weight = entry.datagram.weight();
        let bytes = self.bytes.saturating_add(weight);
        let crowded = waiting >= MAX_GROUP / 2 || bytes > MAX_GROUP_BYTES / 2;
        let senders = self.senders.saturating_add(usize::from(share.datagrams == 0));
        if waiting >= MAX_GROUP || bytes > MAX_GROUP_BYTES || (crowded && share.is_used_up(weight, senders)) {
            self.group.dropped = self.group.dropped.saturating_add(1);
            return false;
        }
        share.datagrams = share.datagrams.saturating_add(1);
        share.bytes = share.bytes.saturating_add(weight);
        (self.senders, self.bytes) = (senders, bytes);
        self.group.entries.push(entry);
        true
    }

    /// Takes all that waits.
    pub fn take(&mut self) -> Group {
        (self.bytes, self.senders) = (0, 0);
        self.shares.fill(Share::default());
        mem::take(&mut self.group)
    }
}

impl Share {
    /// Whether a sender, one of so many, has no place left for a datagram of that weight. Its first one always has.
    fn is_used_up(self, weight: usize, senders: usize) -> bool {
        let shares = senders.saturating_add(1);
        let full = self.datagrams >= MAX_GROUP / shares
            || self.bytes.saturating_add(weight) > MAX_GROUP_BYTES / shares;
        full && self.datagrams > 0 && !bug::on(Bug::NoFairShare)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::intake::decide;
    use fieldpost_core::UtcInstant;
    use jiff::tz::TimeZone;

    /// A datagram of sender number `port`.
    pub(in crate::intake) fn entry(port: u16, text: &str) -> Entry {
        let peer = SocketAddr::from(([127, 0, 0, 1], port));
        let now = UtcInstant::from_millis(1_800_000_000_000);
        let datagram = decide::read(text.as_bytes(), text.len(), peer.ip(), now, &TimeZone::UTC);
        Entry { socket: 0, peer, datagram }
    }

    fn push(inbox: &mut Inbox, port: u16, text: &str) -> bool {
        inbox.push(entry(port, text), u64::from(port))
    }

    /// How many of so many datagrams of one sender find a place.
    fn flood(inbox: &mut Inbox, port: u16, text: &str, count: usize) -> usize {
        (0..count).filter(|_| push(inbox, port, text)).count()
    }

    #[test]
    fn p7_a_flood_from_one_sender_leaves_half_of_the_places_for_the_others() {
        let mut inbox = Inbox::default();
        assert_eq!(flood(&mut inbox, 1, "m", MAX_GROUP), MAX_GROUP / 2, "also when it is alone");
        assert!((2..12).all(|port| push(&mut inbox, port, "m")), "whoever comes later finds one");
        assert!(!push(&mut inbox, 1, "m"));
        let full = inbox.take();
        assert_eq!((full.entries.len(), full.dropped), (MAX_GROUP / 2 + 10, MAX_GROUP as u64 / 2 + 1));

        assert!((2..12).all(|port| push(&mut inbox, port, "m")));
        assert!(flood(&mut inbox, 1, "m", MAX_GROUP) < MAX_GROUP / 2, "the next group begins anew");
        assert!((2..12).all(|port| push(&mut inbox, port, "m")), "among others it may not have more");
    }

    #[test]
    fn p7_a_flood_of_long_datagrams_leaves_half_of_the_bytes_for_the_others() {
        let (mut inbox, long) = (Inbox::default(), "x".repeat(4_096));
        assert_eq!(flood(&mut inbox, 1, &long, 1_000), MAX_GROUP_BYTES / 2 / 4_096);
        assert!((2..130).all(|port| push(&mut inbox, port, &long)));
        assert!(!push(&mut inbox, 130, &long), "all of it is taken");
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let (mut inbox, long) = (Inbox::default(), "x".repeat(4_096));
        let taken = (0..2_000).filter(|port| push(&mut inbox, *port, &long)).count();
        assert_eq!(taken, MAX_GROUP_BYTES / 4_096);
        let group = inbox.take();
        assert_eq!((group.entries.len(), group.dropped), (taken, 2_000 - taken as u64));
    }
}
