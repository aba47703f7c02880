//! The gateway: takes surveys from devices, keeps them safe in a journal on disk, and passes them on to the cloud.
//!
//! ```text
//! shell -> intake -> journal      datagrams become rows, one fsync for all that came during the last one
//!       -> uplink -> journal      rows become uploads, and a cursor that only the cloud's acknowledgement moves
//! ```
//!
//! The shell ([`run`]) is handed bound sockets and a shutdown future, and decides nothing. What is decided without
//! input or output stands in files of its own: the answer to a datagram (`intake/decide.rs`), rounds
//! (`round.rs`), pauses (`uplink/backoff.rs`), what a cloud's answer means (`uplink/verdict.rs`).

mod clock;
mod error;
mod folder;
mod intake;
mod journal;
mod round;
mod settings;
mod shell;
mod status;
mod uplink;

pub use error::Error;
pub use journal::{Damaged, DamagedSurvey, Holdings, JournalError, KeptSurvey, SurveyFate};
pub use round::ClosedRound;
pub use settings::{Settings, UplinkTarget, UplinkWhen};
pub use shell::run;
pub use status::{OpenRound, Status, UplinkState, status};
