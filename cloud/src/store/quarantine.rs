//! Refused input: counted, and the newest of it kept raw for inspection (promise P5).

use super::refused;
use crate::submission::Upload;
use fieldpost_core::{
    DeviceId, Refusal,
    bug::{self, Bug},
};
use rusqlite::Connection;

/// Refused uploads kept.
const MAX_KEPT: i64 = 1_000;
/// Bytes kept of each, from its start.
const MAX_BYTES: usize = 4 * 1024;

/// An upload that was refused.
#[derive(Debug)]
pub struct Refused {
    reason: &'static str,
    detail: String,
    format: &'static str,
    gateway: String,
    device: Option<DeviceId>,
    received: i64,
    length: usize,
    bytes: Vec<u8>,
}

impl Refused {
    /// What is kept of `upload`.
    #[must_use]
    pub fn new(upload: &Upload, refusal: &Refusal) -> Self {
        Self {
            reason: refusal.reason().code(),
            detail: refusal.to_string(),
            format: upload.format.name(),
            gateway: upload.origin.gateway.clone(),
            device: refused::device(upload, refusal),
            received: upload.received.as_millis(),
            length: upload.bytes.len(),
            bytes: upload.bytes.iter().take(MAX_BYTES).copied().collect(),
        }
    }
}

/// Counts and keeps a refused upload.
pub(super) fn record(connection: &Connection, refused: &Refused) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO refusals (reason, count, last) VALUES (?1, 1, ?2)
             ON CONFLICT DO UPDATE SET count = count + ?3, last = excluded.last",
        )?
        .execute((refused.reason, refused.received, !bug::on(Bug::CloudCountsOnce)))?;
    if bug::on(Bug::CloudKeepsNothing) {
        return Ok(());
    }
    let id = connection
        .prepare_cached(
            "INSERT INTO quarantine (received, gateway, format, reason, detail, length, bytes, device)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .insert((
            refused.received,
            &refused.gateway,
            refused.format,
            refused.reason,
            &refused.detail,
            i64::try_from(refused.length).unwrap_or(i64::MAX),
            &refused.bytes,
            refused.device.as_ref().map(DeviceId::as_str),
        ))?;
    connection.prepare_cached("DELETE FROM quarantine WHERE id <= ?")?.execute([id - MAX_KEPT])?;
    Ok(())
}
