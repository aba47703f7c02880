//! Sending: the reference meters one after the other, the stations all at once.

use super::{
    devices::Device,
    progress::{self, Days},
    system::System,
};
use anyhow::{Context, Result, bail};
use fieldpost_device::{Settings, Summary};
use std::{
    io::{Write, sink},
    net::SocketAddr,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// How often the gateway is asked whether it has passed everything on.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How long that may make no progress before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends each device's survey when the one before was acknowledged, so that the console reads in their order.
pub(super) async fn send_in_turn(devices: &[Device], gateway: SocketAddr) -> Result<Vec<Summary>> {
    let mut sent = Vec::new();
    for device in devices {
        sent.push(send(device_settings(device, gateway, true), sink()).await?);
    }
    Ok(sent)
}

/// Replays all devices' years at the same time, each as fast as its days are acknowledged.
pub(super) async fn send_at_once(devices: &[Device], gateway: SocketAddr) -> Result<Vec<Summary>> {
    let days = Days::default();
    let mut tasks = JoinSet::new();
    for (index, device) in devices.iter().enumerate() {
        let (settings, days) = (device_settings(device, gateway, false), days.clone());
        tasks.spawn(async move { send(settings, days).await.map(|summary| (index, summary)) });
    }
    let all = async {
        let mut sent = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            sent.push(ended.context("a device stopped")??);
        }
        sent.sort_by_key(|(index, _)| *index);
        Ok(sent.into_iter().map(|(_, summary)| summary).collect())
    };
    tokio::select! {
        sent = all => sent,
        never = progress::show(&days) => match never {},
    }
}

/// Runs one device to the end of its source; what it tells goes to `out`.
async fn send(settings: Settings, mut out: impl Write + Send) -> Result<Summary> {
    Ok(fieldpost_device::run(settings, &mut out, std::future::pending()).await?)
}

fn device_settings(device: &Device, gateway: SocketAddr, once: bool) -> Settings {
    Settings {
        id: device.id.clone(),
        gateway: gateway.into(),
        source: device.source.clone(),
        give_up: Settings::GIVE_UP,
        once,
        every: Settings::EVERY,
    }
}

/// Waits until the cloud has acknowledged all that the gateway took.
pub(super) async fn wait_until_passed_on(system: &System) -> Result<()> {
    let (mut waiting, mut since) = (u64::MAX, Instant::now());
    loop {
        let now = system.waiting_in_gateway()?;
        if now == 0 {
            return Ok(());
        }
        if now < waiting {
            (waiting, since) = (now, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            bail!(
                "{now} surveys wait in the gateway: no progress for {} s; the log says why",
                PATIENCE.as_secs()
            );
        }
        sleep(ASK_EVERY).await;
    }
}
