//! Intake: datagrams in, acknowledgements out, the journal in between.
//!
//! ```text
//! socket -> receive (a thread a socket): batches of datagrams, read and dated, `decide.rs`
//!        -> Pending: bounded, fair to every sender
//!        -> commit (one thread): all that waits becomes one transaction, then is answered
//! ```
//!
//! While one group is on its way to the disk the next one gathers: one fsync carries all that came during the last
//! one, without a timer. Nothing is answered `Surveys arrived` before the commit.

mod answer;
mod commit;
mod decide;
mod pending;
mod printer;
mod receive;
mod sort;

pub(crate) use commit::Committer;
pub(crate) use pending::Pending;
pub(crate) use printer::Printer;
pub(crate) use receive::Receiver;
