//! Answers out, by the batch.

use std::{
    io::IoSlice,
    net::{SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg},
};

/// Answers that are sent in one call.
const BATCH: usize = 128;
/// How long answers wait for room in the kernel. One that is lost costs its device another copy, no more.
const PATIENCE_MS: u8 = 20;

/// The answering side of all sockets.
pub(super) struct Answerer {
    sockets: Vec<Arc<UdpSocket>>,
    headers: MultiHeaders<SockaddrStorage>,
}

impl Answerer {
    pub(super) fn new(sockets: Vec<Arc<UdpSocket>>) -> Self {
        Self { sockets, headers: MultiHeaders::preallocate(BATCH, None) }
    }

    /// Sends each text to its peer, on the socket with that place.
    pub(super) fn send<'a>(&mut self, answers: impl Iterator<Item = (usize, SocketAddr, &'a str)> + Clone) {
        for (index, socket) in self.sockets.iter().enumerate() {
            let mut texts = Vec::with_capacity(BATCH);
            let mut peers = Vec::with_capacity(BATCH);
            for (_, peer, text) in answers.clone().filter(|(socket, ..)| *socket == index) {
                texts.push([IoSlice::new(text.as_bytes())]);
                peers.push(Some(SockaddrStorage::from(peer)));
                if texts.len() == BATCH {
                    send_batch(socket, &mut self.headers, &texts, &peers);
                    texts.clear();
                    peers.clear();
                }
            }
            send_batch(socket, &mut self.headers, &texts, &peers);
        }
    }
}

fn send_batch(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<SockaddrStorage>,
    mut texts: &[[IoSlice<'_>; 1]],
    mut peers: &[Option<SockaddrStorage>],
) {
    while !texts.is_empty() {
        let sent = match sendmmsg(socket.as_raw_fd(), headers, texts, peers, [], MsgFlags::MSG_DONTWAIT) {
            Ok(sent) => sent.count(),
            Err(Errno::EINTR) => 0,
            Err(Errno::EAGAIN) if wait_for_room(socket) => 0,
            Err(Errno::EAGAIN) => return,
            // The first one cannot be reached; the others may.
            Err(_) => 1,
        };
        texts = texts.get(sent..).unwrap_or_default();
        peers = peers.get(sent..).unwrap_or_default();
    }
}

fn wait_for_room(socket: &UdpSocket) -> bool {
    let mut ready = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    poll(&mut ready, PollTimeout::from(PATIENCE_MS)).is_ok_and(|ready| ready > 0)
}
