//! Bare UDP echoes: what this machine can do if nothing is understood and nothing is kept.

use super::batch::{self, Inbox};
use anyhow::Result;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage};
use std::net::{SocketAddr, UdpSocket};

/// Room for any datagram of the benchmarks, and of the reference system.
const BUFFER: usize = 4096;

/// Sends every datagram back, one by one, for ever: a tokio loop as anyone would write it.
///
/// # Errors
/// The address is taken, or the socket fails.
pub fn plain(address: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    batch::widen(&socket)?;
    socket.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await?;
            socket.send_to(buffer.get(..length).unwrap_or_default(), from).await?;
        }
    })
}

/// Sends every datagram back, as many with one system call as are there.
///
/// # Errors
/// The address is taken, or the socket fails.
pub fn batched(address: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    batch::widen(&socket)?;
    let mut inbox = Inbox::new();
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(batch::BATCH, None);
    loop {
        let count = inbox.receive(&socket, MsgFlags::MSG_WAITFORONE)?;
        let to: Vec<_> = inbox.datagrams().map(|(_, from)| from).collect();
        let mut sent = 0;
        while sent < count {
            let rest = inbox.datagrams().skip(sent).map(|(bytes, _)| bytes);
            sent += batch::send(&socket, &mut headers, rest, to.get(sent..).unwrap_or_default())?;
        }
    }
}
