//! Never shipped: the laboratory in which the shipped program is broken on purpose, and measured.
//!
//! ```text
//! tests/kill.rs      the real program, killed and cut off under load, against a ledger of all that was sent
//! tests/interop.rs   every mix of our three roles and the reference system's (interop/*.py)
//! fieldpost-sim lab  the real program in network namespaces, with loss, cuts, kills and a full disk
//! fieldpost-sim      benchmarks against bare peers, in one run each
//! ```
//!
//! The parts: [`process`] owns children, [`meters`] send, [`ledger`] remembers and audits, [`custody`] looks into the journal,
//! [`proxy`] is the bad line between gateway and cloud, [`system`] puts them together. Whatever is random comes from [`rng`], whose seed
//! is printed.

pub mod bench;
pub mod custody;
pub mod lab;
pub mod ledger;
pub mod meters;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod rng;
pub mod simulate;
pub mod system;
pub mod world;
