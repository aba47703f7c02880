//! The lab: the reference system's network in namespaces, the shipped program in it, and everything that can go wrong there.
//!
//! ```text
//! cage     the process in namespaces that holds it all, and leaves nothing behind
//! story    what happens: wire up, suffer, heal, look
//! network  six stations and a switch, with the reference system's addresses; cuts
//! loss     nftables; room  a small disk; full  the disk is full
//! station  real measurements; meter  a `fieldpost device`; said  what it prints; field  all of them
//! world    what runs; faults  in which order it breaks
//! tally    how often
//! proof    `fieldpost verify`; report  the ledger at the end
//! ```

mod cage;
mod faults;
mod field;
mod full;
mod loss;
mod meter;
mod network;
mod proof;
mod report;
mod room;
mod said;
mod station;
mod story;
mod tally;
mod tools;
mod world;

pub use cage::{inside, run};

/// How a lab runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Nothing goes wrong: a few seconds instead of half a minute.
    pub calm: bool,
    /// Remove a reading from the cloud's store before looking: the lab must find out.
    pub spoil: bool,
    /// Give up when every meter has delivered: the lab must tell what it knows.
    pub break_off: bool,
}
