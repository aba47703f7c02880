//! Uplink: what the journal holds goes to the cloud, in order, until the cloud has acknowledged it.
//!
//! ```text
//! run (async: sockets, clock) -> machine (what next) -> plan, offer, verdict, mark, backoff (pure)
//!                             -> http, tcp (one message, one answer)
//! ```
//!
//! Only an acknowledgement moves the cursor, and only the keeper writes it ([`crate::journal::Order`]). Whatever else happens, the
//! surveys stay where they are and are offered again: after a while, for ever.

mod backoff;
pub(crate) mod http;
mod machine;
mod mark;
mod offer;
mod plan;
pub(crate) mod report;
mod run;
mod state;
mod tcp;
mod verdict;

pub use machine::{Step, Uplink};
pub use offer::{Answer, Offer, Wire};
pub(crate) use run::{Link, run};

/// Surveys that are read from the journal, and offered, at a time.
pub const MAX_BATCH: usize = 512;
/// And the bytes in them.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// What an error says, with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!(": {error}"));
        source = error.source();
    }
    text
}
