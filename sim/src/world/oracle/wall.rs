//! The clock on the site's wall, and the plainest way to date a time of day by it: look back, half hour by half hour, until the
//! wall showed that time in one. Deliberately not the way of the shipped code.

use crate::world::agenda::{DAY, MINUTE, Millis};
use fieldpost_core::UtcInstant;
use jiff::tz::TimeZone;

/// Clocks are changed at full and half hours, in all zones since 2011.
const STEP: Millis = 30 * MINUTE;
/// How far a meter's clock may be ahead.
const GRACE: Millis = 5 * MINUTE;

/// A zone's offsets over the time of a world.
#[derive(Debug)]
pub struct Wall {
    zone: TimeZone,
    from: Millis,
    offsets: Vec<Millis>,
}

impl Wall {
    /// The wall of a site in `zone`, looked up once for the time from `from` to `to`.
    #[must_use]
    pub fn new(zone: TimeZone, from: Millis, to: Millis) -> Self {
        let from = from - from.rem_euclid(STEP);
        let count = (to - from).div_euclid(STEP) + 1;
        let offsets = (0..count).map(|step| offset(&zone, from + step * STEP)).collect();
        Self { zone, from, offsets }
    }

    /// The minute of the day that the wall shows at `instant`.
    #[must_use]
    pub fn minute_of_day(&self, instant: Millis) -> Millis {
        let place = usize::try_from((instant - self.from).div_euclid(STEP)).ok();
        let known = place.and_then(|place| self.offsets.get(place)).copied();
        let offset = known.unwrap_or_else(|| offset(&self.zone, instant));
        (instant + offset).rem_euclid(DAY) / MINUTE
    }

    /// When the wall last showed `minute`, at `received` or before, or within the grace after it.
    #[must_use]
    pub fn latest(&self, minute: Millis, received: Millis) -> Option<Millis> {
        let limit = received + GRACE;
        let half_hour = limit - limit.rem_euclid(STEP);
        (0..=3 * DAY / STEP).map(|back| half_hour - back * STEP).find_map(|begun| {
            // Within one, the wall shows one minute after the other.
            let instant = begun + (minute - self.minute_of_day(begun)).rem_euclid(DAY / MINUTE) * MINUTE;
            (instant < begun + STEP && instant <= limit).then_some(instant)
        })
    }
}

fn offset(zone: &TimeZone, instant: Millis) -> Millis {
    let instant = UtcInstant::from_millis(instant).to_timestamp();
    Millis::from(zone.to_offset(instant).seconds()) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(shown: Millis, received: &str) -> String {
        let at = |text: &str| text.parse::<UtcInstant>().unwrap().as_millis();
        let zone = TimeZone::get("Europe/Rome").unwrap();
        let wall = Wall::new(zone, at("2026-10-24T00:00:00Z"), at("2026-10-25T06:00:00Z"));
        UtcInstant::from_millis(wall.latest(shown, at(received)).unwrap()).to_string()
    }

    #[test]
    fn the_wall_is_read_backwards_also_around_a_change_and_beyond_what_was_looked_up() {
        // Rome, 2026-10-25: 03:00 summer time (01:00Z) becomes 02:00.
        assert_eq!(latest(150, "2026-10-25T00:40:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(latest(150, "2026-10-25T05:00:00Z"), "2026-10-25T01:30:00Z");
        assert_eq!(latest(150, "2026-10-25T00:20:00Z"), "2026-10-24T00:30:00Z");
        assert_eq!(latest(3, "2026-10-24T21:58:00Z"), "2026-10-24T22:03:00Z", "five minutes of grace");
        assert_eq!(latest(720, "2030-01-01T10:00:00Z"), "2029-12-31T11:00:00Z");
    }
}
