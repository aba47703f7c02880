//! A connection's stream, which tells the connection's [`Seat`] whose turn it is.

use crate::seats::Seat;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose seat hears of every byte from the peer, and when the peer is waited for.
pub(crate) struct Watched<S> {
    stream: S,
    seat: Arc<Seat>,
    /// Bytes wait to be written: reading meanwhile does not mean that the answer is out.
    blocked: bool,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, seat: Arc<Seat>) -> Self {
        Self { stream, seat, blocked: false }
    }

    /// The stream itself.
    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The connection's seat.
    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.seat.heard();
        } else if read.is_pending() && !self.blocked {
            self.seat.waits();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.blocked = written.is_pending();
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.blocked = written.is_pending();
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
