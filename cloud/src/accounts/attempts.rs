//! Attempts to sign in, limited: by name and by address, with a delay that grows. No clock, no I/O.
//!
//! A name that is somebody's and one that is nobody's are treated alike, so nothing is learnt from being refused. The
//! tables are bounded. When one is full, the one that failed least makes room, so nobody gets rid of a count of his own
//! without raising thousands of others above it, and the names that are somebody's are never pushed out by others.
//!
//! A crowd of addresses that tries somebody's name makes everybody else who tries it wait. Its owner is let through in a browser in
//! which he signed in before: such attempts are counted by themselves, with the same limits.

use super::{names::MAX_NAME, sign_in::Known};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// Attempts that may fail without a delay: people mistype.
const FREE: u32 = 5;
/// The delay after the first one more; it doubles with each that follows.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest delay for a name. An attacker makes its owner wait, too, in a browser that is new, so it is short.
const LONGEST_BY_NAME: Duration = Duration::from_secs(60);
/// The longest delay for an address.
const LONGEST_BY_ADDRESS: Duration = Duration::from_secs(15 * 60);
/// After so long without an attempt all is forgotten.
const FORGET: Duration = Duration::from_secs(60 * 60);
/// Names that are nobody's, and addresses, that are remembered.
const MAX_TRACKED: usize = 4_096;
/// Who tries.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// As whom.
    pub(super) name: String,
    /// Whether that is somebody.
    pub(super) known: Known,
    /// From where.
    pub(super) address: IpAddr,
}

/// Everybody's attempts.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Names that are somebody's, in browsers that are new.
    known: Table<String>,
    /// The same in browsers in which they were.
    here: Table<String>,
    strangers: Table<String>,
    addresses: Table<IpAddr>,
}

#[derive(Debug)]
struct Table<K> {
    limit: usize,
    longest: Duration,
    tracked: BTreeMap<K, Tracked>,
}

#[derive(Debug, Clone, Copy)]
struct Tracked {
    failures: u32,
    last: Duration,
}

impl Attempts {
    /// Nobody's yet; there are at most `users` names that are somebody's.
    pub(super) fn new(users: usize) -> Self {
        Self {
            known: Table::new(users, LONGEST_BY_NAME),
            here: Table::new(users, LONGEST_BY_NAME),
            strangers: Table::new(MAX_TRACKED, LONGEST_BY_NAME),
            addresses: Table::new(MAX_TRACKED, LONGEST_BY_ADDRESS),
        }
    }

    /// Begins an attempt at `now`, by a clock that only goes forward, or says how long to wait. It counts as failed until
    /// it succeeded: a thousand at once are a thousand, not one.
    pub(super) fn begin(&mut self, claim: &Claim, now: Duration) -> Result<(), Duration> {
        let (name, address) = (name(claim), network(claim.address));
        let wait = self.names(claim).wait(&name, now).max(self.addresses.wait(&address, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        self.names(claim).count(name, now);
        self.addresses.count(address, now);
        Ok(())
    }

    /// The attempt succeeded. The address only gets this one back: else whoever has a password of his own could guess
    /// others' for ever.
    pub(super) fn succeeded(&mut self, claim: &Claim) {
        self.names(claim).tracked.remove(&name(claim));
        self.take_back_address(claim);
    }

    /// Nothing came of the attempt, through no fault of whoever tried.
    pub(super) fn never_mind(&mut self, claim: &Claim) {
        self.names(claim).take_back(&name(claim));
        self.take_back_address(claim);
    }

    /// Where the claim's name is counted.
    fn names(&mut self, claim: &Claim) -> &mut Table<String> {
        match claim.known {
            Known::Nobody => &mut self.strangers,
            Known::Somebody => &mut self.known,
            Known::Here => &mut self.here,
        }
    }

    fn take_back_address(&mut self, claim: &Claim) {
        self.addresses.take_back(&network(claim.address));
    }
}

impl<K: Ord + Clone> Table<K> {
    fn new(limit: usize, longest: Duration) -> Self {
        Self { limit: limit.max(1), longest, tracked: BTreeMap::new() }
    }

    /// How long `key` has to wait.
    fn wait(&self, key: &K, now: Duration) -> Duration {
        let Some(tracked) = self.tracked.get(key).filter(|tracked| tracked.counts(now)) else {
            return Duration::ZERO;
        };
        tracked.last.saturating_add(delay(tracked.failures, self.longest)).saturating_sub(now)
    }

    fn count(&mut self, key: K, now: Duration) {
        if !self.tracked.contains_key(&key) && self.tracked.len() >= self.limit {
            self.make_room(now);
        }
        let tracked = self.tracked.entry(key).or_insert(Tracked { failures: 0, last: now });
        let failures = if tracked.counts(now) { tracked.failures } else { 0 };
        *tracked = Tracked { failures: failures.saturating_add(1), last: now };
    }

    /// Forgets those whose time is over, or else the one that failed least.
    fn make_room(&mut self, now: Duration) {
        self.tracked.retain(|_, tracked| tracked.counts(now));
        if self.tracked.len() < self.limit {
            return;
        }
        let weakest = self.tracked.iter().min_by_key(|(_, tracked)| (tracked.failures, tracked.last));
        if let Some(weakest) = weakest.map(|(key, _)| key.clone()) {
            self.tracked.remove(&weakest);
        }
    }

    fn take_back(&mut self, key: &K) {
        if let Some(tracked) = self.tracked.get_mut(key) {
            tracked.failures = tracked.failures.saturating_sub(1);
        }
    }
}

impl Tracked {
    /// Whether it is not forgotten.
    fn counts(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) < FORGET
    }
}

/// How long to wait after so many failures.
fn delay(failures: u32, longest: Duration) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => FIRST_DELAY.saturating_mul(1 << more.min(16)).min(longest),
    }
}

fn name(claim: &Claim) -> String {
    claim.name.chars().take(MAX_NAME).collect()
}

/// Whoever has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => std::net::Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn claim(name: &str, known: bool, address: &str) -> Claim {
        let known = if known { Known::Somebody } else { Known::Nobody };
        Claim { name: name.into(), known, address: address.parse().unwrap() }
    }

    /// Tries as soon as possible, so many times; says when each attempt began.
    fn tries(attempts: &mut Attempts, claim: &Claim, mut now: Duration, times: usize) -> Vec<u64> {
        let mut began = Vec::new();
        while began.len() < times {
            match attempts.begin(claim, now) {
                Ok(()) => began.push(now.as_secs()),
                Err(wait) => now += wait,
            }
        }
        began
    }

    #[test]
    fn the_delay_doubles_and_is_the_same_for_a_name_that_is_nobodys() {
        for known in [true, false] {
            let mut attempts = Attempts::new(10);
            let mut now = seconds(0);
            // Each from another address, as a crowd does it.
            let mut began = Vec::new();
            for n in 0..13 {
                let claim = claim("ann", known, &format!("192.0.2.{n}"));
                now = seconds(tries(&mut attempts, &claim, now, 1)[0]);
                began.push(now.as_secs());
            }
            assert_eq!(began, [0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 63, 123, 183], "{known}");
        }
    }

    #[test]
    fn an_address_waits_longer_whatever_names_it_tries() {
        let mut attempts = Attempts::new(10);
        let mut now = seconds(0);
        for n in 0..16 {
            let claim = claim(&format!("user{n}"), false, "192.0.2.1");
            now = seconds(tries(&mut attempts, &claim, now, 1)[0]);
        }
        let wait = attempts.begin(&claim("other", true, "192.0.2.1"), now).unwrap_err();
        assert_eq!(wait, LONGEST_BY_ADDRESS);
        attempts.begin(&claim("other", true, "192.0.2.2"), now).unwrap();
    }

    #[test]
    fn a_crowd_at_a_name_does_not_keep_its_owner_out_of_a_browser_in_which_he_was() {
        let mut attempts = Attempts::new(10);
        let crowd = |n: u32| claim("ann", true, &std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string());
        for n in 0..100 {
            let _ = attempts.begin(&crowd(n), seconds(0));
        }
        attempts.begin(&claim("ann", true, "192.0.2.1"), seconds(0)).unwrap_err();
        let ann = Claim { known: Known::Here, ..claim("ann", true, "192.0.2.1") };
        attempts.begin(&ann, seconds(0)).unwrap();
        attempts.succeeded(&ann);
        attempts.begin(&crowd(200), seconds(0)).unwrap_err();
        // Whoever stole what the browser shows has no more attempts than others, from however many addresses.
        let thief = |n: u32| Claim { known: Known::Here, ..crowd(n) };
        let began = (0..1_000).filter(|n| attempts.begin(&thief(*n), seconds(0)).is_ok()).count();
        assert_eq!(began, 5);
    }

    #[test]
    fn an_attempt_counts_from_its_beginning_and_not_while_it_has_to_wait() {
        let mut attempts = Attempts::new(10);
        let claim = claim("ann", true, "192.0.2.1");
        for _ in 0..5 {
            attempts.begin(&claim, seconds(0)).unwrap();
        }
        for _ in 0..1_000 {
            assert_eq!(attempts.begin(&claim, seconds(0)), Err(seconds(1)));
        }
        attempts.begin(&claim, seconds(1)).unwrap();
    }

    #[test]
    fn a_success_frees_the_name_but_not_the_address_from_what_it_did_before() {
        let mut attempts = Attempts::new(10);
        let (own, others) = (claim("own", true, "192.0.2.1"), claim("ann", true, "192.0.2.1"));
        for _ in 0..4 {
            attempts.begin(&others, seconds(0)).unwrap();
        }
        attempts.begin(&own, seconds(0)).unwrap();
        attempts.succeeded(&own);
        attempts.begin(&others, seconds(0)).unwrap();
        assert_eq!(attempts.begin(&own, seconds(0)), Err(seconds(1)), "by its address");
        attempts.begin(&claim("own", true, "192.0.2.2"), seconds(0)).unwrap();
    }

    #[test]
    fn what_failed_through_the_clouds_own_fault_does_not_count() {
        let mut attempts = Attempts::new(10);
        let claim = claim("ann", true, "192.0.2.1");
        for _ in 0..100 {
            attempts.begin(&claim, seconds(0)).unwrap();
            attempts.never_mind(&claim);
        }
        attempts.begin(&claim, seconds(0)).unwrap();
    }

    #[test]
    fn a_crowd_of_new_names_and_addresses_wipes_out_no_count_that_matters() {
        let mut attempts = Attempts::new(10);
        let (ann, nobody) = (claim("ann", true, "192.0.2.1"), claim("nobody", false, "192.0.2.1"));
        for claim in [&ann, &nobody, &ann, &nobody, &ann, &nobody, &ann] {
            let _ = attempts.begin(claim, seconds(0));
        }
        for n in 0..6_000_u32 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string();
            let _ = attempts.begin(&claim(&format!("crowd{n}"), false, &address), seconds(0));
        }
        assert_eq!(attempts.addresses.tracked.len(), MAX_TRACKED);
        assert_eq!(attempts.strangers.tracked.len(), MAX_TRACKED);
        assert_eq!(attempts.known.tracked["ann"].failures, 3);
        assert_eq!(attempts.strangers.tracked["nobody"].failures, 2);
        assert_eq!(attempts.begin(&ann, seconds(0)), Err(seconds(1)), "by its address");
    }

    #[test]
    fn all_is_forgotten_after_an_hour_of_rest_and_an_ipv6_network_is_one_address() {
        let mut attempts = Attempts::new(10);
        for host in 1..=5 {
            attempts.begin(&claim("ann", true, &format!("2001:db8::{host}")), seconds(0)).unwrap();
        }
        let sixth = claim("bob", true, "2001:db8::6");
        assert_eq!(attempts.begin(&sixth, seconds(0)), Err(seconds(1)));
        attempts.begin(&claim("bob", true, "2001:db8:0:1::6"), seconds(0)).unwrap();
        let began = tries(&mut attempts, &sixth, seconds(3_600), 5);
        assert_eq!(began, [3_600; 5]);
    }
}
