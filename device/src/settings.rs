//! What a device is told: who it is, where its readings come from, where they go.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fieldpost_core::DeviceId;
use fieldpost_core::station::Depth;

/// How a device runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The id that stands before each of its measurements.
    pub id: DeviceId,
    /// Where its surveys are sent.
    pub gateway: Gateway,
    /// Where its readings come from.
    pub source: Source,
    /// How long one datagram is sent again and again before it counts as not acknowledged.
    pub give_up: Duration,
    /// Send one survey (of a replay: the first day), then end.
    pub once: bool,
    /// Unless `once`: how long after one survey the file is read and sent again.
    pub every: Duration,
}

impl Settings {
    /// How long a datagram is tried unless told otherwise.
    pub const GIVE_UP: Duration = Duration::from_secs(60);
    /// How often a meter reports unless told otherwise: once a day.
    pub const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
}

/// Where the gateway listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// A name or an address; resolved anew for each survey, so that a meter follows a gateway that moves.
    pub host: String,
    /// The UDP port.
    pub port: u16,
}

impl From<SocketAddr> for Gateway {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Where a device's readings come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A survey file: one measurement a line, `HH:MM - T - H%`.
    Survey(PathBuf),
    /// A station file, sent day after day.
    Replay {
        /// NOAA's hourly02 or our own CSV; which of the two is seen from its content.
        file: PathBuf,
        /// The probe to read, where the file has several.
        depth: Depth,
        /// How many times faster than real time; as fast as acknowledged if not given.
        speed: Option<f64>,
    },
}
