//! Ports for programs that must get the same one again after a kill, and how to see that somebody listens there
//! without talking to them.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Below the range from which the kernel gives ports to clients: while a program is dead, no client may get its port.
const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

/// How often a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// What listens on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

/// An address on loopback that nobody listens on, and that this process gives out once.
///
/// # Errors
/// All ports are taken.
pub fn free() -> Result<SocketAddr> {
    for _ in 0..COUNT {
        // Each process starts somewhere else, so that two runs at once do not meet.
        let offset = process::id().wrapping_mul(97).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + offset % COUNT).context("the range of ports ends below 65,536")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port on loopback from {FIRST} on, of {COUNT}")
}

/// Waits until somebody listens on `address`.
///
/// # Errors
/// Nobody does within `patience`.
pub fn wait_for_listener(kind: Kind, address: SocketAddr, patience: Duration) -> Result<()> {
    wait_until(patience, || listens(kind, address.port()))
        .with_context(|| format!("nobody listens on {kind:?} {address}"))
}

/// Waits until `done` says so.
///
/// # Errors
/// It does not within `patience`, or it fails.
pub fn wait_until(patience: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !done()? {
        if began.elapsed() > patience {
            bail!("not within {patience:?}");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Whether the kernel's table has a listener on `port`. A connection to try it would count as an upload.
fn listens(kind: Kind, port: u16) -> Result<bool> {
    let (table, state) = match kind {
        Kind::Udp => ("/proc/net/udp", "07"),
        Kind::Tcp => ("/proc/net/tcp", "0A"),
    };
    let table = fs::read_to_string(table).with_context(|| format!("cannot read {table}"))?;
    let suffix = format!(":{port:04X}");
    Ok(table.lines().skip(1).any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().is_some_and(|local| local.ends_with(&suffix));
        local && words.nth(1) == Some(state)
    }))
}
