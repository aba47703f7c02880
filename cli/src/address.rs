//! Addresses as operators write them: `SCHEME://HOST[:PORT]`, the scheme naming the protocol.

use std::{fmt, str::FromStr};

/// The protocols that an address can name, and the port that each has by custom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Reference datagrams.
    Udp,
    /// The reference upload.
    Tcp,
    /// The uplink to the cloud's API.
    Http,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Http];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Udp => 10005,
            Self::Tcp => 8001,
            Self::Http => 80,
        }
    }
}

/// An address: protocol, host (a name or an IP address), port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads an address whose scheme must be one of `schemes`.
    pub(crate) fn parse(text: &str, schemes: &[Scheme]) -> Result<Self, String> {
        let allowed =
            || schemes.iter().map(|scheme| format!("{}://", scheme.name())).collect::<Vec<_>>().join(" or ");
        let (name, rest) = text
            .split_once("://")
            .ok_or_else(|| format!("`{text}` names no protocol; write {}HOST:PORT", allowed()))?;
        let scheme = Scheme::ALL.into_iter().find(|scheme| scheme.name() == name && schemes.contains(scheme));
        let scheme = scheme
            .ok_or_else(|| format!("`{name}://` is not possible here; write {}HOST:PORT", allowed()))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = host_port(rest, Some(scheme.port())).map_err(|why| format!("`{text}`: {why}"))?;
        Ok(Self { scheme, host, port })
    }

    /// Reads `HOST:PORT` without a protocol, for HTTP.
    pub(crate) fn parse_http(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Self::parse(text, &[Scheme::Http]);
        }
        let (host, port) =
            host_port(text, None).map_err(|why| format!("`{text}`: {why}; write 127.0.0.1:8080"))?;
        Ok(Self { scheme: Scheme::Http, host, port })
    }
}

fn host_port(text: &str, default: Option<u16>) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(v6) => v6.split_once(']').ok_or("the `]` behind the IPv6 address is missing")?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
        return Err("that is not a host and a port".into());
    }
    let port = match port.strip_prefix(':') {
        Some(digits) => u16::from_str(digits).map_err(|_| "the port is a number from 0 to 65535")?,
        None if port.is_empty() => default.ok_or("the port is missing")?,
        None => return Err("that is not a host and a port".into()),
    };
    Ok((host.into(), port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port) = (self.scheme.name(), self.port);
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{port}", self.host),
            false => write!(f, "{scheme}://{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_protocol_host_and_port() {
        let read =
            |text: &str| Address::parse(text, &[Scheme::Udp, Scheme::Tcp]).map(|address| address.to_string());
        assert_eq!(read("udp://127.0.0.1:4000").as_deref(), Ok("udp://127.0.0.1:4000"));
        assert_eq!(read("udp://gateway.local").as_deref(), Ok("udp://gateway.local:10005"));
        assert_eq!(read("tcp://[::1]").as_deref(), Ok("tcp://[::1]:8001"));
        assert_eq!(read("tcp://[::1]:9/").as_deref(), Ok("tcp://[::1]:9"));
        for bad in [
            "",
            "127.0.0.1:1",
            "http://a",
            "coap://a",
            "udp://",
            "udp://:1",
            "udp://a:x",
            "udp://a:70000",
            "udp://[::1",
            "udp://a/b",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(Address::parse_http("127.0.0.1:8080").unwrap().to_string(), "http://127.0.0.1:8080");
        assert!(Address::parse_http("127.0.0.1").is_err());
    }
}
