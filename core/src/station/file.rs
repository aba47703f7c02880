//! A whole station file: which form it has, and its slots in the order of time.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::format;
use alloc::vec::Vec;

use super::{Depth, Slot, csv, uscrn};
use crate::refusal::Quoted;
use crate::{Offer, Place, Reason, Refusal, UtcInstant};

/// Reads a station file, NOAA's or our own CSV, whichever its first line shows it to be. Of NOAA's the probe at `depth` is
/// read; our own has one only.
///
/// Returns each instant once, in the order of time, whatever the order of the lines. Lines that say the same of an instant, or
/// complete each other, become one slot.
///
/// # Errors
/// At the first line that is not of its form, that belongs to another station than the first, or that contradicts one
/// before it; and when the last line has no newline, because then the file may have been cut in the middle of a number.
pub fn parse(text: &str, depth: Depth) -> Result<Vec<Slot<'_>>, Refusal> {
    let mut slots = Slots::default();
    let columns = text.lines().next().and_then(csv::Columns::of);
    for (number, line) in (1..).zip(text.split_inclusive('\n')).skip(usize::from(columns.is_some())) {
        let content = line.trim_end();
        if content.is_empty() {
            continue;
        }
        let parse = || match columns {
            Some(columns) => columns.parse_row(content),
            None => uscrn::parse_line(content, depth),
        };
        let taken = whole(line).and_then(|()| parse()).and_then(|slot| slots.take(number, slot));
        taken.map_err(|refusal| refusal.at(Place::Line(number)))?;
    }
    Ok(slots.by_time.into_values().map(|(_, slot)| slot).collect())
}

/// Refuses a line without a newline: `12.3` may be all that is left of `12.34`, and nothing else would show it.
fn whole(line: &str) -> Result<(), Refusal> {
    if line.ends_with('\n') {
        return Ok(());
    }
    let detail = "the file ends within this line (no newline); copy it again, or add a newline if the line is complete";
    Err(Refusal::new(Reason::Truncated, detail))
}

#[derive(Default)]
struct Slots<'a> {
    name: Option<&'a str>,
    /// With the number of the line that first gave it.
    by_time: BTreeMap<UtcInstant, (usize, Slot<'a>)>,
}

impl<'a> Slots<'a> {
    fn take(&mut self, line: usize, slot: Slot<'a>) -> Result<(), Refusal> {
        let name = *self.name.get_or_insert(slot.name);
        if slot.name != name {
            let (other, first) = (Quoted(slot.name), Quoted(name));
            let detail =
                format!("{other} in a file that began with {first}; give each station a file of its own");
            return Err(Refusal::new(Reason::Malformed, detail));
        }
        match self.by_time.entry(slot.time) {
            Entry::Vacant(free) => {
                free.insert((line, slot));
                Ok(())
            }
            Entry::Occupied(mut held) => {
                let (before, held) = held.get_mut();
                join(held, slot, *before)
            }
        }
    }
}

/// Joins what a later line says of an instant with what the line `before` said.
fn join(held: &mut Slot<'_>, later: Slot<'_>, before: usize) -> Result<(), Refusal> {
    let (Some(first), Some(second)) = (held.values, later.values) else {
        held.values = held.values.or(later.values);
        return Ok(());
    };
    match first.offer(second) {
        Offer::Same => {}
        Offer::Adds(both) => held.values = Some(both),
        Offer::Differs => {
            let detail = format!("other values for {} than line {before}; remove one of the two", later.time);
            return Err(Refusal::new(Reason::Malformed, detail));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Temperature, Values};
    use alloc::string::{String, ToString};

    const CSV: &str = "device,time,temperature_c,moisture_pct\n\
                       a,2019-01-01T02:00:00Z,1.1,\n\
                       a,2019-01-01T01:00:00Z,,\n";

    fn refused(text: &str) -> (Reason, Place, String) {
        let refusal = parse(text, Depth::Cm5).unwrap_err();
        (refusal.reason(), refusal.place(), refusal.to_string())
    }

    #[test]
    fn slots_come_in_the_order_of_time_and_an_empty_one_is_a_slot_too() {
        let slots = parse(CSV, Depth::Cm5).unwrap();
        let times: Vec<_> = slots.iter().map(|slot| (slot.time.to_string(), slot.values.is_some())).collect();
        assert_eq!(
            times,
            [("2019-01-01T01:00:00Z".to_string(), false), ("2019-01-01T02:00:00Z".to_string(), true)]
        );
    }

    #[test]
    fn lines_of_one_instant_join_unless_they_contradict_each_other() {
        let joined = alloc::format!("{CSV}a,2019-01-01T01:00:00Z,3,\na,2019-01-01T01:00:00Z,3,30\n");
        let slots = parse(&joined, Depth::Cm5).unwrap();
        assert_eq!(slots.len(), 2);
        let values = slots[0].values.unwrap();
        assert_eq!(Values::new(Temperature::from_hundredths(300), values.moisture()), Some(values));

        let contrary = alloc::format!("{CSV}a,2019-01-01T02:00:00Z,1.2,\n");
        assert_eq!(
            refused(&contrary).2,
            "line 4: other values for 2019-01-01T02:00:00Z than line 2; remove one of the two"
        );
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_line_is_refused_wherever_it_was_cut() {
        let mut cut = 0;
        for end in CSV.find("a,").unwrap() + 1..CSV.len() {
            if CSV.as_bytes()[end - 1] != b'\n' {
                let (reason, place, _) = refused(&CSV[..end]);
                assert_eq!(reason, Reason::Truncated, "cut after {end} bytes");
                assert!(matches!(place, Place::Line(2 | 3)));
                cut += 1;
            }
        }
        assert!(cut > 40);
    }

    #[test]
    fn two_stations_in_one_file_are_refused() {
        let mixed = alloc::format!("{CSV}b,2019-01-01T03:00:00Z,1,\n");
        assert_eq!(refused(&mixed).1, Place::Line(4));
    }

    #[test]
    fn what_is_no_station_file_is_refused_at_its_first_line() {
        assert_eq!(refused("<html>\n").1, Place::Line(1));
        assert_eq!(parse("", Depth::Cm5), Ok(Vec::new()));
        assert_eq!(parse("device,time,temperature_c,moisture_pct\r\n", Depth::Cm5), Ok(Vec::new()));
    }
}
