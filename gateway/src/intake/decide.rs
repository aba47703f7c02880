//! What a datagram says, and when it says it happened. No input, no output, no clock.

use std::net::IpAddr;

use fieldpost_core::{
    DeviceId, Key, Reason, Refusal, Survey, UtcInstant,
    bug::{self, Bug},
    message::{self, MAX_DATAGRAM},
    senml,
};
use jiff::tz::TimeZone;

use crate::journal::{NewSurvey, ShortKey};

/// A datagram as it was understood.
#[derive(Debug)]
pub struct Datagram {
    pub(crate) received: UtcInstant,
    /// What a copy of it is recognised by.
    pub(crate) key: ShortKey,
    pub(crate) content: Content,
}

/// What is in a datagram.
#[derive(Debug)]
pub(crate) enum Content {
    /// Surveys, dated by this copy's receipt, and ready for the journal; the first bears the key.
    Surveys(Vec<NewSurvey>),
    /// Nothing: a legal, empty day. It names nobody; if the sender's address is an id, it may be that device.
    Empty(Option<NewSurvey>),
    /// Something that cannot be taken, and as much of it as is kept.
    Refused { refusal: Refusal, raw: Vec<u8> },
}

/// Reads a datagram of `length` bytes, of which `bytes` fitted into the buffer: it came from `peer` at `received`, to a
/// gateway whose site is in `zone`.
#[must_use]
pub fn read(bytes: &[u8], length: usize, peer: IpAddr, received: UtcInstant, zone: &TimeZone) -> Datagram {
    if length > MAX_DATAGRAM {
        let detail = format!(
            "the datagram has {length} bytes, the limit is {MAX_DATAGRAM}; send it in parts, whole lines each"
        );
        // Only its start was read, so it must not pass for a copy of a shorter one. No message starts with a NUL.
        let key = ShortKey::of(&Key::of(&[b"\0too long ", &length.to_le_bytes(), bytes]));
        return refused(Refusal::new(Reason::TooLong, detail), key, bytes, received);
    }
    // A refused one has a key too: if our clock was set back, a copy of an accepted one may look wrong now.
    let key = ShortKey::of(&Key::of(&[bytes]));
    let by_address = || ShortKey::of(&Key::of(&[peer.to_string().as_bytes()]));
    let key = if bug::on(Bug::DedupOnAddress) { by_address() } else { key };
    let zone = if bug::on(Bug::IgnoreZone) { &TimeZone::UTC } else { zone };
    let surveys = match message::surveys(bytes, received, zone) {
        Ok(surveys) if surveys.is_empty() => return empty(peer, received),
        Ok(surveys) => surveys,
        Err(refusal) => return refused(refusal, key, bytes, received),
    };
    let mut first = Some(key);
    let rows = surveys.iter().map(|survey| encode(survey, first.take(), received)).collect();
    Datagram { received, key, content: Content::Surveys(rows) }
}

fn refused(refusal: Refusal, key: ShortKey, bytes: &[u8], received: UtcInstant) -> Datagram {
    let raw = bytes.get(..MAX_DATAGRAM).unwrap_or(bytes).to_vec();
    Datagram { received, key, content: Content::Refused { refusal, raw } }
}

fn empty(peer: IpAddr, received: UtcInstant) -> Datagram {
    let address = peer.to_canonical().to_string();
    // All empty datagrams have the same bytes; who sent it tells copies apart. No message starts with a NUL.
    let key = ShortKey::of(&Key::of(&[b"\0empty ", address.as_bytes()]));
    let device = DeviceId::new(&address).ok();
    let survey = device.map(|device| Survey { device, readings: Vec::new() });
    let row = survey.map(|survey| encode(&survey, Some(key), received));
    Datagram { received, key, content: Content::Empty(row) }
}

fn encode(survey: &Survey, key: Option<ShortKey>, received: UtcInstant) -> NewSurvey {
    NewSurvey {
        received,
        key,
        device: survey.device.clone(),
        readings: u32::try_from(survey.readings.len()).unwrap_or(u32::MAX),
        records: senml::encode_records(survey, Some(received)),
    }
}

impl Datagram {
    /// The surveys that would be journaled: whose, of how many readings, and the records.
    ///
    /// # Errors
    /// Why it cannot be taken.
    pub fn surveys(&self) -> Result<impl ExactSizeIterator<Item = (&DeviceId, u32, &[u8])>, &Refusal> {
        let rows = match &self.content {
            Content::Surveys(rows) => rows.as_slice(),
            Content::Empty(row) => row.as_slice(),
            Content::Refused { refusal, .. } => return Err(refusal),
        };
        Ok(rows.iter().map(|row| (&row.device, row.readings, &row.records[..])))
    }

    /// What it takes in memory and on disk, generously.
    pub(crate) fn weight(&self) -> usize {
        match &self.content {
            Content::Surveys(rows) => rows.iter().map(NewSurvey::weight).sum(),
            Content::Empty(row) => row.as_ref().map_or(0, NewSurvey::weight),
            Content::Refused { raw, .. } => raw.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;
    use crate::intake::{
        inbox::Entry,
        sort::{Outcome, sort},
    };
    use crate::journal::{Journal, Limits, Page, Place, Reader, Trust};
    use crate::round::Rounds;
    use std::{sync::Arc, time::Duration};

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2));

    /// A gateway's journal at a site, and the sizes of its answers.
    struct Site {
        _home: tempfile::TempDir,
        journal: Journal,
        reader: Reader,
        zone: TimeZone,
    }

    impl Site {
        fn new(zone: &str) -> Self {
            let home = tempfile::tempdir().unwrap();
            let keep = Duration::from_secs(3600);
            let limits = Limits { keep, journal_max: 1 << 30, min_free_disk: 0 };
            let (disk, folder) = (Arc::new(OsDisk), home.path().to_path_buf());
            let place = Place { disk, folder, limits, random: 7 };
            let journal = Journal::open(&place, Trust::Whole, UtcInstant::EARLIEST, &mut Vec::new()).unwrap();
            let reader = Reader::open(home.path()).unwrap();
            Self { _home: home, journal, reader, zone: TimeZone::get(zone).unwrap() }
        }

        /// A copy of `text` comes at `received`.
        fn receive(&mut self, text: &str, received: &str) -> Outcome {
            let now: UtcInstant = received.parse().unwrap();
            let datagram = read(text.as_bytes(), text.len(), PEER, now, &self.zone);
            let entry = Entry { socket: 0, peer: (PEER, 1).into(), datagram };
            let rounds = Rounds::new(&[], Duration::ZERO);
            let known = |key| self.journal.known(key, now);
            let sorted = sort(vec![entry], 0, &rounds, known).unwrap();
            self.journal.commit(&sorted.batch, now).unwrap();
            sorted.outcomes.into_iter().next().unwrap()
        }

        /// The instants of all readings journaled.
        fn instants(&self) -> Vec<String> {
            let Page::Surveys(surveys) = self.reader.page(0, i64::MAX, 100, 1 << 20).unwrap() else {
                panic!()
            };
            let decode =
                |records: &[u8]| senml::decode_cbor(&senml::pack([records]), UtcInstant::LATEST).unwrap();
            let packs = surveys.iter().flat_map(|survey| decode(&survey.records).surveys);
            packs.flat_map(|pack| pack.survey.readings).map(|reading| reading.time.to_string()).collect()
        }
    }

    #[test]
    fn copies_after_midnight_and_across_both_clock_changes_keep_the_first_copys_dates() {
        for (what, zone, time, first, copies, instant) in [
            (
                "midnight",
                "Europe/Rome",
                "23:30",
                "2026-07-01T21:50:00Z",
                ["2026-07-01T22:10:00Z", "2026-07-02T17:49:00Z"],
                "2026-07-01T21:30:00Z",
            ),
            (
                "the time of day comes again",
                "UTC",
                "20:00",
                "2026-07-01T19:54:00Z",
                ["2026-07-01T20:30:00Z", "2026-07-02T15:53:59Z"],
                "2026-06-30T20:00:00Z",
            ),
            (
                "clocks go forward",
                "Europe/Rome",
                "01:30",
                "2026-03-29T00:50:00Z",
                ["2026-03-29T01:10:00Z", "2026-03-29T20:00:00Z"],
                "2026-03-29T00:30:00Z",
            ),
            (
                "clocks go back",
                "Europe/Rome",
                "02:30",
                "2026-10-25T00:40:00Z",
                ["2026-10-25T01:40:00Z", "2026-10-25T20:00:00Z"],
                "2026-10-25T00:30:00Z",
            ),
        ] {
            let mut site = Site::new(zone);
            let text = format!("m {time} - 20 - 30%\n");
            assert_eq!(site.receive(&text, first), Outcome::New, "{what}");
            for copy in copies {
                assert_eq!(site.receive(&text, copy), Outcome::Held, "{what}");
            }
            assert_eq!(site.instants(), [instant], "{what}");
        }
    }

    #[test]
    fn the_same_text_a_day_later_is_a_new_survey_also_on_a_day_of_23_hours() {
        let mut site = Site::new("Europe/Rome");
        let text = "m 08:00 - 20 - 30%\n";
        assert_eq!(site.receive(text, "2026-03-28T19:00:00Z"), Outcome::New);
        assert_eq!(site.receive(text, "2026-03-29T18:00:00Z"), Outcome::New);
        assert_eq!(site.receive(text, "2026-03-29T19:00:00Z"), Outcome::Held);
        assert_eq!(site.instants(), ["2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z"]);
    }

    #[test]
    fn a_copy_is_recognised_even_if_our_clock_was_set_back_and_it_now_looks_wrong() {
        let mut site = Site::new("UTC");
        let text = "m 2026-07-01 08:00Z - 20 - 30%\n";
        assert_eq!(site.receive(text, "2026-07-01T09:00:00Z"), Outcome::New);
        assert_eq!(site.receive(text, "2026-06-30T21:00:00Z"), Outcome::Held);
        let Outcome::Refused(why) = site.receive("m 2026-07-01 08:01Z - 20 - 30%\n", "2026-06-30T21:00:00Z")
        else {
            panic!("the future is refused")
        };
        assert!(why.contains("future"), "{why}");
    }

    #[test]
    fn what_came_while_our_clock_was_years_ahead_does_not_swallow_what_comes_now() {
        let mut site = Site::new("UTC");
        let text = "m 08:00 - 20 - 30%\n";
        assert_eq!(site.receive(text, "2030-07-01T09:00:00Z"), Outcome::New);
        assert_eq!(site.receive(text, "2026-07-01T09:00:00Z"), Outcome::New);
        assert_eq!(site.receive(text, "2026-07-01T09:01:00Z"), Outcome::Held);
        assert_eq!(site.instants(), ["2030-07-01T08:00:00Z", "2026-07-01T08:00:00Z"]);
    }

    #[test]
    fn a_copy_in_the_same_group_shares_the_fate_of_its_original() {
        let now = UtcInstant::from_millis(1_800_000_000_000);
        let entry = |text: &str| {
            let datagram = read(text.as_bytes(), text.len(), PEER, now, &TimeZone::UTC);
            Entry { socket: 0, peer: (PEER, 1).into(), datagram }
        };
        let text = "m 08:00 - 20 - 30%\n";
        let group = vec![entry(text), entry("x!"), entry(text)];
        let rounds = Rounds::new(&[], Duration::ZERO);
        let mut sorted = sort(group, 0, &rounds, |_| Ok::<_, ()>(false)).unwrap();
        assert_eq!(sorted.batch.surveys.len(), 1);
        sorted.refuse_new(crate::journal::Full::Journal);
        let full = Outcome::Refused("Surveys refused: journal full; try again later".to_owned());
        assert_eq!((&sorted.outcomes[0], &sorted.outcomes[2]), (&full, &full));
        assert!(sorted.batch.surveys.is_empty());
        assert_eq!(sorted.batch.refusals.get("full"), Some(&2));
    }
}
