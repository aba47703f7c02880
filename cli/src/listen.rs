//! Opening the sockets that others connect to, and only those that the operator wants open (promise P9).

use crate::{address::Address, failure::Failure};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};

/// Opens a UDP socket at `address`, which came from `flag`.
pub(crate) fn udp(address: &Address, flag: &str, allow_insecure: bool) -> Result<UdpSocket, Failure> {
    let at = resolve(address, allow_insecure)?;
    let socket = UdpSocket::bind(at).map_err(|error| taken(address, flag, &error))?;
    opened(address, socket.local_addr());
    Ok(socket)
}

/// Opens a TCP socket at `address`, which came from `flag`.
pub(crate) fn tcp(address: &Address, flag: &str, allow_insecure: bool) -> Result<TcpListener, Failure> {
    bind(address, resolve(address, allow_insecure)?, flag)
}

/// Opens a TCP socket at `address`, which came from `flag`, for a service that asks by itself who comes.
pub(crate) fn guarded(address: &Address, flag: &str) -> Result<TcpListener, Failure> {
    bind(address, find(address)?, flag)
}

fn bind(address: &Address, at: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(at).map_err(|error| taken(address, flag, &error))?;
    opened(address, listener.local_addr());
    Ok(listener)
}

/// Says where it really is: a name may have several addresses, and port 0 is any free one.
fn opened(address: &Address, at: std::io::Result<SocketAddr>) {
    if let Ok(at) = at {
        tracing::info!("listening on {}://{at}", address.scheme.name());
    }
}

fn resolve(address: &Address, allow_insecure: bool) -> Result<SocketAddr, Failure> {
    let at = find(address)?;
    if !at.ip().is_loopback() && !allow_insecure {
        return Err(Failure::usage(format!(
            "{address} can be reached from other machines, and nothing that comes there is authenticated or encrypted. \
             Listen on 127.0.0.1, or add --allow-insecure if everyone on that network may send and read"
        )));
    }
    Ok(at)
}

fn find(address: &Address) -> Result<SocketAddr, Failure> {
    let found = (address.host.as_str(), address.port).to_socket_addrs();
    let found: Vec<_> = found
        .map_err(|error| Failure::usage(format!("cannot listen on {address}: no such host ({error})")))?
        .collect();
    // The reference system's `localhost` is IPv4.
    let at = found.iter().find(|at| at.is_ipv4()).or(found.first());
    at.copied().ok_or_else(|| Failure::usage(format!("cannot listen on {address}: no such host")))
}

fn taken(address: &Address, flag: &str, error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        std::io::ErrorKind::AddrInUse => "another program has this port; stop it, or choose another port",
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; choose one of its own"
        }
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one",
        _ => "choose another address",
    };
    Failure::failed(format!("cannot listen on {address}: {error}; {why} with {flag}"))
}
