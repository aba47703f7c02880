//! A gateway on real sockets and real files, and the peers around it.

#![allow(dead_code, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a peer that fails fails its test")]

pub(crate) mod cloud;

use std::{
    io::{self, Write},
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use fieldpost_core::{DeviceId, UtcInstant};
use fieldpost_gateway::{Error, Settings, Status, UplinkTarget, UplinkWhen, run, status};
use jiff::tz::TimeZone;
use tokio::{sync::oneshot, task::JoinHandle};

pub(crate) const ARRIVED: &str = "Surveys arrived";
/// How long a condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A port of loopback where nobody listens.
pub(crate) fn nobody() -> UplinkTarget {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    UplinkTarget::Http { host: "127.0.0.1".into(), port }
}

pub(crate) fn settings(data: &Path, uplink: UplinkTarget) -> Settings {
    Settings {
        data: data.to_path_buf(),
        uplink,
        token: None,
        expect: Vec::new(),
        round_deadline: Settings::ROUND_DEADLINE,
        time_zone: TimeZone::UTC,
        name: "test gateway".into(),
        keep: Settings::KEEP,
        journal_max: Settings::JOURNAL_MAX,
        min_free_disk: 0,
        uplink_when: UplinkWhen::Always,
        once: false,
        print: false,
    }
}

pub(crate) fn ids(ids: &[&str]) -> Vec<DeviceId> {
    ids.iter().map(|id| DeviceId::new(id).unwrap()).collect()
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    data: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), Error>>,
    printed: Shared,
}

impl Gateway {
    pub(crate) fn start(settings: Settings) -> Self {
        Self::start_on(UdpSocket::bind("127.0.0.1:0").unwrap(), settings)
    }

    pub(crate) fn start_on(socket: UdpSocket, settings: Settings) -> Self {
        let (address, data) = (socket.local_addr().unwrap(), settings.data.clone());
        let (stop, stopped) = oneshot::channel();
        let printed = Shared::default();
        let out = Box::new(printed.clone());
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(run(vec![socket], settings, out, shutdown));
        Self { address, data, stop: Some(stop), task, printed }
    }

    pub(crate) fn status(&self) -> Status {
        status(&self.data, now()).unwrap()
    }

    /// Waits until the status satisfies the condition.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Status) -> bool) -> Status {
        let start = Instant::now();
        loop {
            let now = status(&self.data, now());
            match now {
                Ok(status) if condition(&status) => return status,
                last => assert!(start.elapsed() < DEADLINE, "never: {what}; last {last:?}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn printed(&self) -> String {
        String::from_utf8(self.printed.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        drop(self.stop.take());
        self.task.await.unwrap()
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(mut self) -> Result<(), Error> {
        let stop = self.stop.take();
        let ended = tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap();
        drop(stop);
        ended
    }
}

pub(crate) fn now() -> UtcInstant {
    UtcInstant::from(jiff::Timestamp::now())
}

/// What was printed.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A device's socket.
pub(crate) struct Device(tokio::net::UdpSocket);

impl Device {
    pub(crate) async fn new(gateway: SocketAddr) -> Self {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(gateway).await.unwrap();
        Self(socket)
    }

    /// Sends it until there is a reply, as a device does.
    pub(crate) async fn exchange(&self, message: impl AsRef<[u8]>) -> String {
        let mut reply = [0; 4096];
        for _ in 0..10 {
            self.0.send(message.as_ref()).await.unwrap();
            let wait = tokio::time::timeout(Duration::from_secs(3), self.0.recv(&mut reply));
            if let Ok(Ok(length)) = wait.await {
                return String::from_utf8(reply[..length].to_vec()).unwrap();
            }
        }
        panic!("no reply to {:?}", String::from_utf8_lossy(message.as_ref()));
    }
}

/// Sends one message from a socket of its own.
pub(crate) async fn exchange(gateway: SocketAddr, message: impl AsRef<[u8]>) -> String {
    Device::new(gateway).await.exchange(message).await
}
