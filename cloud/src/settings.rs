//! What the cloud is told at its start.

use crate::{Announce, Broker, Network};
use jiff::tz::TimeZone;
use std::{net::TcpListener, path::PathBuf};

/// How this cloud runs. Start from [`Settings::new`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder; made if it does not exist.
    pub data: PathBuf,
    /// The store's file, if it is not `store.db` in the data folder.
    pub store: Option<PathBuf>,
    /// The zone of uploads that say no other: text uploads are dated in it, console lines are shown in it.
    pub time_zone: TimeZone,
    /// Take one upload, answer it, and end.
    pub once: bool,
    /// The MQTT broker that is told the newest values, if any.
    pub mqtt: Option<Broker>,
    /// Who may send and see what over HTTP.
    pub access: Access,
    /// Proxies on other machines that are believed when they say for whom they ask, and whether that came over TLS.
    pub trusted_proxies: Vec<Network>,
    /// Who is told the one-time link for the first account. Nobody: then no link is made.
    pub announce: Option<Announce>,
}

/// Who may send and see what over HTTP. Text uploads on the other socket cannot say who they are: whoever binds it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Everybody everything while nobody has an account and only this machine reaches the socket; else whoever says who
    /// they are, what they may.
    #[default]
    Guarded,
    /// The same, and the network is trusted: while nobody has an account, everybody everything.
    Insecure,
    /// Everybody everything, whatever accounts there are: for a demonstration.
    Open,
}

impl Settings {
    /// Runs for ever, on the store `store.db` in `data`, in UTC.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            store: None,
            time_zone: TimeZone::UTC,
            once: false,
            access: Access::Guarded,
            trusted_proxies: Vec::new(),
            announce: None,
            mqtt: None,
        }
    }

    /// The store's file.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| self.data.join("store.db"))
    }
}

/// The sockets that the cloud listens on, bound by the caller.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Text uploads, as the reference gateway sends them.
    pub upload: Option<TcpListener>,
    /// The HTTP API, and SenML from our gateways.
    pub http: Option<TcpListener>,
}
