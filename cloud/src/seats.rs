//! Who may be connected: a listener has so many seats (promise P6), and silent peers never keep others out of them.
//!
//! When all are taken, a newcomer gets that of a connection which only waits for its peer: for a first byte, the rest
//! of a message, the next request. Of these it is one of the address that has most seats, and of those the one that has
//! been silent longest. A connection whose message is being stored or answered keeps its seat.
//!
//! ```text
//!             engage                answered
//!   Waiting ----------> Working ----------------> Answering
//!      ^                                              |
//!      +-------- everything written, reads again -----+
//! ```

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

/// A listener's seats.
#[derive(Clone)]
pub(crate) struct Seats(Arc<Shared>);

struct Shared {
    limit: usize,
    table: Mutex<Table>,
    /// A seat became free, or could be freed.
    changed: Notify,
}

#[derive(Default)]
struct Table {
    taken: BTreeMap<u64, Taken>,
    next: u64,
}

struct Taken {
    peer: IpAddr,
    state: State,
    /// Dropped when the seat is given to another, or up.
    _stay: oneshot::Sender<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For the peer, which has been silent since.
    Waiting(Instant),
    /// A whole message is being stored, or a question looked up.
    Working,
    /// The answer is on its way.
    Answering,
}

/// One connection's seat; free again when dropped.
pub(crate) struct Seat {
    shared: Arc<Shared>,
    number: u64,
}

/// Resolves when the seat has been given to another, or up.
pub(crate) type Lost = oneshot::Receiver<()>;

impl Seats {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared { limit, table: Mutex::default(), changed: Notify::new() }))
    }

    /// Takes a seat for a connection from `peer`; waits only while every connection is at work.
    pub(crate) async fn take(&self, peer: IpAddr) -> (Seat, Lost) {
        loop {
            if let Some(seat) = self.try_take(peer) {
                return seat;
            }
            self.0.changed.notified().await;
        }
    }

    fn try_take(&self, peer: IpAddr) -> Option<(Seat, Lost)> {
        let mut table = self.0.lock();
        if table.taken.len() >= self.0.limit {
            let silent = table.most_dispensable(peer)?;
            if let Some(taken) = table.taken.remove(&silent) {
                tracing::info!(peer = %taken.peer, "a silent connection was closed to make room");
            }
        }
        let number = table.next;
        table.next = number.wrapping_add(1);
        let (_stay, lost) = oneshot::channel();
        table.taken.insert(number, Taken { peer, state: State::Waiting(Instant::now()), _stay });
        Some((Seat { shared: Arc::clone(&self.0), number }, lost))
    }
}

impl Table {
    /// The one whose seat `newcomer` gets, if one is waiting.
    fn most_dispensable(&self, newcomer: IpAddr) -> Option<u64> {
        let mut seats = BTreeMap::from([(newcomer, 1_usize)]);
        for taken in self.taken.values() {
            *seats.entry(taken.peer).or_default() += 1;
        }
        let waiting = self.taken.iter().filter_map(|(number, taken)| match taken.state {
            State::Waiting(since) => Some((seats.get(&taken.peer), Reverse(since), Reverse(*number))),
            State::Working | State::Answering => None,
        });
        waiting.max().map(|(_, _, Reverse(number))| number)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The message is whole: from now on the seat is kept. If it has just been lost this never returns, so that
    /// nothing is begun any more, and the connection is about to be dropped.
    pub(crate) async fn engage(&self) {
        if self.change(|_| Some(State::Working)).is_none() {
            std::future::pending().await
        }
    }

    /// The answer is known; it remains to be written.
    pub(crate) fn answered(&self) {
        self.change(|_| Some(State::Answering));
    }

    /// The peer said something.
    pub(crate) fn heard(&self) {
        self.change(|state| match state {
            State::Waiting(_) => Some(State::Waiting(Instant::now())),
            State::Working | State::Answering => None,
        });
    }

    /// Everything is written, and it is the peer's turn.
    pub(crate) fn waits(&self) {
        let changed = self.change(|state| match state {
            State::Answering => Some(State::Waiting(Instant::now())),
            State::Working | State::Waiting(_) => None,
        });
        if changed == Some(true) {
            self.shared.changed.notify_one();
        }
    }

    /// Ends the connection, whatever it is at.
    pub(crate) fn give_up(&self) {
        self.shared.lock().taken.remove(&self.number);
        self.shared.changed.notify_one();
    }

    /// Whether the state was changed; None if the seat is lost.
    fn change(&self, change: impl FnOnce(State) -> Option<State>) -> Option<bool> {
        let mut table = self.shared.lock();
        let taken = table.taken.get_mut(&self.number)?;
        let next = change(taken.state);
        taken.state = next.unwrap_or(taken.state);
        Some(next.is_some())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    async fn second() {
        tokio::time::advance(Duration::from_secs(1)).await;
    }

    fn is_lost((_, lost): &mut (Seat, Lost)) -> bool {
        lost.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_gets_the_seat_of_the_longest_silent_one() {
        let seats = Seats::new(3);
        let mut first = seats.take(ONE).await;
        second().await;
        let mut next = seats.take(ONE).await;
        second().await;
        let mut last = seats.take(ONE).await;
        second().await;
        first.0.heard();
        let _new = seats.take(ONE).await;
        assert!(!is_lost(&mut first) && is_lost(&mut next) && !is_lost(&mut last));
        let engaged = tokio::time::timeout(Duration::from_secs(1), next.0.engage()).await;
        assert!(engaged.is_err(), "what it was about to do is left");
        drop(next);
        drop(first);
        let _one_more = seats.take(ONE).await;
        assert!(!is_lost(&mut last), "there was room");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_with_many_connections_pays_for_newcomers_and_first_of_all_for_its_own() {
        let seats = Seats::new(4);
        let mut quiet = seats.take(OTHER).await;
        second().await;
        let mut crowd = [seats.take(ONE).await, seats.take(ONE).await, seats.take(ONE).await];
        let mut new = seats.take(OTHER).await;
        assert_eq!(crowd.each_mut().map(is_lost), [true, false, false]);
        second().await;
        // Each has two now, but the newcomer makes it three.
        let _own = seats.take(ONE).await;
        assert_eq!(crowd.each_mut().map(is_lost), [true, true, false]);
        assert!(!is_lost(&mut quiet) && !is_lost(&mut new));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_at_work_keeps_its_seat_until_its_answer_is_written() {
        let seats = Seats::new(2);
        let mut one = seats.take(ONE).await;
        let mut other = seats.take(ONE).await;
        one.0.engage().await;
        other.0.engage().await;
        one.0.waits();
        one.0.answered();
        let newcomer = tokio::spawn({
            let seats = seats.clone();
            async move { seats.take(OTHER).await }
        });
        second().await;
        tokio::task::yield_now().await;
        assert!(!newcomer.is_finished() && !is_lost(&mut one) && !is_lost(&mut other));
        one.0.waits();
        tokio::time::timeout(Duration::from_secs(1), newcomer).await.unwrap().unwrap();
        assert!(is_lost(&mut one) && !is_lost(&mut other));
    }
}
