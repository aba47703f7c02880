//! What waits for the next commit: bounded, and fair to every sender. No lock, no socket, no clock.
//!
//! Half of the places, in number and in bytes, are for whoever comes first. Of the other half nobody gets one who has had
//! an even share, reckoned as if one more sender were to come: so one that floods, and be it alone, leaves half for the others.
//!
//! A sender is an address and a port, for many meters may stand behind one address. But whoever opens many ports must not have as many
//! shares: addresses have even shares, too. As long as an address has not used up its own, each of its ports gets what it asks for; and the last
//! quarter is for such addresses only.

use std::{
    mem,
    net::{IpAddr, SocketAddr},
};

use fieldpost_core::bug::{self, Bug};

use super::decide::Datagram;
use crate::journal::Order;

/// Datagrams that wait at most.
pub(crate) const MAX_GROUP: usize = 4_096;
/// What they may take in memory.
pub(super) const MAX_GROUP_BYTES: usize = 1 << 20;
/// Senders are told apart by this many counters, and so are addresses; two in one counter share a share.
const COUNTERS: usize = 1_024;

/// Who sends a datagram, told apart from others by two numbers.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    /// Any number that what comes from this network address has in common.
    pub address: u64,
    /// And what comes from this host and port there.
    pub port: u64,
}

impl Sender {
    /// The one at `peer`; `number` makes numbers.
    pub(super) fn of(peer: SocketAddr, number: &dyn Fn(&[u8]) -> u64) -> Self {
        let mut bytes = [0; 18];
        let (host, port) = bytes.split_at_mut(16);
        // Who has one address of IPv6 has all 2^64 of its network; those of a site are neighbours there all the same.
        let network = match peer.ip().to_canonical() {
            IpAddr::V4(address) => {
                host.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
                4
            }
            IpAddr::V6(address) => {
                host.copy_from_slice(&address.octets());
                8
            }
        };
        port.copy_from_slice(&peer.port().to_be_bytes());
        Self { address: number(bytes.get(..network).unwrap_or_default()), port: number(&bytes) }
    }
}

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
#[derive(Debug, Default)]
pub struct Inbox {
    pub(super) group: Group,
    bytes: usize,
    /// What waits of each port, and of each address.
    ports: Shares,
    addresses: Shares,
}

/// What waits of each sender, by counter.
#[derive(Debug)]
struct Shares {
    counters: Box<[Share]>,
    senders: usize,
}

/// What waits of one sender.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    datagrams: usize,
    bytes: usize,
}

impl Inbox {
    /// Adds a datagram, if there is place for it; says whether there was.
    pub fn push(&mut self, entry: Entry, sender: Sender) -> bool {
        let waiting = self.group.entries.len();
        let weight = entry.datagram.weight();
        let bytes = self.bytes.saturating_add(weight);
        let behind = |part: usize| waiting >= MAX_GROUP / 4 * part || bytes > MAX_GROUP_BYTES / 4 * part;
        let refused = behind(4)
            || (behind(2)
                && self.addresses.are_used_up(sender.address, weight)
                && (behind(3) || self.ports.are_used_up(sender.port, weight)));
        if refused {
            self.group.dropped = self.group.dropped.saturating_add(1);
            return false;
        }
        self.addresses.count(sender.address, weight);
        self.ports.count(sender.port, weight);
        self.bytes = bytes;
        self.group.entries.push(entry);
        true
    }

    /// Takes all that waits.
    pub fn take(&mut self) -> Group {
        self.bytes = 0;
        self.ports.begin();
        self.addresses.begin();
        mem::take(&mut self.group)
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self { counters: vec![Share::default(); COUNTERS].into_boxed_slice(), senders: 0 }
    }
}

impl Shares {
    fn begin(&mut self) {
        self.senders = 0;
        self.counters.fill(Share::default());
    }

    /// Whether a sender has no place left for a datagram of that weight. Its first one always has.
    fn are_used_up(&self, sender: u64, weight: usize) -> bool {
        let share = self.counters.get(counter(sender)).copied().unwrap_or_default();
        let shares = self.senders.saturating_add(1);
        let full = share.datagrams >= MAX_GROUP / shares
            || share.bytes.saturating_add(weight) > MAX_GROUP_BYTES / shares;
        full && share.datagrams > 0 && !bug::on(Bug::NoFairShare)
    }

    fn count(&mut self, sender: u64, weight: usize) {
        let Some(share) = self.counters.get_mut(counter(sender)) else { return };
        self.senders = self.senders.saturating_add(usize::from(share.datagrams == 0));
        share.datagrams = share.datagrams.saturating_add(1);
        share.bytes = share.bytes.saturating_add(weight);
    }
}

fn counter(sender: u64) -> usize {
    usize::try_from(sender % COUNTERS as u64).unwrap_or(0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::intake::decide;
    use fieldpost_core::UtcInstant;
    use jiff::tz::TimeZone;

    /// A datagram of sender number `port`, who has an address of its own unless another is told.
    pub(in crate::intake) fn entry(port: u16, text: &str) -> Entry {
        let peer = SocketAddr::from(([127, 0, 0, 1], port));
        let now = UtcInstant::from_millis(1_800_000_000_000);
        let datagram = decide::read(text.as_bytes(), text.len(), peer.ip(), now, &TimeZone::UTC);
        Entry { socket: 0, peer, datagram }
    }

    fn push(inbox: &mut Inbox, port: u16, text: &str) -> bool {
        push_from(inbox, u64::from(port), port, text)
    }

    fn push_from(inbox: &mut Inbox, address: u64, port: u16, text: &str) -> bool {
        inbox.push(entry(port, text), Sender { address, port: u64::from(port) })
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

    /// The crowd uses up every counter of ports.
    #[test]
    fn p7_a_flood_from_many_ports_of_one_address_leaves_a_quarter_for_other_addresses() {
        for text in ["m", &"x".repeat(4_096)] {
            let mut inbox = Inbox::default();
            let crowd = (0..5_000).filter(|port| push_from(&mut inbox, 1, *port, text)).count();
            let most = MAX_GROUP.min(MAX_GROUP_BYTES / entry(1, text).datagram.weight());
            assert!(crowd * 4 <= most * 3, "{crowd} of {most}");
            let others = (0..60).filter(|number| push_from(&mut inbox, 2 + number / 10, 7, text)).count();
            assert_eq!(others, 60, "who are six with ten each, from a port that the crowd has used up");
            assert!(!push_from(&mut inbox, 1, 6_001, text), "not for a new port of the crowd's address");
        }
    }

    #[test]
    fn p7_a_flood_from_one_port_leaves_places_for_its_neighbours_behind_the_same_address() {
        let mut inbox = Inbox::default();
        let flood = (0..MAX_GROUP).filter(|_| push_from(&mut inbox, 1, 1, "m")).count();
        assert_eq!(flood, MAX_GROUP / 2);
        assert!((2..1_000).all(|port| push_from(&mut inbox, 1, port, "m")));
        assert!(!push_from(&mut inbox, 1, 1, "m"));
    }

    #[test]
    fn an_address_is_known_by_its_network_and_a_port_by_both() {
        let number = |bytes: &[u8]| {
            bytes.iter().fold(0, |sum: u64, byte| sum.wrapping_mul(257).wrapping_add((*byte).into()))
        };
        let of = |peer: &str| {
            let Sender { address, port } = Sender::of(peer.parse().unwrap(), &number);
            (address, port)
        };
        assert_eq!(of("192.0.2.1:5"), of("[::ffff:192.0.2.1]:5"));
        assert_eq!(of("192.0.2.1:5").0, of("192.0.2.1:6").0);
        assert_ne!(of("192.0.2.1:5").1, of("192.0.2.1:6").1);
        assert_ne!(of("192.0.2.1:5"), of("192.0.2.2:5"));
        assert_eq!(of("[2001:db8::1]:5").0, of("[2001:db8::2]:5").0, "one network");
        assert_ne!(of("[2001:db8::1]:5").1, of("[2001:db8::2]:5").1, "two neighbours");
        assert_ne!(of("[2001:db8::1]:5").0, of("[2001:db8:0:1::1]:5").0);
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
