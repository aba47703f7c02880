//! Console lines:
//!
//! ```text
//! == 2026-07-01 ==
//! 192.168.1.2 - 08:00 - 20 - 30%
//! 192.168.1.3 - 08:00 - 20.5 - -%
//! ```

use super::Printout;
use fieldpost_core::{Reading, UtcInstant};
use jiff::{Timestamp, tz::TimeZone};
use std::io::{self, Write};

/// Text is handed on in pieces of this size.
const PIECE: usize = 64 * 1024;

/// Prints readings, and the date whenever it changes.
pub(super) struct Printer<F> {
    out: Box<dyn Write + Send>,
    text: Vec<u8>,
    /// The day of the last line, counted from 1970 in local time.
    day: Option<i64>,
    /// Called with the length of each piece that was written.
    written: F,
}

impl<F: Fn(usize)> Printer<F> {
    pub(super) fn new(out: Box<dyn Write + Send>, written: F) -> Self {
        Self { out, text: Vec::with_capacity(PIECE + 1024), day: None, written }
    }

    /// Prints the readings of a printout.
    pub(super) fn print(&mut self, printout: &Printout) -> io::Result<()> {
        let mut clock = LocalClock::new(&printout.zone);
        for one in &printout.surveys {
            for reading in &one.survey.readings {
                self.line(one.survey.device.as_str(), reading, &mut clock)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, device: &str, reading: &Reading, clock: &mut LocalClock<'_>) -> io::Result<()> {
        let (day, minute) = clock.at(reading.time);
        if self.day.replace(day) != Some(day) {
            writeln!(self.text, "== {} ==", clock.date(reading.time))?;
        }
        let (hour, minute) = (minute / 60, minute % 60);
        writeln!(self.text, "{device} - {hour:02}:{minute:02} - {}", reading.values)?;
        if self.text.len() >= PIECE { self.hand_on() } else { Ok(()) }
    }

    /// Says that readings are missing here.
    pub(super) fn note_left_out(&mut self, readings: usize) -> io::Result<()> {
        writeln!(
            self.text,
            "-- {readings} new readings are stored but not shown: the console was too slow --"
        )
    }

    /// Hands everything on.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        (self.written)(self.text.len());
        self.text.clear();
        Ok(())
    }
}

/// A zone's wall clock that remembers the offset it used last, and for how long that holds: asking the zone for every
/// reading would cost more than printing it.
struct LocalClock<'a> {
    zone: &'a TimeZone,
    offset: i64,
    /// In milliseconds: the offset holds from the first to before the second.
    from: i64,
    to: i64,
}

impl<'a> LocalClock<'a> {
    fn new(zone: &'a TimeZone) -> Self {
        Self { zone, offset: 0, from: 0, to: 0 }
    }

    /// The local day, counted from 1970, and the minute in it.
    fn at(&mut self, instant: UtcInstant) -> (i64, i64) {
        const MINUTE: i64 = 60 * 1000;
        let millis = instant.as_millis();
        if millis < self.from || millis >= self.to {
            self.look_up(instant.to_timestamp());
        }
        let local = millis.saturating_add(self.offset).div_euclid(MINUTE);
        (local.div_euclid(24 * 60), local.rem_euclid(24 * 60))
    }

    fn look_up(&mut self, instant: Timestamp) {
        self.offset = i64::from(self.zone.to_offset(instant).seconds()).saturating_mul(1000);
        self.from = instant.as_millisecond();
        let next = self.zone.following(instant).next();
        self.to = next.map_or(i64::MAX, |next| next.timestamp().as_millisecond());
    }

    fn date(&self, instant: UtcInstant) -> jiff::civil::Date {
        self.zone.to_datetime(instant.to_timestamp()).date()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Fate;
    use fieldpost_core::{Moisture, Survey, Temperature, Values, senml::PackSurvey};
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(zone: &str, readings: &[(&str, Option<i64>, Option<i64>, Fate)]) -> String {
        let reading = |(time, temperature, moisture, _): &(&str, Option<i64>, Option<i64>, Fate)| Reading {
            time: time.parse().unwrap(),
            values: Values::new(
                temperature.and_then(Temperature::from_hundredths),
                moisture.and_then(Moisture::from_hundredths),
            )
            .unwrap(),
        };
        let survey =
            Survey { device: "m1".parse().unwrap(), readings: readings.iter().map(reading).collect() };
        let fates: Vec<Fate> = readings.iter().map(|reading| reading.3).collect();
        let surveys = vec![PackSurvey { survey, received: None }];
        let printout = Printout::new(surveys, &fates, TimeZone::get(zone).unwrap()).unwrap();
        let out = Out::default();
        let mut printer = Printer::new(Box::new(out.clone()), |_| {});
        printer.print(&printout).unwrap();
        printer.flush().unwrap();
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_as_contracted_and_dates_go_before_them() {
        let text = printed(
            "Europe/Rome",
            &[
                ("2026-07-01T06:00:00Z", Some(2000), Some(3000), Fate::New),
                ("2026-07-01T07:00:00Z", Some(2050), Some(3000), Fate::Duplicate),
                ("2026-07-01T08:00:00Z", Some(-5), None, Fate::New),
                ("2026-07-01T09:00:00Z", Some(1), Some(1), Fate::Conflict),
                ("2026-07-01T22:00:30Z", None, Some(2805), Fate::Filled),
                ("2026-07-01T21:59:00Z", Some(2100), Some(0), Fate::New),
            ],
        );
        let expected = "== 2026-07-01 ==\n\
                        m1 - 08:00 - 20 - 30%\n\
                        m1 - 10:00 - -0.05 - -%\n\
                        == 2026-07-02 ==\n\
                        m1 - 00:00 - - - 28.05%\n\
                        == 2026-07-01 ==\n\
                        m1 - 23:59 - 21 - 0%\n";
        assert_eq!(text, expected);
    }

    proptest! {
        #[test]
        fn the_local_clock_is_the_zones_whatever_was_asked_before(
            seconds in proptest::collection::vec(946_684_800_i64..4_102_444_800, 1..50), zone in 0_usize..5,
        ) {
            let name = ["UTC", "Europe/Rome", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"][zone];
            let zone = TimeZone::get(name).unwrap();
            let mut clock = LocalClock::new(&zone);
            for second in seconds {
                let instant = UtcInstant::from_millis(second * 1000);
                let civil = zone.to_datetime(instant.to_timestamp());
                let (day, minute) = clock.at(instant);
                prop_assert_eq!(minute, i64::from(civil.hour()) * 60 + i64::from(civil.minute()));
                let epoch = jiff::civil::date(1970, 1, 1);
                let days = civil.date().since((jiff::Unit::Day, epoch)).unwrap().get_days();
                prop_assert_eq!(day, i64::from(days));
            }
        }
    }
}
