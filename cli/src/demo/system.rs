//! The demo's gateway and cloud: the same functions that the commands run, as tasks of this process.

use super::{api::Api, console::Console, folder::Folder};
use anyhow::{Context, Error, Result, anyhow};
use fieldpost_gateway::{UplinkTarget, UplinkWhen};
use jiff::tz::TimeZone;
use std::{
    io::sink,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
};
use tokio::{sync::watch, task::JoinHandle};

/// Where the running gateway and cloud are.
pub(super) struct System {
    datagrams: SocketAddr,
    http: SocketAddr,
    journal: PathBuf,
}

/// The tasks that the two run in.
pub(super) struct Tasks {
    gateway: Part,
    cloud: Part,
}

/// A task that can be told to stop.
struct Part {
    name: &'static str,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<()>>,
}

/// Starts both; returns when the cloud answers.
pub(super) async fn start(folder: &Folder, http: TcpListener, console: &Console) -> Result<(System, Tasks)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a UDP socket on loopback")?;
    let system =
        System { datagrams: socket.local_addr()?, http: http.local_addr()?, journal: folder.gateway() };
    let cloud = cloud(folder, http, console.clone());
    let (mut tasks, api) = (Tasks { gateway: gateway(folder, socket, system.http), cloud }, system.api());
    tokio::select! {
        died = tasks.died() => return Err(died),
        ready = api.wait_until_ready() => ready?,
    }
    Ok((system, tasks))
}

impl System {
    /// Where devices send to.
    pub(super) fn gateway(&self) -> SocketAddr {
        self.datagrams
    }

    pub(super) fn api(&self) -> Api {
        Api::new(self.http)
    }

    /// How many surveys the gateway has taken and not passed on yet.
    pub(super) fn waiting_in_gateway(&self) -> Result<u64> {
        let now = jiff::Timestamp::now().into();
        let status = fieldpost_gateway::status(&self.journal, now).context("cannot ask the gateway")?;
        Ok(status.waiting_surveys)
    }
}

impl Tasks {
    /// Returns when a part ends that was not told to, and says why.
    pub(super) async fn died(&mut self) -> Error {
        let (name, ended) = tokio::select! {
            ended = &mut self.gateway.task => (self.gateway.name, ended),
            ended = &mut self.cloud.task => (self.cloud.name, ended),
        };
        match ended {
            Ok(Ok(())) => anyhow!("the {name} stopped by itself"),
            Ok(Err(error)) => error,
            Err(error) => anyhow!("the {name} failed: {error}"),
        }
    }

    /// Stops the gateway, then the cloud that it sends to.
    pub(super) async fn stop(self) -> Result<()> {
        let gateway = self.gateway.stop().await;
        gateway.and(self.cloud.stop().await)
    }
}

impl Part {
    fn start<F>(name: &'static str, run: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        Self { name, stop, task: tokio::spawn(run(stopped)) }
    }

    async fn stop(self) -> Result<()> {
        // One that ended by itself has said so, and a finished task must not be asked again.
        if self.task.is_finished() {
            return Ok(());
        }
        self.stop.send_replace(true);
        self.task.await.with_context(|| format!("the {} failed", self.name))?
    }
}

/// Ends when told to stop, or when nobody is left who could.
async fn told(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn cloud(folder: &Folder, http: TcpListener, console: Console) -> Part {
    let zone = TimeZone::system();
    let settings = fieldpost_cloud::Settings {
        time_zone: zone,
        access: fieldpost_cloud::Access::Open,
        ..fieldpost_cloud::Settings::new(folder.cloud())
    };
    let sockets = fieldpost_cloud::Sockets { upload: None, http: Some(http) };
    Part::start("cloud", |stopped| async move {
        fieldpost_cloud::run(sockets, settings, Box::new(console), told(stopped))
            .await
            .context("the cloud failed")
    })
}

fn gateway(folder: &Folder, socket: UdpSocket, cloud: SocketAddr) -> Part {
    use fieldpost_gateway::Settings;
    let settings = Settings {
        data: folder.gateway(),
        uplink: UplinkTarget::Http { host: cloud.ip().to_string(), port: cloud.port() },
        token: None,
        expect: Vec::new(),
        round_deadline: Settings::ROUND_DEADLINE,
        time_zone: TimeZone::system(),
        name: "demo".into(),
        keep: Settings::KEEP,
        journal_max: Settings::JOURNAL_MAX,
        min_free_disk: Settings::MIN_FREE_DISK,
        uplink_when: UplinkWhen::Always,
        once: false,
        print: false,
    };
    Part::start("gateway", |stopped| async move {
        let ran = fieldpost_gateway::run(vec![socket], settings, Box::new(sink()), told(stopped));
        ran.await.context("the gateway failed")
    })
}
