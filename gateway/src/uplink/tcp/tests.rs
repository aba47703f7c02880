//! However an answer comes, in pieces and with pauses, it means what it means whole; of a part nothing is concluded.

use super::*;
use crate::uplink::verdict::{Verdict, of_reply};
use proptest::{collection, prelude::*};
use tokio::{io::duplex, time::sleep};

/// What clouds say, and what strangers do.
const ANSWERS: [&str; 6] = [
    "Surveys received",
    "Surveys refused: busy; try again later",
    "Surveys refused: line 2: `24:00` is no time of day",
    "An error is occurred",
    "Surveys received\n",
    "Surveys refused: ; try again later; try again later",
];

/// How the cloud's side ends behind the last piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Silence,
}

/// What the gateway makes of an answer that comes in these pieces, a pause before each.
fn heard(pieces: &[(Vec<u8>, u64)], end: End) -> io::Result<Vec<u8>> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (mut far, mut near) = duplex(1);
        let say = async {
            for (piece, pause) in pieces {
                sleep(Duration::from_millis(*pause)).await;
                // Nobody may listen any more.
                let _ = far.write_all(piece).await;
            }
            if end == End::Silence {
                std::future::pending::<()>().await;
            }
            drop(far);
            std::future::pending().await
        };
        tokio::select! { heard = answer(&mut near, Instant::now() + ANSWER_TIMEOUT) => heard, () = say => unreachable!() }
    })
}

/// The bytes, in pieces that end at these places.
fn split(bytes: &[u8], places: &[usize], pauses: &[u64]) -> Vec<(Vec<u8>, u64)> {
    let mut ends: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.clone());
    let pauses = pauses.iter().copied().chain(std::iter::repeat(0));
    starts.zip(ends).zip(pauses).map(|((start, end), pause)| (bytes[start..end].to_vec(), pause)).collect()
}

proptest! {
    #[test]
    fn an_answer_in_pieces_is_the_answer(
        whole in prop_oneof![
            4 => proptest::sample::select(&ANSWERS[..]).prop_map(|answer| answer.as_bytes().to_vec()),
            1 => collection::vec(any::<u8>(), 0..600),
        ],
        places in collection::vec(any::<usize>(), 0..6),
        pauses in collection::vec(0..300_u64, 0..6),
    ) {
        let pieces = split(&whole, &places, &pauses);
        prop_assert_eq!(heard(&pieces, End::Close).unwrap(), whole.clone());
        match heard(&pieces, End::Silence) {
            Ok(heard) => prop_assert!(heard == whole && heard == reply::RECEIVED.as_bytes()),
            Err(_) => prop_assert!(whole != reply::RECEIVED.as_bytes()),
        }
    }
}

#[test]
fn of_a_part_of_an_answer_nothing_is_concluded() {
    for whole in ANSWERS.map(str::as_bytes) {
        for cut in 0..whole.len() {
            let part = vec![(whole[..cut].to_vec(), 0)];
            let closed = of_reply(&heard(&part, End::Close).unwrap());
            assert!(closed != Verdict::Accepted || whole == b"Surveys received\n", "{cut} of {whole:?}");
            let paused = [(whole[..cut].to_vec(), 0), (whole[cut..].to_vec(), 2_001)];
            let heard = heard(&paused, End::Close);
            let received = whole[..cut] == *reply::RECEIVED.as_bytes();
            assert!(cut == 0 || heard.is_err() || received, "{cut} of {whole:?}");
        }
    }
}

#[test]
fn an_answer_without_end_is_none() {
    assert!(heard(&[(vec![b'x'; MAX_ANSWER + 1], 0)], End::Close).is_err());
    assert!(heard(&[(vec![b'x'; MAX_ANSWER], 0)], End::Close).is_ok());
    let dribble: Vec<_> = b"Surveys refused: ".iter().map(|byte| (vec![*byte], 2_001)).collect();
    assert!(heard(&dribble, End::Close).is_err());
}

#[test]
fn an_answer_that_begins_in_time_is_heard_to_its_end() {
    let end = ANSWER_TIMEOUT.as_millis() as u64;
    let whole = reply::RECEIVED.as_bytes();
    let last = vec![(whole.to_vec(), end - 1)];
    assert_eq!(heard(&last, End::Close).unwrap(), whole);
    assert_eq!(heard(&last, End::Silence).unwrap(), whole, "although its close is waited for");
    let late = heard(&[(whole.to_vec(), end + 1)], End::Close);
    assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
    let dribble: Vec<_> = vec![(b"x".to_vec(), 1_900); 60];
    assert!(heard(&dribble, End::Close).is_err(), "nobody keeps the gateway for ever");
}
