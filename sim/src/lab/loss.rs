//! Datagrams that are lost, both ways, by the kernel's own filter.
//!
//! What goes to the gateway is dropped where it comes in there, what goes to a meter where it comes in at the host:
//! a filter on the way out would tell the sender, and a real line tells nobody. Which datagrams go is the kernel's
//! choice and not the seed's.

use super::{network, tools};
use anyhow::{Context, Result};
use serde_json::Value;

/// How many of a hundred are lost.
const PERCENT: u32 = 30;

const TABLE: &str = "table inet lab {
    counter dropped { }
    counter passed { }
    chain input { type filter hook input priority 0; }
}";

/// What the filters have seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Datagrams dropped while there was loss.
    pub(super) dropped: u64,
    /// Datagrams let through.
    pub(super) passed: u64,
}

/// The namespaces with a filter, and the datagrams that it looks at.
fn places() -> Vec<(String, &'static str)> {
    let meters = network::HOSTS.map(|host| (network::meter(host), "udp sport 10005"));
    [(network::GATEWAY.to_owned(), "udp dport 10005")].into_iter().chain(meters).collect()
}

/// Puts the filters in place; they let everything through.
pub(super) fn install() -> Result<()> {
    places().iter().try_for_each(|(place, _)| nft(place, TABLE).map(drop))?;
    stop()
}

/// Starts to lose datagrams.
pub(super) fn start() -> Result<()> {
    places().iter().try_for_each(|(place, what)| {
        let loss = format!("{what} numgen random mod 100 < {PERCENT} counter name dropped drop");
        nft(place, &rules(&[&loss, &format!("{what} counter name passed")])).map(drop)
    })
}

/// Loses no more.
pub(super) fn stop() -> Result<()> {
    places()
        .iter()
        .try_for_each(|(place, what)| nft(place, &rules(&[&format!("{what} counter name passed")])).map(drop))
}

/// What was dropped and passed, to the gateway and from it.
pub(super) fn counts() -> Result<(Counts, Counts)> {
    let (mut to, mut from) = (Counts::default(), Counts::default());
    for (place, _) in places() {
        let of = if place == network::GATEWAY { &mut to } else { &mut from };
        let found = tools::run("ip", &["netns", "exec", &place, "nft", "-j", "list", "counters"])?;
        of.dropped += counter(&found, "dropped")?;
        of.passed += counter(&found, "passed")?;
    }
    Ok((to, from))
}

fn counter(list: &str, name: &str) -> Result<u64> {
    let list: Value = serde_json::from_str(list).context("nft printed no JSON")?;
    let objects = list.get("nftables").and_then(Value::as_array).context("nft listed nothing")?;
    let mut counters = objects.iter().filter_map(|object| object.get("counter"));
    let counter = counters.find(|counter| counter.get("name").and_then(Value::as_str) == Some(name));
    let packets = counter.and_then(|counter| counter.get("packets")).and_then(Value::as_u64);
    packets.with_context(|| format!("nft lists no counter `{name}`"))
}

/// A chain anew, in one transaction.
fn rules(rules: &[&str]) -> String {
    let add = rules.iter().map(|rule| format!("add rule inet lab input {rule}\n"));
    ["flush chain inet lab input\n".to_owned()].into_iter().chain(add).collect()
}

fn nft(namespace: &str, script: &str) -> Result<String> {
    tools::feed("ip", &["netns", "exec", namespace, "nft", "-f", "-"], script)
}
