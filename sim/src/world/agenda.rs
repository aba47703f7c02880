//! Virtual time: what happens next, and when. Nobody sleeps here.

use std::collections::BTreeMap;

/// An instant of true time, or a span of it, in milliseconds; instants count from 1970 in UTC.
pub type Millis = i64;

/// A second.
pub const SECOND: Millis = 1_000;
/// A minute.
pub const MINUTE: Millis = 60 * SECOND;
/// An hour.
pub const HOUR: Millis = 60 * MINUTE;
/// A day.
pub const DAY: Millis = 24 * HOUR;

/// Events in order of time; those of one instant in the order in which they were put here.
#[derive(Debug)]
pub struct Agenda<E> {
    events: BTreeMap<(Millis, u64), E>,
    /// How many were ever put here.
    count: u64,
    now: Millis,
}

impl<E> Agenda<E> {
    /// Nothing is to happen yet.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self { events: BTreeMap::new(), count: 0, now }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Lets `event` happen `delay` from now.
    pub fn after(&mut self, delay: Millis, event: E) {
        self.at(self.now.saturating_add(delay), event);
    }

    /// Lets `event` happen at `time`, or now if that is over.
    pub fn at(&mut self, time: Millis, event: E) {
        self.count += 1;
        self.events.insert((time.max(self.now), self.count), event);
    }

    /// Goes on to the next event, unless that is later than `until`.
    pub fn next(&mut self, until: Millis) -> Option<E> {
        let first = self.events.first_entry()?;
        let time = first.key().0;
        if time > until {
            return None;
        }
        self.now = time;
        Some(first.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_of_time_and_then_of_putting() {
        let mut agenda = Agenda::new(100);
        agenda.after(20, "c");
        agenda.at(110, "a");
        agenda.after(10, "b");
        agenda.at(5, "late");
        agenda.after(1_000, "never");
        let mut seen = Vec::new();
        while let Some(event) = agenda.next(200) {
            seen.push((agenda.now(), event));
        }
        assert_eq!(seen, [(100, "late"), (110, "a"), (110, "b"), (120, "c")]);
    }
}
