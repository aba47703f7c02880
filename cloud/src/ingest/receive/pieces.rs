//! However an upload's bytes are split into pieces, whatever the pauses between them, and wherever it is cut: what is taken are whole
//! units, each of which ends at a close or a pause behind a complete line, and nothing of the last one if it is incomplete.

use super::*;
use crate::{Origin, budget::Budget, submission::Format, submission::Upload};
use fieldpost_core::{DeviceId, Reading, UtcInstant};
use jiff::tz::TimeZone;
use proptest::{collection, option, prelude::*, sample};
use std::{
    collections::{BTreeSet, VecDeque},
    fs, io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::ReadBuf,
    time::{Sleep, sleep},
};

/// Pauses that end nothing, that end a unit behind a complete line, and that end the connection even there. None is just as long as a limit, and
/// all that a stream has are shorter than its deadline.
const SHORT: std::ops::Range<u64> = 0..300;
const LONG: std::ops::Range<u64> = 301..2_000;
const ENDLESS: u64 = 11_000;

/// How the sender ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Reset,
    Silence,
}

/// What a sender sends: pieces, each with the pause behind it in milliseconds.
#[derive(Debug, Clone)]
struct Stream {
    pieces: Vec<(Vec<u8>, u64)>,
    end: End,
}

impl Stream {
    /// The bytes split at these places, with these pauses in turn.
    fn new(bytes: &[u8], places: &[usize], pauses: &[u64], end: End) -> Self {
        let mut ends: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let starts = std::iter::once(0).chain(ends.clone());
        let pieces = starts.zip(ends).filter(|(start, end)| start < end);
        let pauses = pauses.iter().copied().chain(std::iter::repeat(0));
        Self { pieces: pieces.map(|(start, end)| bytes[start..end].to_vec()).zip(pauses).collect(), end }
    }

    /// What must be taken, unit by unit; and whether there is something behind it that must be refused.
    fn units(&self) -> (Vec<Vec<u8>>, bool) {
        let (mut units, mut unit) = (Vec::new(), Vec::new());
        for (piece, pause) in &self.pieces {
            unit.extend_from_slice(piece);
            match (unit.ends_with(b"\n"), *pause) {
                (false, ENDLESS) => return (units, true),
                (true, 301..) => units.push(std::mem::take(&mut unit)),
                _ => {}
            }
            if *pause == ENDLESS {
                return (units, false);
            }
        }
        let whole = unit.is_empty() || (unit.ends_with(b"\n") && self.end != End::Reset);
        units.extend(Some(unit).filter(|unit| whole && !unit.is_empty()));
        (units, !whole)
    }

    /// What is taken; and whether something is refused.
    fn received(&self) -> (Vec<Vec<u8>>, bool) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = Limits::default();
            let (mut script, mut share) = (Script::of(self), Budget::new(0).share());
            let (deadline, mut first) = (Instant::now() + limits.upload_deadline, limits.upload_deadline);
            let mut units = Vec::new();
            // As a connection does; the answers do not matter here.
            loop {
                match message(&mut script, &mut share, &limits, first, deadline).await {
                    Received::Message(bytes, closed) => {
                        units.extend(Some(bytes.to_vec()).filter(|bytes| !bytes.is_empty()));
                        if closed {
                            return (units, false);
                        }
                    }
                    Received::Cut(_, refusal) => {
                        assert_eq!(refusal.reason(), Reason::Truncated);
                        return (units, true);
                    }
                    Received::Nothing => return (units, false),
                    Received::NoRoom => panic!("it is small"),
                }
                first = limits.upload_linger;
            }
        })
    }
}

/// A sender's stream as a socket gives it: a read brings a piece, or what the reader has room for.
struct Script {
    pieces: VecDeque<(Vec<u8>, u64)>,
    pause: Option<Pin<Box<Sleep>>>,
    end: End,
}

impl Script {
    fn of(stream: &Stream) -> Self {
        Self { pieces: stream.pieces.iter().cloned().collect(), pause: None, end: stream.end }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let Some((piece, pause)) = self.pieces.front_mut() else {
            return match self.end {
                End::Close => Poll::Ready(Ok(())),
                End::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                End::Silence => Poll::Pending,
            };
        };
        let pause = Duration::from_millis(*pause);
        let read = piece.len().min(buffer.remaining());
        buffer.put_slice(&piece.drain(..read).collect::<Vec<_>>());
        if piece.is_empty() {
            self.pieces.pop_front();
            self.pause = Some(Box::pin(sleep(pause))).filter(|_| !pause.is_zero());
        }
        Poll::Ready(Ok(()))
    }
}

/// The readings in uploads of which each is taken whole or refused whole.
fn readings<'a>(uploads: impl IntoIterator<Item = &'a [u8]>) -> BTreeSet<(DeviceId, Reading)> {
    let origin = Origin { gateway: "g".into(), time_zone: None, custody: None };
    let received: UtcInstant = "2026-07-01T21:00:00Z".parse().unwrap();
    let mut readings = BTreeSet::new();
    for bytes in uploads {
        let format = Format::Text(TimeZone::UTC);
        let upload = Upload::new(format, Bytes::copy_from_slice(bytes), origin.clone(), received);
        let Ok(submission) = upload.read() else { continue };
        for one in submission.surveys() {
            readings.extend(one.survey.readings.iter().map(|reading| (one.survey.device.clone(), *reading)));
        }
    }
    readings
}

/// What a stream must become, whatever is in it.
fn check(stream: &Stream) {
    let (units, refused) = stream.received();
    assert_eq!((&units, refused), (&stream.units().0, stream.units().1), "{stream:?}");
    let sent: Vec<u8> = stream.pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
    assert!(sent.starts_with(&units.concat()), "not what was sent");
    assert!(units.iter().all(|unit| unit.ends_with(b"\n")), "a part of a line");
}

/// The lines of good uploads, each of an instant of its own; so nothing depends on which of them come together.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        sample::select(vec!["m1", "192.168.1.2", "site:a-7"]),
        any::<bool>(),
        sample::select(vec!["\n", "\n\n", "\r\n"]),
    );
    collection::vec(line, 0..20).prop_map(|lines| {
        let line = |(number, (id, dated, end))| {
            let date = if dated { "2026-07-01 " } else { "" };
            format!("{id} {date}{number:02}:30{} - 20.5 - -%{end}", if dated { "Z" } else { "" })
        };
        lines.into_iter().enumerate().map(line).collect::<String>().into_bytes()
    })
}

fn pauses() -> impl Strategy<Value = Vec<u64>> {
    collection::vec(prop_oneof![6 => SHORT, 3 => LONG, 1 => Just(ENDLESS)], 0..12)
}

fn end() -> impl Strategy<Value = End> {
    sample::select(vec![End::Close, End::Reset, End::Silence])
}

proptest! {
    #[test]
    fn p5_of_an_upload_whole_units_are_taken_however_it_comes(
        bytes in prop_oneof![lines(), collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200)],
        cut in option::of(any::<sample::Index>()),
        places in collection::vec(any::<usize>(), 0..12),
        pauses in pauses(),
        end in end(),
    ) {
        let length = cut.map_or(bytes.len(), |cut| cut.index(bytes.len() + 1));
        check(&Stream::new(&bytes[..length], &places, &pauses, end));
    }

    #[test]
    fn p2_an_upload_in_pieces_is_the_upload(
        text in lines(),
        places in collection::vec(any::<usize>(), 0..12),
        pauses in collection::vec(prop_oneof![SHORT, LONG], 0..12),
        end in sample::select(vec![End::Close, End::Silence]),
    ) {
        let (units, refused) = Stream::new(&text, &places, &pauses, end).received();
        prop_assert!(!refused);
        prop_assert_eq!(readings(units.iter().map(Vec::as_slice)), readings([text.as_slice()]));
    }

    #[test]
    fn p5_nothing_is_taken_from_a_line_that_is_cut(
        text in lines(),
        cut in any::<sample::Index>(),
        places in collection::vec(any::<usize>(), 0..12),
        pauses in collection::vec(SHORT, 0..12),
        end in end(),
    ) {
        let sent = &text[..cut.index(text.len() + 1)];
        let (units, refused) = Stream::new(sent, &places, &pauses, end).received();
        let whole = sent.is_empty() || (sent.ends_with(b"\n") && end != End::Reset);
        prop_assert_eq!(refused, !whole);
        let expected = if whole { readings([sent]) } else { BTreeSet::new() };
        prop_assert_eq!(readings(units.iter().map(Vec::as_slice)), expected);
    }
}

/// The uploads that the fuzzer starts from, without when and where they come.
fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/upload");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).unwrap().split_off(8.min(file.metadata().unwrap().len() as usize)))
        .collect()
}

#[test]
fn p5_every_upload_of_the_corpus_may_be_split_and_cut_at_every_byte() {
    let corpus = corpus();
    assert!(corpus.len() > 30);
    for bytes in corpus {
        for place in 0..=bytes.len() {
            for pause in [0, 299, 301, ENDLESS] {
                check(&Stream::new(&bytes, &[place], &[pause], End::Close));
            }
            for end in [End::Close, End::Reset, End::Silence] {
                check(&Stream::new(&bytes[..place], &[], &[], end));
            }
        }
    }
}
