//! Finding a message in a stream that does not say where it ends.

use crate::{Limits, budget::Share};
use bytes::{Bytes, BytesMut};
use fieldpost_core::{Reason, Refusal};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::{Instant, timeout},
};

/// How a message ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Whole: at the sender's close (the second is true) or at a pause after a complete line.
    Message(Bytes, bool),
    /// Not whole, or too much: it is refused.
    Cut(Bytes, Refusal),
    /// There is no room for it at the moment.
    NoRoom,
    /// Nothing came.
    Nothing,
}

/// Receives one message, whose first byte may take `first`.
pub(super) async fn message(
    stream: &mut (impl AsyncRead + Unpin),
    share: &mut Share,
    limits: &Limits,
    first: Duration,
    deadline: Instant,
) -> Received {
    let mut bytes = BytesMut::new();
    loop {
        let complete = bytes.ends_with(b"\n");
        let patience = match bytes.is_empty() {
            true => first,
            false if complete => limits.upload_pause,
            false => limits.upload_stall,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let read = timeout(patience.min(left), stream.read_buf(&mut bytes)).await;
        match read {
            Ok(Ok(0)) if complete || bytes.is_empty() => return Received::Message(bytes.freeze(), true),
            Ok(Ok(0) | Err(_)) => return cut(bytes, "the connection closed in the middle of a line"),
            Ok(Ok(_)) if bytes.len() > limits.upload_bytes => return too_long(bytes, limits),
            Ok(Ok(_)) if share.cover(bytes.len()).is_err() => return Received::NoRoom,
            Ok(Ok(_)) => {}
            Err(_) if bytes.is_empty() => return Received::Nothing,
            Err(_) if left < patience => return cut(bytes, "the upload did not end in time"),
            Err(_) if complete => return Received::Message(bytes.freeze(), false),
            Err(_) => return cut(bytes, "a line was not finished; end each with a newline"),
        }
    }
}

fn cut(bytes: BytesMut, why: &str) -> Received {
    if bytes.is_empty() {
        return Received::Nothing;
    }
    Received::Cut(bytes.freeze(), Refusal::new(Reason::Truncated, why))
}

fn too_long(bytes: BytesMut, limits: &Limits) -> Received {
    let why = format!("an upload has at most {} bytes; send it in several", limits.upload_bytes);
    Received::Cut(bytes.freeze(), Refusal::new(Reason::TooLong, why))
}

#[cfg(test)]
mod pieces;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use tokio::io::{AsyncWriteExt, duplex};

    async fn receive(limits: Limits, pieces: &[(&[u8], u64)], close: bool) -> Received {
        let (mut far, mut near) = duplex(64 * 1024);
        let mut share = Budget::new(0).share();
        let deadline = Instant::now() + limits.upload_deadline;
        let send = async {
            for (piece, pause) in pieces {
                let _ = far.write_all(piece).await;
                tokio::time::sleep(Duration::from_millis(*pause)).await;
            }
            if close {
                drop(far);
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            received = message(&mut near, &mut share, &limits, limits.upload_deadline, deadline) => received,
            () = async { send.await; std::future::pending::<()>().await } => unreachable!(),
        }
    }

    fn cut_by(received: Received) -> Reason {
        match received {
            Received::Cut(_, refusal) => refusal.reason(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_ends_at_a_pause_after_a_complete_line_but_not_within_one() {
        let limits = Limits::default();
        let pieces: &[(&[u8], u64)] =
            &[(b"a 08:", 5_000), (b"00 - 1 - 2%\n", 299), (b"b\n", 301), (b"c\n", 0)];
        let received = receive(limits, pieces, true).await;
        assert_eq!(received, Received::Message(Bytes::from_static(b"a 08:00 - 1 - 2%\nb\n"), false));
    }

    /// `line` at one byte a second.
    async fn one_byte_a_second(line: &[u8]) -> Received {
        let bytes: Vec<(&[u8], u64)> = line.chunks(1).map(|byte| (byte, 1_000)).collect();
        receive(Limits::default(), &bytes, false).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_byte_a_second_is_fast_enough_for_a_line_and_holds_up_nobody() {
        let line = b"sensor-0017 08:00 - 20.25 - 30.75%\n";
        assert_eq!(line.len(), 35);
        let started = Instant::now();
        let slow = tokio::spawn(async { one_byte_a_second(line).await });
        for _ in 0..50 {
            let quick = receive(Limits::default(), &[(b"a 08:00 - 1 - 2%\n", 0)], false).await;
            assert_eq!(quick, Received::Message(Bytes::from_static(b"a 08:00 - 1 - 2%\n"), false));
        }
        assert!(!slow.is_finished() && started.elapsed() < Duration::from_secs(16), "50 pauses, no more");
        assert_eq!(slow.await.unwrap(), Received::Message(Bytes::from_static(line), false));
        assert!(started.elapsed() > Duration::from_secs(34));
    }

    #[tokio::test(start_paused = true)]
    async fn one_byte_a_second_does_not_hold_a_connection_beyond_its_deadline() {
        let started = Instant::now();
        assert_eq!(cut_by(one_byte_a_second(&[b'm'; 100]).await), Reason::Truncated);
        assert_eq!(started.elapsed().as_secs(), Limits::default().upload_deadline.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_ends_at_the_senders_close_also_an_empty_one() {
        let limits = Limits::default();
        let received = receive(limits, &[(b"a\n", 0)], true).await;
        assert_eq!(received, Received::Message(Bytes::from_static(b"a\n"), true));
        assert_eq!(receive(limits, &[], true).await, Received::Message(Bytes::new(), true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_without_its_end_is_cut() {
        let limits = Limits::default();
        assert_eq!(cut_by(receive(limits, &[(b"a\nb 08:0", 0)], true).await), Reason::Truncated);
        assert_eq!(cut_by(receive(limits, &[(b"a\nb 08:0", 0)], false).await), Reason::Truncated, "stalled");
        let endless = vec![(&b"a\n"[..], 200); 400];
        assert_eq!(cut_by(receive(limits, &endless, false).await), Reason::Truncated, "deadline");
        assert_eq!(receive(limits, &[], false).await, Received::Nothing);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_over_the_limits_is_not_held() {
        let limits = Limits { upload_bytes: 10, ..Limits::default() };
        assert_eq!(cut_by(receive(limits, &[(b"0123456789\n", 0)], true).await), Reason::TooLong);
        let large = vec![b'\n'; Limits::FREE_BYTES];
        let received = receive(Limits::default(), &[(&large, 0), (b"\n", 0)], true).await;
        assert_eq!(received, Received::NoRoom);
    }
}
