//! Datagrams in, by the batch.

use std::{
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    sync::Arc,
    time::Duration,
};

use fieldpost_core::message::MAX_DATAGRAM;
use jiff::tz::TimeZone;
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg},
};

use super::{Pending, Printer, decide, inbox::Entry};
use crate::{Error, clock};

/// Datagrams that are received in one call.
const BATCH: usize = 128;
/// The kernel's buffer: room for a few hundred devices that all send at the full hour.
const KERNEL_BUFFER: usize = 4 << 20;
/// How long a receiver sleeps before it looks whether the gateway is to end.
const LOOK_UP: Duration = Duration::from_millis(100);

/// The receiving side of one socket.
pub(crate) struct Receiver {
    /// Its place among the sockets.
    index: usize,
    socket: Arc<UdpSocket>,
    pending: Arc<Pending>,
    zone: TimeZone,
    printer: Option<Printer>,
}

impl Receiver {
    /// Prepares the socket.
    pub(crate) fn new(
        index: usize,
        socket: Arc<UdpSocket>,
        pending: Arc<Pending>,
        zone: TimeZone,
        printer: Option<Printer>,
    ) -> Result<Self, Error> {
        let failed = |operation| move |source| Error::Socket { operation, source };
        socket.set_nonblocking(false).map_err(failed("make the UDP socket blocking"))?;
        socket.set_read_timeout(Some(LOOK_UP)).map_err(failed("set a timeout on the UDP socket"))?;
        // Less is slower, not wrong.
        if let Err(error) = socket2::SockRef::from(&*socket).set_recv_buffer_size(KERNEL_BUFFER) {
            tracing::warn!(%error, "the UDP socket keeps its small receive buffer");
        }
        Ok(Self { index, socket, pending, zone, printer })
    }

    /// Receives until the gateway ends.
    pub(crate) fn run(self) {
        let mut buffers = vec![[0_u8; MAX_DATAGRAM]; BATCH];
        let mut headers = MultiHeaders::preallocate(BATCH, None);
        let mut came = Vec::with_capacity(BATCH);
        while !self.pending.is_closed() {
            match receive(&self.socket, &mut headers, &mut buffers, &mut came) {
                Ok(()) => self.hand_on(&buffers, &came),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno) => {
                    tracing::warn!(error = %io::Error::from(errno), "cannot receive");
                    std::thread::sleep(LOOK_UP);
                }
            }
        }
    }

    fn hand_on(&self, buffers: &[[u8; MAX_DATAGRAM]], came: &[(usize, SocketAddr)]) {
        let now = clock::now();
        let read = |(buffer, (length, peer)): (&[u8; MAX_DATAGRAM], &(usize, SocketAddr))| {
            let bytes = buffer.get(..*length).unwrap_or(buffer);
            if let Some(printer) = &self.printer {
                printer.datagram(*length, *peer, bytes);
            }
            let datagram = decide::read(bytes, *length, peer.ip(), now, &self.zone);
            Entry { socket: self.index, peer: *peer, datagram }
        };
        // Read before the lock is taken: the committer waits for it too.
        let entries: Vec<_> = buffers.iter().zip(came).map(read).collect();
        self.pending.push(entries);
    }
}

/// Waits for a datagram, and takes those that are there: their real lengths, and their senders.
fn receive(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<SockaddrStorage>,
    buffers: &mut [[u8; MAX_DATAGRAM]],
    came: &mut Vec<(usize, SocketAddr)>,
) -> nix::Result<()> {
    came.clear();
    let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
    // MSG_TRUNC: the length is the datagram's, also where the buffer is too small for it.
    let flags = MsgFlags::MSG_WAITFORONE | MsgFlags::MSG_TRUNC;
    let results = recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), flags, None)?;
    came.extend(results.map(|message| (message.bytes, sender(message.address))));
    Ok(())
}

fn sender(address: Option<SockaddrStorage>) -> SocketAddr {
    let v4 = |address: &SockaddrStorage| address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    let v6 = |address: &SockaddrStorage| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()));
    // An IP socket has no other senders.
    address
        .and_then(|address| v4(&address).or_else(|| v6(&address)))
        .unwrap_or_else(|| ([0, 0, 0, 0], 0).into())
}
