//! One datagram to the gateway, sent until it is acknowledged.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use fieldpost_core::exchange::{Exchange, Outcome, Step};
use fieldpost_core::message;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::Instant;

use crate::Gateway;

/// The room for a reply, in bytes, as the reference device has it.
pub(crate) const BUFFER: usize = message::MAX_DATAGRAM;

/// How the delivery of one datagram went.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) outcome: Outcome,
    /// The last reply, as it may be shown.
    pub(crate) reply: String,
    /// From the first copy to the end.
    pub(crate) took: Duration,
    /// How often it was sent, or sending was tried.
    pub(crate) attempts: u32,
    /// What last stood in the way.
    pub(crate) trouble: Option<String>,
}

/// How long the gateway's name may take to resolve before it counts as one failed attempt.
const OPENING: Duration = Duration::from_secs(10);

/// Sends `datagram` to `gateway` again and again until there is a final answer, or `give_up` has passed.
pub(crate) async fn deliver(gateway: &Gateway, datagram: &[u8], give_up: Duration) -> Delivery {
    let started = Instant::now();
    let mut exchange = Exchange::new(Duration::ZERO, give_up, seed());
    // A socket of this datagram's own: replies name nothing, so on a shared one a late reply to the datagram before
    // would pass for the reply to this one.
    let mut link = Link { gateway, refused: 0, socket: None, reply: String::new(), trouble: None };
    loop {
        match exchange.poll(started.elapsed()) {
            Step::Send => link.send(datagram).await,
            Step::WaitUntil(until) => {
                let heard = tokio::time::timeout(until.saturating_sub(started.elapsed()), link.receive());
                if let Ok(reply) = heard.await {
                    exchange.handle_reply(&reply);
                }
            }
            Step::Done(outcome) => {
                let (took, attempts) = (started.elapsed(), exchange.attempts());
                return Delivery { outcome, reply: link.reply, took, attempts, trouble: link.trouble };
            }
        }
    }
}

/// A seed for the jitter that differs between devices that start together.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The way to the gateway. Nothing that fails on it is final: the network may come back while the device is still trying.
struct Link<'a> {
    gateway: &'a Gateway,
    /// How many sockets were refused: the next one tries the gateway's next address.
    refused: usize,
    socket: Option<UdpSocket>,
    reply: String,
    trouble: Option<String>,
}

impl Link<'_> {
    async fn send(&mut self, datagram: &[u8]) {
        if let Err(error) = self.try_send(datagram).await {
            self.note(&error);
        }
    }

    async fn try_send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => tokio::time::timeout(OPENING, open(self.gateway, self.refused)).await??,
        };
        socket.send(datagram).await?;
        self.socket = Some(socket);
        Ok(())
    }

    /// The next datagram that comes back; never if there is no socket to hear it on.
    async fn receive(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; BUFFER];
        while let Some(socket) = &self.socket {
            match socket.recv(&mut buffer).await {
                Ok(length) => {
                    buffer.truncate(length);
                    self.reply = shown(&buffer);
                    return buffer;
                }
                // The copy before was refused (nobody listens there), or the network is gone.
                Err(error) => {
                    self.note(&error);
                    self.socket = None;
                }
            }
        }
        std::future::pending().await
    }

    fn note(&mut self, error: &io::Error) {
        self.refused = self.refused.wrapping_add(1);
        let trouble = match error.kind() {
            io::ErrorKind::ConnectionRefused => "nobody listens there; is the gateway running?".to_owned(),
            _ => error.to_string(),
        };
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::warn!(gateway = %self.gateway, "cannot reach the gateway: {trouble}");
        }
        self.trouble = Some(trouble);
    }
}

async fn open(gateway: &Gateway, attempt: usize) -> io::Result<UdpSocket> {
    let target = resolve(gateway, attempt).await?;
    let own: SocketAddr = match target {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(target).await?;
    Ok(socket)
}

/// One of the gateway's addresses, another one at each attempt.
async fn resolve(gateway: &Gateway, attempt: usize) -> io::Result<SocketAddr> {
    let found = lookup_host((gateway.host.as_str(), gateway.port)).await;
    let mut addresses: Vec<SocketAddr> = found
        .map_err(|error| io::Error::new(error.kind(), format!("cannot resolve `{}`: {error}", gateway.host)))?
        .collect();
    // `localhost` is often two addresses, and a reference gateway listens on the older kind.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let index = attempt.checked_rem(addresses.len()).unwrap_or_default();
    let none = || io::Error::new(io::ErrorKind::NotFound, format!("`{}` has no address", gateway.host));
    addresses.get(index).copied().ok_or_else(none)
}

/// Foreign text as it may stand on a terminal.
fn shown(reply: &[u8]) -> String {
    String::from_utf8_lossy(reply).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
