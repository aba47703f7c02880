//! A gateway is killed while it commits, and starts again on a full disk; then the power goes. What the start found in the log it tells
//! meters that it has, so it must be on the disk, although there is no room to commit anything.
#![allow(clippy::unwrap_used, reason = "this file is a test")]

use fieldpost_core::UtcInstant;
use fieldpost_gateway::parts::{Entry, Group, Keeper, Limits, Moment, Outcome, read_datagram};
use fieldpost_sim::world::machine::SimDisk;
use fieldpost_simdisk::{Disk, Fault, install, seed_randomness};
use jiff::tz::TimeZone;
use std::{net::SocketAddr, sync::Arc, time::Duration};

const LIMITS: Limits = Limits { keep: Duration::from_secs(86_400), journal_max: 64 << 20, min_free_disk: 0 };

fn now() -> Moment {
    Moment { utc: "2026-07-01T12:00:00Z".parse::<UtcInstant>().unwrap(), up: Duration::ZERO }
}

fn open(disk: &Disk) -> Keeper {
    let hour = Duration::from_secs(3_600);
    Keeper::open(Arc::new(SimDisk), disk.folder(), LIMITS, Vec::new(), hour, 1, now()).unwrap()
}

/// Hands in a survey of that moisture; what the gateway says.
fn hand_in(keeper: &mut Keeper, moisture: u32) -> Outcome {
    let text = format!("192.168.1.2 08:00 - 20 - {moisture}%\n");
    let peer: SocketAddr = "192.168.1.2:5000".parse().unwrap();
    let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), now().utc, &TimeZone::UTC);
    let group = Group { entries: vec![Entry { socket: 0, peer, datagram }], orders: Vec::new(), dropped: 0 };
    keeper.handle(group, now()).pop().unwrap()
}

fn fill(disk: &Disk) {
    let used = disk.list().iter().map(|path| disk.length(path)).sum();
    disk.set_capacity(Some(used));
}

/// A gateway that has a survey is killed at this step of committing another, and starts on a full disk. Whether it says that it has
/// the other, and then has it after a power cut; None if the commit had no such step.
fn story(step: u64) -> Option<(bool, bool)> {
    let disk = Disk::mount("gateway");
    let mut keeper = open(&disk);
    assert!(matches!(hand_in(&mut keeper, 30), Outcome::New));
    disk.plan(step, Fault::Kill, 1);
    hand_in(&mut keeper, 31);
    drop(keeper);
    if !disk.is_off() {
        return None;
    }
    disk.restart_after_kill();
    fill(&disk);
    let mut keeper = open(&disk);
    let told = matches!(hand_in(&mut keeper, 31), Outcome::Held);
    drop(keeper);
    disk.cut_power();
    // Of what was not synced nothing is left.
    disk.restart_after_power_cut(&mut |_| 0);
    disk.set_capacity(None);
    let mut keeper = open(&disk);
    assert!(matches!(hand_in(&mut keeper, 30), Outcome::Held), "step {step}: the first survey is lost");
    Some((told, matches!(hand_in(&mut keeper, 31), Outcome::Held)))
}

#[test]
fn p1_what_a_start_on_a_full_disk_finds_in_the_log_is_on_the_disk_before_anybody_is_told() {
    install();
    seed_randomness(1);
    let stories: Vec<_> = (0..).map_while(story).collect();
    assert!(stories.len() > 1, "{stories:?}");
    assert!(stories.iter().any(|(told, _)| *told), "no step leaves a commit in the log: {stories:?}");
    for (step, (told, held)) in stories.into_iter().enumerate() {
        assert!(
            held || !told,
            "killed at step {step}: a survey was said to be there, and a power cut took it"
        );
    }
}
