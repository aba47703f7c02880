//! What lies between: the line (datagrams, meters to gateways and back) and the road (requests, gateways to the cloud).
//! Each says what becomes of what is sent, and holds nothing.

use super::{
    agenda::{HOUR, MINUTE, Millis, SECOND},
    plan::below,
    tally::{Counts, Strike},
};
use crate::rng::Rng;

/// The line, in percent of datagrams.
#[derive(Debug, Clone)]
pub struct Line {
    /// Never arrive.
    pub loss: u64,
    /// Arrive twice.
    pub twice: u64,
    /// Arrive late, out of order: seconds to [`Line::LATEST`].
    pub late: u64,
    /// A damaged copy arrives as well, as if from a stranger: what a checksum stops comes from somewhere else.
    pub damaged: u64,
    /// Replies that never arrive.
    pub deaf: u64,
    /// Replies that arrive damaged.
    pub garbled: u64,
}

impl Line {
    /// The longest delay of a datagram. With the meters' own patience it stays well under the re-send window.
    pub const LATEST: Millis = 3 * HOUR;
    /// And the longest where nothing goes wrong.
    pub const USUAL: Millis = 200;

    /// A line as bad as chance will have it.
    #[must_use]
    pub fn new(rng: &mut Rng) -> Self {
        let mut some = |chance: u64, most: u64| if rng.chance(chance) { rng.below(most + 1) } else { 0 };
        Self {
            loss: some(60, 60),
            twice: some(40, 30),
            late: some(50, 20),
            damaged: some(30, 20),
            deaf: some(50, 60),
            garbled: some(30, 40),
        }
    }

    /// A line on which nothing goes wrong.
    #[must_use]
    pub fn good() -> Self {
        Self { loss: 0, twice: 0, late: 0, damaged: 0, deaf: 0, garbled: 0 }
    }

    /// When the copies of a datagram arrive.
    pub fn carry(&self, rng: &mut Rng, counts: &mut Counts) -> Vec<Millis> {
        let copies = if rng.chance(self.twice) { 2 } else { 1 };
        let mut arrivals = Vec::new();
        for _ in 0..copies {
            if !rng.chance(self.loss) {
                arrivals.push(self.delay(rng));
            }
        }
        counts.hits(Strike::DatagramLost, copies - arrivals.len() as u64);
        counts.hits(Strike::DatagramTwice, u64::from(arrivals.len() > 1));
        let late = arrivals.iter().filter(|delay| **delay > Self::USUAL);
        counts.hits(Strike::DatagramLate, late.count() as u64);
        arrivals
    }

    /// When a reply arrives, if it does.
    pub fn carry_reply(&self, rng: &mut Rng) -> Option<Millis> {
        (!rng.chance(self.deaf)).then(|| self.delay(rng))
    }

    fn delay(&self, rng: &mut Rng) -> Millis {
        match rng.chance(self.late) {
            true if rng.chance(30) => below(rng, Self::LATEST),
            true => below(rng, 2 * MINUTE),
            false => 1 + below(rng, Self::USUAL),
        }
    }
}

/// Flips some bits of `bytes`, or cuts them short.
pub fn damage(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if rng.chance(40) {
        let length = usize::try_from(rng.below(bytes.len() as u64 + 1)).unwrap_or(0);
        bytes.truncate(length);
        return bytes;
    }
    for _ in 0..=rng.below(3) {
        let place = usize::try_from(rng.below(bytes.len() as u64)).unwrap_or(0);
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << rng.below(8);
        }
    }
    bytes
}

/// The road, in percent of requests.
#[derive(Debug, Clone)]
pub struct Road {
    /// The request does not arrive.
    pub lost: u64,
    /// The answer does not arrive: the cloud has committed.
    pub deaf: u64,
    /// Somebody else answers, whatever the request.
    pub stranger: u64,
    /// The answer is cut short.
    pub cut: u64,
    /// The request arrives twice.
    pub twice: u64,
    /// The request arrives when its sender has given up on it.
    pub late: u64,
    /// A copy of the request arrives hours later.
    pub hours: u64,
    /// A reference upload ends between two lines.
    pub short: u64,
    /// A refusal arrives damaged, so that it cannot be understood.
    pub garbled: u64,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage {
    /// It arrives after that, each copy.
    Arrives(Vec<Millis>),
    /// It does not.
    Lost,
    /// A proxy or a captive portal answers in the cloud's place.
    Stranger,
}

impl Road {
    /// How long a gateway waits for an answer.
    pub const PATIENCE: Millis = MINUTE;

    /// A road as bad as chance will have it.
    #[must_use]
    pub fn new(rng: &mut Rng, text: bool) -> Self {
        let mut some = |chance: u64, most: u64| if rng.chance(chance) { rng.below(most + 1) } else { 0 };
        Self {
            lost: some(40, 40),
            deaf: some(50, 50),
            stranger: some(25, 30),
            cut: some(20, 20),
            twice: some(25, 20),
            // An undated upload that comes late is dated late: its gateway cannot know.
            late: if text { 0 } else { some(25, 15) },
            hours: 0,
            short: 0,
            garbled: 0,
        }
    }

    /// What came later to the simulator.
    pub fn add_more(&mut self, rng: &mut Rng, text: bool) {
        let mut some = |chance: u64, most: u64| if rng.chance(chance) { rng.below(most + 1) } else { 0 };
        self.hours = some(25, 20);
        self.short = if text { some(50, 30) } else { 0 };
        self.garbled = some(40, 40);
    }

    /// A road on which nothing goes wrong.
    #[must_use]
    pub fn good() -> Self {
        Self { lost: 0, deaf: 0, stranger: 0, cut: 0, twice: 0, late: 0, hours: 0, short: 0, garbled: 0 }
    }

    /// What becomes of a request.
    pub fn carry(&self, rng: &mut Rng) -> Passage {
        if rng.chance(self.lost) {
            return Passage::Lost;
        }
        if rng.chance(self.stranger) {
            return Passage::Stranger;
        }
        let first = if rng.chance(self.late) {
            Self::PATIENCE + below(rng, 5 * MINUTE)
        } else {
            1 + below(rng, SECOND)
        };
        let mut arrivals = vec![first];
        if rng.chance(self.twice) {
            arrivals.push(first + below(rng, 10 * SECOND));
        }
        Passage::Arrives(arrivals)
    }
}
