//! Networks, and whom among them a request may have come through.

use std::{fmt, net::IpAddr, str::FromStr};

/// The addresses that begin like one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let same = |one: u128, other: u128, bits: u8| {
            let rest = u32::from(bits.saturating_sub(self.prefix));
            one.checked_shr(rest) == other.checked_shr(rest)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => same(u32::from(one).into(), u32::from(other).into(), 32),
            (IpAddr::V6(one), IpAddr::V6(other)) => same(one.into(), other.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `ADDRESS`, or `ADDRESS/PREFIX`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no network; write an address such as 10.0.0.2, or 10.0.0.0/28");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(one, two)| (one, Some(two)));
        let address = address.parse::<IpAddr>().map_err(|_| wrong())?.to_canonical();
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let digits = |prefix: &str| !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => bits,
            Some(prefix) => prefix.parse().ok().filter(|_| digits(prefix)).ok_or_else(wrong)?,
        };
        match prefix {
            0 => Err(format!("`{text}` is everybody; name the proxies that are yours")),
            _ if prefix > bits => Err(wrong()),
            _ => Ok(Self { address, prefix }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Those who are believed when they say for whom they ask: this machine's own, and those that the operator names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<Network>);

impl Proxies {
    pub(crate) fn new(named: Vec<Network>) -> Self {
        Self(named)
    }

    /// Whether whoever is at `address` is one of them.
    pub(crate) fn have(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback() || self.0.iter().any(|network| network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_those_who_begin_like_it() {
        let has = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(has("10.0.0.2", "10.0.0.2") && !has("10.0.0.2", "10.0.0.3"));
        assert!(has("10.0.0.16/28", "10.0.0.31") && !has("10.0.0.16/28", "10.0.0.32"));
        assert!(has("10.0.0.16/28", "::ffff:10.0.0.17"), "the same address, written otherwise");
        assert!(has("2001:db8::/32", "2001:db8:1::1") && !has("2001:db8::/32", "2001:db9::1"));
        assert!(!has("0.0.0.1/1", "::1") && !has("8000::/1", "10.0.0.1"));
        assert!(has("128.0.0.0/1", "255.0.0.1") && !has("128.0.0.0/1", "127.0.0.1"));
    }

    #[test]
    fn what_is_no_network_and_what_is_everybody_is_refused() {
        for bad in [
            "",
            "proxy",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/8/8",
        ] {
            assert!(bad.parse::<Network>().unwrap_err().contains("10.0.0.0/28"), "{bad}");
        }
        for everybody in ["0.0.0.0/0", "::/0", "10.0.0.0/0"] {
            assert!(everybody.parse::<Network>().unwrap_err().contains("everybody"), "{everybody}");
        }
        assert_eq!("10.0.0.2".parse::<Network>().unwrap().to_string(), "10.0.0.2/32");
    }
}
