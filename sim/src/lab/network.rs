//! The reference system's network, in namespaces: four hosts and a gateway on a switch, and a line to the cloud.
//!
//! ```text
//! meter-2 192.168.1.2 --+
//! meter-3 192.168.1.3 --+           192.168.1.1          10.10.10.1
//! meter-4 192.168.1.4 --+-- switch ------------- gateway ------------- cloud 10.10.10.2
//! meter-5 192.168.1.5 --+   (a bridge)
//! ```
//!
//! There are no routes but the connected ones: nothing leaves the lab, and no meter can reach the cloud.

use super::tools;
use anyhow::Result;
use std::fmt;

/// The gateway's namespace.
pub(super) const GATEWAY: &str = "gateway";
/// The cloud's namespace.
pub(super) const CLOUD: &str = "cloud";
/// Where the field's cables end.
const SWITCH: &str = "switch";
/// The bridge in the switch, and the gateway's end of its cable to it.
const FIELD: &str = "field";
/// A cable's other end, at the cloud and at the meters.
const END: &str = "eth0";

/// The hosts, by the last byte of their addresses.
pub(super) const HOSTS: [u8; 4] = [2, 3, 4, 5];

/// What can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The cable of a host.
    Meter(u8),
    /// The switch: all the hosts, and the gateway's side to them.
    Switch,
    /// The line between gateway and cloud.
    Uplink,
}

/// The namespace of a host.
pub(super) fn meter(host: u8) -> String {
    format!("meter-{host}")
}

/// The address of a host, which is its device's id as well.
pub(super) fn address(host: u8) -> String {
    format!("192.168.1.{host}")
}

/// Builds all of it. It goes with the mount namespace in which the namespaces have their names.
pub(super) fn build() -> Result<()> {
    for namespace in [SWITCH, GATEWAY, CLOUD] {
        add(namespace)?;
    }
    tools::run("ip", &["-n", SWITCH, "link", "add", FIELD, "type", "bridge"])?;
    up(SWITCH, FIELD)?;
    plug_in(GATEWAY, FIELD, 1)?;
    for host in HOSTS {
        add(&meter(host))?;
        plug_in(&meter(host), END, host)?;
    }
    connect((GATEWAY, "uplink"), (CLOUD, END))?;
    attach(GATEWAY, "uplink", "10.10.10.1/24")?;
    attach(CLOUD, END, "10.10.10.2/24")
}

/// Cuts a link. The stations keep their addresses; their frames go nowhere.
pub(super) fn cut(link: Link) -> Result<()> {
    set(link, "down")
}

/// Mends a link.
pub(super) fn mend(link: Link) -> Result<()> {
    set(link, "up")
}

fn set(link: Link, state: &str) -> Result<()> {
    let (namespace, device) = match link {
        Link::Meter(host) => (SWITCH, port(host)),
        Link::Switch => (SWITCH, FIELD.to_owned()),
        // The cloud's end: the gateway sees no error, only silence.
        Link::Uplink => (CLOUD, END.to_owned()),
    };
    tools::run("ip", &["-n", namespace, "link", "set", &device, state]).map(drop)
}

fn add(namespace: &str) -> Result<()> {
    tools::run("ip", &["netns", "add", namespace])?;
    up(namespace, "lo")
}

/// Plugs a station into the switch, with the address that ends in `number`.
fn plug_in(namespace: &str, device: &str, number: u8) -> Result<()> {
    let port = port(number);
    connect((namespace, device), (SWITCH, &port))?;
    tools::run("ip", &["-n", SWITCH, "link", "set", &port, "master", FIELD])?;
    up(SWITCH, &port)?;
    attach(namespace, device, &format!("{}/24", address(number)))
}

fn connect((from, device): (&str, &str), (to, peer): (&str, &str)) -> Result<()> {
    let add = ["link", "add", device, "netns", from, "type", "veth", "peer", "name", peer, "netns", to];
    tools::run("ip", &add).map(drop)
}

fn attach(namespace: &str, device: &str, address: &str) -> Result<()> {
    tools::run("ip", &["-n", namespace, "addr", "add", address, "dev", device])?;
    up(namespace, device)
}

fn up(namespace: &str, device: &str) -> Result<()> {
    tools::run("ip", &["-n", namespace, "link", "set", device, "up"]).map(drop)
}

fn port(host: u8) -> String {
    format!("port-{host}")
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(host) => write!(f, "the cable of {}", address(*host)),
            Self::Switch => f.write_str("the field's switch"),
            Self::Uplink => f.write_str("the uplink"),
        }
    }
}
