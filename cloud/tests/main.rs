//! The cloud on real sockets and real folders. One program for all of them: each would be linked with the whole crate for itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these files are tests")]

mod accounts;
mod alerts;
mod build_script;
mod care;
mod crowd;
mod custody;
mod doors;
mod events;
mod exports;
mod fleet;
mod grafana;
mod hostile_people;
mod metrics;
mod mqtt;
mod openapi;
mod outlived;
mod packs;
mod page;
mod parts;
mod pieces;
mod questions;
mod rules;
mod slots;
mod start;
mod support;
mod uploads;

/// A file that is not named above would be tested by nobody.
#[test]
fn every_file_beside_this_one_is_part_of_this_program() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let named: Vec<_> =
        include_str!("main.rs").lines().filter_map(|line| line.strip_prefix("mod ")).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(name == "main" || named.contains(&format!("{name};").as_str()), "tests/{name} is not named");
    }
}
