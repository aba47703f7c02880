//! What the kernel says about a child: memory, and processor time.

use anyhow::{Context, Result};
use std::{fs, time::Duration};

/// The length of the kernel's tick, as /proc counts them on every Linux that we know.
const TICK: Duration = Duration::from_millis(10);

/// Resident memory of a process, in KiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// Now.
    pub(super) resident: u64,
    /// The most since it started.
    pub(super) peak: u64,
    /// Of what is resident now, what is its own and not a file's.
    pub(super) anonymous: u64,
}

pub(super) fn memory(id: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).context("the process is gone")?;
    let field = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        number.with_context(|| format!("no {name} in /proc"))?.parse().context("not a number in /proc")
    };
    Ok(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")?, anonymous: field("RssAnon:")? })
}

/// Processor time that the process has used so far.
pub(super) fn processor_time(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("the process is gone")?;
    // The name in parentheses may hold anything; fields are counted from behind it.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc")?;
    let ticks: Option<u32> =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().ok()).sum();
    Ok(TICK * ticks.context("not a number in /proc")?)
}
