//! Intake: datagrams in, acknowledgements out, the journal in between.
//!
//! ```text
//! socket -> receive (a thread a socket): batches of datagrams, read and dated, `decide.rs`
//!        -> Pending: bounded, fair to every sender, `inbox.rs`
//!        -> commit (one thread): all that waits becomes one transaction, then is answered
//!           -> `keeper/`: what it does, without the thread, the sockets and the clock
//! ```
//!
//! While one group is on its way to the disk the next one gathers: one fsync carries all that came during the last
//! one, without a timer. Nothing is answered `Surveys arrived` before the commit.

mod answer;
mod commit;
mod decide;
mod inbox;
mod keeper;
mod pending;
mod printer;
mod receive;
mod sort;

pub(crate) use commit::Committer;
pub use decide::{Datagram, read as read_datagram};
pub use inbox::{Entry, Group, Inbox, Sender};
pub use keeper::Keeper;
pub(crate) use pending::Pending;
pub(crate) use printer::Printer;
pub(crate) use receive::Receiver;
pub use sort::Outcome;
