//! Many datagrams with one system call.

use nix::{
    errno::Errno,
    sys::socket::{
        MsgFlags, MultiHeaders, SockaddrLike, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt,
    },
};
use std::{
    io::{IoSlice, IoSliceMut, Result},
    net::UdpSocket,
    os::fd::AsRawFd,
};

/// Datagrams a call.
pub(super) const BATCH: usize = 128;
/// Room for a reply, or for a datagram of the benchmark.
const ROOM: usize = 512;
/// What a server's socket may hold: the usual size overflows with a thousand datagrams under way.
const SERVER_BUFFER: usize = 4 * 1024 * 1024;

/// Room for a batch of received datagrams.
pub(super) struct Inbox {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Vec<[u8; ROOM]>,
    /// Of each datagram of the last batch: its length, and who sent it.
    received: Vec<(usize, Option<SockaddrStorage>)>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![[0; ROOM]; BATCH],
            received: Vec::with_capacity(BATCH),
        }
    }

    /// Receives what is there; how many there were.
    pub(super) fn receive(&mut self, socket: &UdpSocket, flags: MsgFlags) -> Result<usize> {
        self.received.clear();
        let mut slices: Vec<_> = self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        match recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(results) => self.received.extend(results.map(|result| (result.bytes, result.address))),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.received.len())
    }

    /// The datagrams of the last batch, and their senders.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (&[u8], Option<SockaddrStorage>)> {
        self.buffers
            .iter()
            .zip(&self.received)
            .map(|(buffer, (length, from))| (buffer.get(..*length).unwrap_or(buffer), *from))
    }
}

/// Sends datagrams; how many the kernel took.
pub(super) fn send<'a, S: SockaddrLike + Copy>(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<S>,
    datagrams: impl Iterator<Item = &'a [u8]>,
    to: &[Option<S>],
) -> Result<usize> {
    let slices: Vec<_> = datagrams.map(|datagram| [IoSlice::new(datagram)]).collect();
    match sendmmsg(socket.as_raw_fd(), headers, slices.iter(), to, [], MsgFlags::empty()) {
        Ok(results) => Ok(results.count()),
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Gives the socket the buffer of a server.
pub(super) fn widen(socket: &UdpSocket) -> Result<()> {
    Ok(setsockopt(socket, sockopt::RcvBuf, &SERVER_BUFFER)?)
}
