//! The body of an answer that is sent piece by piece.
//!
//! Not `http_body_util::channel`: that asks for pieces first and for the end then, and what comes in between, with the end behind it, it
//! takes for an answer without that piece.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::sync::{mpsc, oneshot};

/// Where the pieces go in. Dropped, the answer ends.
pub(super) struct Sender {
    pieces: mpsc::Sender<Bytes>,
    broken: oneshot::Sender<io::Error>,
}

/// Where they come out, in order; the end, or the error, behind the last.
pub(super) struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    /// None when it has ended.
    broken: Option<oneshot::Receiver<io::Error>>,
}

/// A body, of which at most `ahead` pieces wait for the client.
pub(super) fn pieces(ahead: usize) -> (Sender, Pieces) {
    let ((sender, receiver), (broken, is_broken)) = (mpsc::channel(ahead), oneshot::channel());
    (Sender { pieces: sender, broken }, Pieces { pieces: receiver, broken: Some(is_broken) })
}

impl Sender {
    /// Waits for a place.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn send_data(&mut self, piece: Bytes) -> Result<(), io::Error> {
        self.pieces.send(piece).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Breaks the answer off behind what was sent: the client must not take it for whole.
    pub(super) fn abort(self, error: io::Error) {
        // Nobody listens if the client is gone.
        let _ = self.broken.send(error);
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(piece) = ready!(self.pieces.poll_recv(context)) {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(broken) = &mut self.broken else { return Poll::Ready(None) };
        let error = ready!(Pin::new(broken).poll(context));
        self.broken = None;
        Poll::Ready(error.ok().map(Err))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_piece_is_lost_at_the_end_of_an_answer() {
        for _ in 0..20_000 {
            let (mut sender, body) = pieces(1);
            let sending =
                tokio::spawn(async move { sender.send_data(Bytes::from_static(b"all of it")).await });
            assert_eq!(body.collect().await.unwrap().to_bytes(), "all of it");
            sending.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_broken_off_ends_with_an_error_behind_what_was_sent() {
        let (mut sender, mut body) = pieces(1);
        sender.send_data(Bytes::from_static(b"part")).await.unwrap();
        sender.abort(io::ErrorKind::TimedOut.into());
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "part");
        assert_eq!(body.frame().await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
