//! A gateway that does what the test says, and devices to send to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fieldpost_core::DeviceId;
use fieldpost_core::station::Depth;
use fieldpost_device::{Error, Settings, Source, Summary, run};
use tokio::net::UdpSocket;

/// Longer than anything here takes; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const ARRIVED: &str = "Surveys arrived";

/// A gateway's socket, worked by the test.
pub(crate) struct Gateway {
    socket: UdpSocket,
}

impl Gateway {
    pub(crate) async fn bind() -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// The next datagram, as text, and who sent it.
    pub(crate) async fn receive(&self) -> (String, SocketAddr) {
        let mut buffer = vec![0; 65_536];
        let received = tokio::time::timeout(DEADLINE, self.socket.recv_from(&mut buffer));
        let (length, from) = received.await.expect("a datagram in time").unwrap();
        buffer.truncate(length);
        (String::from_utf8(buffer).unwrap(), from)
    }

    pub(crate) async fn reply(&self, text: &str, to: SocketAddr) {
        self.socket.send_to(text.as_bytes(), to).await.unwrap();
    }

    /// Receives one datagram and acknowledges it.
    pub(crate) async fn accept(&self) -> String {
        let (text, from) = self.receive().await;
        self.reply(ARRIVED, from).await;
        text
    }

    /// Acknowledges everything, for ever; `seen` gets the datagrams.
    pub(crate) async fn accept_all(&self, seen: &mut Vec<String>) {
        loop {
            seen.push(self.accept().await);
        }
    }

    /// Whether nothing (more) was sent here. Meaningful once the device has ended: loopback delivers at once.
    pub(crate) fn heard_nothing_more(&self) -> bool {
        self.socket.try_recv(&mut [0; 65_536]).is_err()
    }
}

/// A device that sends once and tries for long.
pub(crate) fn settings(id: &str, gateway: SocketAddr, source: Source) -> Settings {
    Settings {
        id: DeviceId::new(id).unwrap(),
        gateway: gateway.into(),
        source,
        give_up: DEADLINE,
        once: true,
        every: Settings::EVERY,
    }
}

/// A replay as fast as acknowledged, of the probe at 5 cm.
pub(crate) fn replay(file: impl Into<PathBuf>) -> Source {
    Source::Replay { file: file.into(), depth: Depth::Cm5, speed: None }
}

/// What a device ended with, and what it printed.
pub(crate) async fn run_to_end(settings: Settings) -> (Result<Summary, Error>, String) {
    let mut out = Vec::new();
    let ended = run(settings, &mut out, std::future::pending()).await;
    (ended, String::from_utf8(out).unwrap())
}

/// Replays all of a file to a gateway that acknowledges everything; returns the datagrams too.
pub(crate) async fn replay_all(id: &str, source: Source) -> (Result<Summary, Error>, Vec<String>) {
    let gateway = Gateway::bind().await;
    let mut seen = Vec::new();
    let settings = Settings { once: false, ..settings(id, gateway.address(), source) };
    let ended = tokio::select! {
        (ended, _) = run_to_end(settings) => ended,
        () = gateway.accept_all(&mut seen) => unreachable!("it accepts for ever"),
    };
    (ended, seen)
}

/// A file of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A new file with `content`, in `folder`.
pub(crate) fn file(folder: &tempfile::TempDir, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join("file");
    std::fs::write(&path, content).unwrap();
    path
}
