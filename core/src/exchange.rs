//! The device's side of handing over one datagram: send, wait, send again with growing pauses, give up.
//!
//! The reply carries no name of what it answers, so one exchange must own its socket: on a socket that an earlier
//! datagram used, a late reply to that one would pass for the reply to this one, and a day would be lost.

use crate::{
    bug::{self, Bug},
    reply::{self, Reply},
};
use alloc::string::String;
use core::time::Duration;

/// The pause after the first sending; it doubles from one to the next.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, before jitter.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// One datagram's exchange with a gateway. Time is whatever monotonic clock the caller has, as a duration since
/// any fixed moment.
#[derive(Debug)]
pub struct Exchange {
    give_up_at: Duration,
    next_send: Duration,
    pause: Duration,
    attempts: u32,
    /// State of the jitter's generator; never zero.
    jitter: u64,
    /// Why the gateway would not take it last time, if it said so.
    put_off: Option<String>,
    outcome: Option<Outcome>,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The gateway has it, durably.
    Acknowledged,
    /// The gateway will never take it, for this reason: sending it again is of no use.
    Refused(String),
    /// Time was up. If the gateway put the device off meanwhile, its reason stands here.
    GaveUp(Option<String>),
}

/// What the caller has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send the datagram, then ask again.
    Send,
    /// Wait for a reply, no longer than until this moment, then ask again.
    WaitUntil(Duration),
    /// Nothing more.
    Done(Outcome),
}

impl Exchange {
    /// An exchange that starts `now` and is given up after `give_up`. `seed` decides its jitter: devices that
    /// start together must not send again together.
    #[must_use]
    pub fn new(now: Duration, give_up: Duration, seed: u64) -> Self {
        Self {
            give_up_at: now.saturating_add(give_up),
            next_send: now,
            pause: FIRST_PAUSE,
            attempts: 0,
            jitter: seed | 1,
            put_off: None,
            outcome: None,
        }
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Duration) -> Step {
        if let Some(outcome) = &self.outcome {
            return Step::Done(outcome.clone());
        }
        // The first copy goes out even if there is no time to wait for its reply.
        if now >= self.give_up_at && self.attempts > 0 {
            let outcome = Outcome::GaveUp(self.put_off.take());
            self.outcome = Some(outcome.clone());
            return Step::Done(outcome);
        }
        if now < self.next_send {
            return Step::WaitUntil(self.next_send.min(self.give_up_at));
        }
        self.attempts = self.attempts.saturating_add(1);
        self.next_send = now.saturating_add(self.jittered_pause());
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        Step::Send
    }

    /// Takes what came back. Anything but an answer of ours is ignored.
    pub fn handle_reply(&mut self, bytes: &[u8]) {
        if self.outcome.is_some() {
            return;
        }
        match reply::parse(bytes) {
            Reply::Accepted => self.outcome = Some(Outcome::Acknowledged),
            Reply::Refused { reason, again: false } => self.outcome = Some(Outcome::Refused(reason)),
            Reply::Refused { reason, again: true } => self.put_off = Some(reason),
            Reply::Unknown if bug::on(Bug::AnyReplyCounts) => self.outcome = Some(Outcome::Acknowledged),
            Reply::Unknown => {}
        }
    }

    /// How often the datagram was sent.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The pause and up to half as much again.
    fn jittered_pause(&mut self) -> Duration {
        // Marsaglia's xorshift64: spread is all that is asked of it.
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        let half = u64::try_from(self.pause.as_micros()).unwrap_or(u64::MAX) / 2;
        self.pause.saturating_add(Duration::from_micros(self.jitter % half.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Runs an exchange that nobody answers; returns when it sent, and how it ended.
    fn unanswered(seed: u64) -> (Vec<Duration>, Outcome) {
        let (mut now, mut sent) = (Duration::from_secs(100), Vec::new());
        let mut exchange = Exchange::new(now, Duration::from_secs(60), seed);
        loop {
            match exchange.poll(now) {
                Step::Send => sent.push(now),
                Step::WaitUntil(next) => now = next,
                Step::Done(outcome) => return (sent, outcome),
            }
        }
    }

    #[test]
    fn it_sends_again_with_growing_pauses_until_it_gives_up() {
        for seed in 0..200 {
            let (sent, outcome) = unanswered(seed);
            assert_eq!(outcome, Outcome::GaveUp(None), "seed {seed}");
            assert!((7..=11).contains(&sent.len()), "seed {seed}: {sent:?}");
            let pauses: Vec<_> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
            for (index, pause) in pauses.iter().enumerate() {
                let least = FIRST_PAUSE * 2_u32.pow(u32::try_from(index.min(3)).unwrap());
                assert!((least..least * 3 / 2).contains(pause), "seed {seed}: pause {index} is {pause:?}");
            }
        }
        assert_ne!(unanswered(1), unanswered(3), "two devices do not stay in step");
    }

    #[test]
    fn it_ends_with_the_gateways_word() {
        let now = Duration::ZERO;
        let mut exchange = Exchange::new(now, Duration::from_secs(60), 7);
        assert_eq!(exchange.poll(now), Step::Send);
        exchange.handle_reply(b"what?");
        assert!(matches!(exchange.poll(now), Step::WaitUntil(_)), "noise does not end it");
        exchange.handle_reply(reply::ARRIVED.as_bytes());
        exchange.handle_reply(b"Surveys refused: too late");
        assert_eq!(exchange.poll(now), Step::Done(Outcome::Acknowledged));

        let mut exchange = Exchange::new(now, Duration::from_secs(60), 7);
        exchange.poll(now);
        exchange.handle_reply(b"Surveys refused: line 1: no");
        assert_eq!(exchange.poll(now), Step::Done(Outcome::Refused("line 1: no".into())));
    }

    #[test]
    fn a_gateway_that_is_full_is_asked_again() {
        let mut exchange = Exchange::new(Duration::ZERO, Duration::from_secs(3), 7);
        assert_eq!(exchange.poll(Duration::ZERO), Step::Send);
        exchange.handle_reply(b"Surveys refused: the journal is full; try again later");
        assert_eq!(exchange.poll(Duration::from_secs(2)), Step::Send);
        let end = Step::Done(Outcome::GaveUp(Some("the journal is full".into())));
        assert_eq!(exchange.poll(Duration::from_secs(3)), end);
        assert_eq!(exchange.attempts(), 2);
        assert_eq!(exchange.poll(Duration::from_secs(4)), end, "it stays ended");
    }

    #[test]
    fn with_no_time_at_all_it_still_sends_once() {
        let mut exchange = Exchange::new(Duration::ZERO, Duration::ZERO, 7);
        assert_eq!(exchange.poll(Duration::ZERO), Step::Send);
        assert_eq!(exchange.poll(Duration::ZERO), Step::Done(Outcome::GaveUp(None)));
    }
}
