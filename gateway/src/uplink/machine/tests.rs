//! The uplink in virtual time, without sockets.

mod back;
mod driver;
mod journal;
mod order;
mod refusals;
mod text;

use super::*;
use driver::*;

const HOUR: Duration = Duration::from_secs(3600);

/// The times of what was said and starts with `what`.
fn times(said: &[(Duration, String)], what: &str) -> Vec<Duration> {
    said.iter().filter(|(_, said)| said.starts_with(what)).map(|(up, _)| *up).collect()
}

/// What was said and starts with `what`.
fn only(said: &[(Duration, String)], what: &str) -> Vec<String> {
    said.iter().filter(|(_, said)| said.starts_with(what)).map(|(_, said)| said.clone()).collect()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
