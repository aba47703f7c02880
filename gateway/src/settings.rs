//! What an operator decides about a gateway.

use std::{fmt, path::PathBuf, time::Duration};

use fieldpost_core::DeviceId;
use jiff::tz::TimeZone;

use crate::Token;

/// Everything that a gateway is told when it starts, apart from its sockets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder; made if it is missing, and never shared by two running gateways.
    pub data: PathBuf,
    /// Where surveys go.
    pub uplink: UplinkTarget,
    /// What lets this gateway into a cloud that asks for it. The reference upload has no place for it.
    pub token: Option<Token>,
    /// The roster: the devices that a round waits for. Empty: nobody is waited for.
    pub expect: Vec<DeviceId>,
    /// How long after its first survey a round waits for the rest of the roster.
    pub round_deadline: Duration,
    /// The site's time zone: a time of day without a date is read in it.
    pub time_zone: TimeZone,
    /// The name under which the cloud knows this gateway.
    pub name: String,
    /// How long surveys are kept after the cloud has acknowledged them. Never less than
    /// [`fieldpost_core::dating::RESEND_WINDOW`]; a journal that runs full lets the oldest of them go earlier.
    pub keep: Duration,
    /// The most bytes that the journal may take.
    pub journal_max: u64,
    /// The bytes of free disk that the journal leaves alone.
    pub min_free_disk: u64,
    /// When surveys are passed on.
    pub uplink_when: UplinkWhen,
    /// One round, its upload, then the end.
    pub once: bool,
    /// Whether each datagram's size and text is printed.
    pub print: bool,
}

impl Settings {
    /// [`Settings::keep`] when the operator says nothing: 30 days.
    pub const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
    /// [`Settings::journal_max`] when the operator says nothing: 1 GiB.
    pub const JOURNAL_MAX: u64 = 1 << 30;
    /// The least that an operator may set [`Settings::journal_max`] to: 1 MiB. Beside the surveys that wait, a journal
    /// remembers each datagram of the last 20 hours in some 30 bytes, to know its copies. 512 KiB would be full
    /// of these alone after 17,000 datagrams, and refuse what comes.
    pub const LEAST_JOURNAL_MAX: u64 = 1 << 20;
    /// [`Settings::min_free_disk`] when the operator says nothing: 64 MiB.
    pub const MIN_FREE_DISK: u64 = 64 << 20;
    /// [`Settings::round_deadline`] when the operator says nothing: an hour.
    pub const ROUND_DEADLINE: Duration = Duration::from_secs(60 * 60);
}

/// Where surveys go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UplinkTarget {
    /// The reference upload: lines of text, one connection for at most 4,096 bytes.
    Tcp {
        /// Name or address of the cloud.
        host: String,
        /// Its port, 8001 by custom.
        port: u16,
    },
    /// SenML CBOR batches over HTTP.
    Http {
        /// Name or address of the cloud.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl fmt::Display for UplinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Tcp { host, port } => ("tcp", host, port),
            Self::Http { host, port } => ("http", host, port),
        };
        let bare_v6 = host.contains(':') && !host.starts_with('[');
        if bare_v6 { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

/// When surveys are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UplinkWhen {
    /// When a round closes: what belongs to it and to earlier ones.
    Round,
    /// At once.
    Always,
}
