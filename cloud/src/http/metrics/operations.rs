//! What an operator watches: gateways, room, alerts and their delivery.

use super::{super::problem::Problem, MAX_NAMED, text::Text};
use crate::{
    Store, clock,
    store::{GatewayRow, ReadError, Report},
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Which program this is.
pub(super) fn build(text: &mut Text) {
    text.family("fieldpost_build_info", "gauge", "Always 1; its label says which program this is.");
    text.sample("fieldpost_build_info", "version", env!("CARGO_PKG_VERSION"), 1);
}

/// How gateways do, by their own word and by ours.
pub(super) async fn gateways(store: &Store, text: &mut Text) -> Result<(), Problem> {
    let rows = store.gateways(None, MAX_NAMED).await?;
    let now = clock::now();
    each(
        text,
        &rows,
        ("fieldpost_gateway_last_contact_timestamp_seconds", "When the gateway last brought something."),
        |row| Some(row.gateway.last_contact.as_millis().unsigned_abs() / 1_000),
    );
    each(
        text,
        &rows,
        ("fieldpost_gateway_seconds_since_contact", "For how long nothing has come from the gateway."),
        |row| Some(now.duration_since(row.gateway.last_contact).as_secs()),
    );
    let told = |row: &GatewayRow, of: fn(&Report) -> i64| row.status.as_ref().map(of);
    each(
        text,
        &rows,
        ("fieldpost_gateway_waiting_surveys", "Surveys that wait at the gateway, as it last told."),
        |row| told(row, |report| report.waiting),
    );
    each(
        text,
        &rows,
        ("fieldpost_gateway_room_days", "Days for which the gateway's journal has room, as it last told."),
        |row| row.status.as_ref()?.room_days,
    );
    Ok(())
}

fn each<T: std::fmt::Display>(
    text: &mut Text,
    rows: &[GatewayRow],
    (name, help): (&str, &str),
    value: impl Fn(&GatewayRow) -> Option<T>,
) {
    text.family(name, "gauge", help);
    for (row, value) in rows.iter().filter_map(|row| Some((row, value(row)?))) {
        text.sample(name, "gateway", &row.gateway.name, value);
    }
}

/// What is open, and what of it people could not be told.
pub(super) async fn alerts(store: &Store, text: &mut Text) -> Result<(), ReadError> {
    text.family("fieldpost_alerts_open", "gauge", "Alerts that are not solved, by the kind of their rules.");
    for (kind, count) in store.open_alerts().await? {
        text.sample("fieldpost_alerts_open", "kind", &kind, count);
    }
    let channels = store.channels().await?;
    text.family("fieldpost_alert_messages_waiting", "gauge", "Messages that wait for a channel, by its id.");
    for channel in &channels {
        text.sample("fieldpost_alert_messages_waiting", "channel", &channel.id.to_string(), channel.waiting);
    }
    text.family(
        "fieldpost_alert_messages_lost_total",
        "counter",
        "Messages that were given up since the channel was made.",
    );
    for channel in &channels {
        text.sample("fieldpost_alert_messages_lost_total", "channel", &channel.id.to_string(), channel.lost);
    }
    Ok(())
}

/// What the store takes, and what is left for it. What the system does not say is not told.
pub(super) async fn room(store: &Store, text: &mut Text) {
    let path = store.path().to_owned();
    // A disk may take its time.
    let Ok((held, free)) = tokio::task::spawn_blocking(move || (held(&path), free(&path))).await else {
        return;
    };
    text.family("fieldpost_store_bytes", "gauge", "Bytes of the store's files.");
    text.number("fieldpost_store_bytes", held);
    text.family("fieldpost_disk_free_bytes", "gauge", "Bytes that are free for us on the store's disk.");
    if let Some(free) = free {
        text.number("fieldpost_disk_free_bytes", free);
    }
}

/// The database and its log.
fn held(store: &Path) -> u64 {
    let mut log = OsString::from(store);
    log.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    size(store).saturating_add(size(&PathBuf::from(log)))
}

fn free(store: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(store).ok()?;
    disk.blocks_available().checked_mul(disk.fragment_size())
}
