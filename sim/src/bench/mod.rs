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

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A folder beside this program, which is on a disk; /tmp may be memory, where an fsync costs nothing.
fn folder() -> Result<TempDir> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program is in no folder")?;
    TempDir::with_prefix_in("bench-", beside).context("no folder for the data")
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
