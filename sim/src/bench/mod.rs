//! Benchmarks: each against a bare peer that does the least that could be called the same job, in the same run.
//!
//! What is measured runs in a child process, so that its memory and its processor time are its own; the data is on
//! the disk that holds the build.

pub mod acks;
mod bare;
mod batch;
mod browsers;
mod datagrams;
pub mod echo;
pub mod export;
pub mod fleet;
pub mod ingest;
mod load;
pub mod memory;
mod packs;
mod post;
mod procfs;

use crate::{
    ports::{self, Kind},
    process::{self, Program},
};
use anyhow::{Context, Result};
use std::{net::SocketAddr, path::Path, time::Duration};
use tempfile::TempDir;

/// A folder beside this program, which is on a disk; /tmp may be memory, where an fsync costs nothing.
fn folder() -> Result<TempDir> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program is in no folder")?;
    TempDir::with_prefix_in("bench-", beside).context("no folder for the data")
}

/// A cloud over the store in `data` that answers, and where; its log is in `folder`.
fn cloud(folder: &Path, data: &Path) -> Result<(Program, SocketAddr)> {
    let address = ports::free()?;
    let arguments = [
        "cloud".to_owned(),
        format!("--http={address}"),
        format!("--data={}", data.display()),
        "--time-zone=UTC".to_owned(),
    ];
    let mut cloud = Program::new("cloud", &process::fieldpost()?, folder, arguments);
    cloud.start()?;
    ports::wait_for_listener(Kind::Tcp, address, Duration::from_secs(10)).with_context(|| cloud.log())?;
    Ok((cloud, address))
}

/// `number` with a comma at each thousand.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The middle one; of an even number, the lower of the two.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
