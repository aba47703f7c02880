//! When a reading was measured (promise P4).
//!
//! A meter of the reference system writes a time of day and no date. It means the latest such time, in the zone of
//! the site, that is not after the receipt of the *first* copy of its message. Whoever receives messages must
//! therefore remember when the first copy came: see [`RESEND_WINDOW`].

use crate::{
    Reason, Refusal, UtcInstant,
    bug::{self, Bug},
};
use alloc::format;
use core::time::Duration;
use jiff::{
    ToSpan,
    civil::{DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// How far a meter's clock may be ahead of ours.
pub const GRACE: Duration = Duration::from_secs(5 * 60);

/// How long after its first copy the same message is taken for another copy of it, rather than for a new one that
/// happens to say the same: longer than any retry, shorter than the day until the next survey, also when that day
/// has 23 hours and the meter's clock drifts.
pub const RESEND_WINDOW: Duration = Duration::from_secs(20 * 60 * 60);

/// Whether a message that comes `now` is a copy of the same bytes that came `first`.
///
/// A first copy that seems to come from the future was received while our clock was ahead. If it was far ahead, that
/// receipt means nothing, and must not swallow what comes until then.
#[must_use]
pub fn is_copy(first: UtcInstant, now: UtcInstant) -> bool {
    now.duration_since(first) < RESEND_WINDOW && first.duration_since(now) <= RESEND_WINDOW
}

/// A time of day on the wall clock, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(Time);

impl TimeOfDay {
    /// The time of day `hour`:`minute`; None unless it is on the 24-hour clock.
    #[must_use]
    pub fn new(hour: i8, minute: i8) -> Option<Self> {
        Time::new(hour, minute, 0, 0).ok().map(Self)
    }

    /// Reads exactly `HH:MM`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let &[h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
        let two = |tens: u8, ones: u8| {
            (tens.is_ascii_digit() && ones.is_ascii_digit())
                .then(|| i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok())
                .flatten()
        };
        Self::new(two(h1, h2)?, two(m1, m2)?)
    }

    /// The wall clock in `zone` at `instant`, and whether that is a whole minute.
    pub(crate) fn at(instant: UtcInstant, zone: &TimeZone) -> (Self, bool) {
        let time = zone.to_datetime(instant.to_timestamp()).time();
        let minute = Time::constant(time.hour(), time.minute(), 0, 0);
        (Self(minute), minute == time)
    }

    /// Since midnight.
    fn millis(self) -> i64 {
        (i64::from(self.0.hour()) * 60 + i64::from(self.0.minute())) * 60_000
    }

    /// Hour and minute.
    #[must_use]
    pub fn hour_minute(self) -> (i8, i8) {
        (self.0.hour(), self.0.minute())
    }
}

/// The receipt of a message's first copy at a site: what its times of day are dated by.
#[derive(Debug)]
pub struct Receipt<'a> {
    zone: &'a TimeZone,
    /// When it came, and the [`GRACE`].
    limit: UtcInstant,
    /// The site's offset from UTC in milliseconds, if its clocks were not changed in the days around.
    steady: Option<i64>,
}

const DAY: i64 = 24 * 60 * 60 * 1000;

impl<'a> Receipt<'a> {
    /// The receipt of a message that came at `received` to a site in `zone`.
    #[must_use]
    pub fn new(zone: &'a TimeZone, received: UtcInstant) -> Self {
        let limit = if bug::on(Bug::NoGrace) { received } else { received.saturating_add(GRACE) };
        Self { zone, limit, steady: steady_offset(zone, limit) }
    }

    /// The latest instant at which the site's clock showed `time_of_day`, not after the receipt and the [`GRACE`].
    ///
    /// An hour that a clock shows twice counts both times; one that it skips did not happen on that day. None only if
    /// the clock never showed it in the days before, which no zone does.
    #[must_use]
    pub fn latest(&self, time_of_day: TimeOfDay) -> Option<UtcInstant> {
        let Some(offset) = self.steady else { return self.latest_around_a_change(time_of_day) };
        let now_shown = self.limit.as_millis() + offset;
        let shown = now_shown - now_shown.rem_euclid(DAY) + time_of_day.millis();
        let shown = if shown > now_shown { shown - DAY } else { shown };
        Some(UtcInstant::from_millis(shown - offset))
    }

    fn latest_around_a_change(&self, time_of_day: TimeOfDay) -> Option<UtcInstant> {
        let today = self.zone.to_datetime(self.limit.to_timestamp()).date();
        // Tomorrow too: where clocks go back over midnight, 00:00 of tomorrow has been and today is here again.
        let days = [1, 0, -1, -2, -3].into_iter();
        days.filter_map(|days| today.checked_add(days.days()).ok())
            .find_map(|date| latest_on(date.to_datetime(time_of_day.0), self.zone, self.limit))
    }
}

/// The offset at `instant`, if it is the same from four days before to two days after.
fn steady_offset(zone: &TimeZone, instant: UtcInstant) -> Option<i64> {
    let instant = instant.to_timestamp();
    let first = instant.checked_sub(96.hours()).ok()?;
    let last = instant.checked_add(48.hours()).ok()?;
    let next = zone.following(first).next();
    let steady = next.is_none_or(|change| change.timestamp() > last);
    steady.then(|| i64::from(zone.to_offset(instant).seconds()) * 1000)
}

/// The latest instant at which a clock in `zone` showed `time_of_day`: [`Receipt::latest`], for one time only.
#[must_use]
pub fn latest(time_of_day: TimeOfDay, zone: &TimeZone, received: UtcInstant) -> Option<UtcInstant> {
    Receipt::new(zone, received).latest(time_of_day)
}

/// The latest instant not after `limit` at which a clock in `zone` showed `shown`.
fn latest_on(shown: DateTime, zone: &TimeZone, limit: UtcInstant) -> Option<UtcInstant> {
    let not_after = |offset: Offset| {
        let instant = offset.to_timestamp(shown).ok().map(UtcInstant::from)?;
        (instant <= limit).then_some(instant)
    };
    match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => not_after(offset),
        AmbiguousOffset::Fold { before, after } => not_after(after).or_else(|| not_after(before)),
        AmbiguousOffset::Gap { .. } => None,
    }
}

/// Refuses an instant in the future (after `received` and the [`GRACE`]) or before the year 2000.
///
/// # Errors
/// With [`Reason::Future`] or [`Reason::TooOld`].
pub fn check(instant: UtcInstant, received: UtcInstant) -> Result<(), Refusal> {
    if instant < UtcInstant::EARLIEST {
        let detail = format!("{instant} is before the year 2000; set the meter's clock");
        return Err(Refusal::new(Reason::TooOld, detail));
    }
    if instant > received.saturating_add(GRACE) {
        let detail = format!("{instant} is in the future (it is {received} here); set the meter's clock");
        return Err(Refusal::new(Reason::Future, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn dated(time: &str, zone: &str, received: &str) -> alloc::string::String {
        let zone = TimeZone::get(zone).unwrap();
        latest(TimeOfDay::parse(time).unwrap(), &zone, received.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_time_of_day_is_the_latest_one_not_after_receipt() {
        assert_eq!(dated("08:00", "UTC", "2026-07-01T20:30:00Z"), "2026-07-01T08:00:00Z");
        assert_eq!(dated("21:00", "UTC", "2026-07-01T20:30:00Z"), "2026-06-30T21:00:00Z");
        assert_eq!(dated("20:30", "UTC", "2026-07-01T20:30:00Z"), "2026-07-01T20:30:00Z");
        assert_eq!(dated("23:00", "Europe/Rome", "2026-07-01T22:00:00Z"), "2026-07-01T21:00:00Z");
        assert_eq!(dated("23:59", "UTC", "2028-03-01T00:00:30Z"), "2028-02-29T23:59:00Z", "leap day");
    }

    #[test]
    fn a_clock_that_is_five_minutes_fast_is_forgiven() {
        assert_eq!(dated("00:03", "UTC", "2026-06-30T23:58:00Z"), "2026-07-01T00:03:00Z");
        assert_eq!(dated("00:04", "UTC", "2026-06-30T23:58:00Z"), "2026-06-30T00:04:00Z");
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_later_one_if_that_has_been() {
        // Rome, 2026-10-25: 03:00 summer time (01:00Z) becomes 02:00.
        assert_eq!(dated("02:30", "Europe/Rome", "2026-10-25T00:40:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(dated("02:30", "Europe/Rome", "2026-10-25T05:00:00Z"), "2026-10-25T01:30:00Z");
    }

    #[test]
    fn an_hour_that_is_skipped_was_yesterdays() {
        // Rome, 2026-03-29: 02:00 becomes 03:00.
        assert_eq!(dated("02:30", "Europe/Rome", "2026-03-29T10:00:00Z"), "2026-03-28T01:30:00Z");
        assert_eq!(dated("03:30", "Europe/Rome", "2026-03-29T10:00:00Z"), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn midnight_that_comes_twice_is_found() {
        // Newfoundland put its clocks back at 00:01, to 23:01 of the day before: 2010-11-07 at 02:31Z.
        assert_eq!(dated("00:00", "America/St_Johns", "2010-11-07T02:40:00Z"), "2010-11-07T02:30:00Z");
    }

    #[test]
    fn times_of_day_are_exactly_two_and_two_digits() {
        for bad in ["24:00", "7:5", "07:60", "0700", "07:00Z", "", "07-00", "-1:00", "07:0٣"] {
            assert_eq!(TimeOfDay::parse(bad), None, "{bad}");
        }
        assert_eq!(TimeOfDay::parse("23:59").unwrap().hour_minute(), (23, 59));
    }

    #[test]
    fn the_same_bytes_are_a_copy_until_the_window_is_over_whichever_way_the_clock_went() {
        let copy = |first: &str, now: &str| is_copy(first.parse().unwrap(), now.parse().unwrap());
        assert!(copy("2026-07-01T23:59:00Z", "2026-07-02T00:01:00Z"));
        assert!(copy("2026-07-01T00:00:00Z", "2026-07-01T19:59:59Z"));
        assert!(!copy("2026-07-01T00:00:00Z", "2026-07-01T20:00:00Z"));
        assert!(copy("2026-07-01T00:00:01Z", "2026-07-01T00:00:00Z"), "the clock was set back a second");
        assert!(!copy("2030-07-01T00:00:00Z", "2026-07-01T00:00:00Z"), "the clock had been four years ahead");
    }

    #[test]
    fn the_future_and_the_last_century_are_refused() {
        let received: UtcInstant = "2026-07-01T00:00:00Z".parse().unwrap();
        let reason = |text: &str| check(text.parse().unwrap(), received).map_err(|refusal| refusal.reason());
        assert_eq!(reason("2026-07-01T00:05:00Z"), Ok(()));
        assert_eq!(reason("2026-07-01T00:05:01Z"), Err(Reason::Future));
        assert_eq!(reason("2000-01-01T00:00:00Z"), Ok(()));
        assert_eq!(reason("1999-12-31T23:59:59Z"), Err(Reason::TooOld));
    }

    proptest! {
        #[test]
        fn counting_in_days_finds_the_same_as_asking_the_calendar(
            minute in 0_i8..60, hour in 0_i8..24, received in 946_684_800_i64..4_000_000_000, zone in 0_usize..5,
        ) {
            let name = ["UTC", "Europe/Rome", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"][zone];
            let zone = TimeZone::get(name).unwrap();
            let receipt = Receipt::new(&zone, UtcInstant::from_millis(received * 1000));
            let time = TimeOfDay::new(hour, minute).unwrap();
            prop_assert_eq!(receipt.latest(time), receipt.latest_around_a_change(time));
        }

        #[test]
        fn the_date_is_never_in_the_future_and_never_more_than_two_days_old(
            minute in 0_i8..60, hour in 0_i8..24, received in 946_684_800_i64..4_000_000_000, zone in 0_usize..5,
        ) {
            let name = ["UTC", "Europe/Rome", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"][zone];
            let zone = TimeZone::get(name).unwrap();
            let received = UtcInstant::from_millis(received * 1000);
            let time = TimeOfDay::new(hour, minute).unwrap();
            let found = latest(time, &zone, received).unwrap();
            prop_assert!(found <= received.saturating_add(GRACE));
            prop_assert!(received.duration_since(found) <= Duration::from_secs(49 * 3600), "{found}");
            prop_assert_eq!(TimeOfDay::at(found, &zone), (time, true));
        }
    }
}
