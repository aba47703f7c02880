//! The gateway: takes surveys from devices, keeps them safe in a journal on disk, and passes them on to the cloud.
//!
//! ```text
//! shell -> intake -> journal      datagrams become rows, one fsync for all that came during the last one
//!       -> uplink -> journal      rows become uploads, and a cursor that only the cloud's acknowledgement moves
//! ```
//!
//! The shell ([`run`]) is handed bound sockets and a shutdown future, and decides nothing. What is decided without
//! input or output stands in files of its own: the answer to a datagram (`intake/decide.rs`), rounds
//! (`round.rs`), what becomes of a group of datagrams (`intake/keeper/`), pauses (`uplink/backoff.rs`), what a cloud's answer means (`uplink/verdict.rs`).

mod clock;
mod disk;
mod error;
mod folder;
mod intake;
mod journal;
mod moment;
mod round;
mod settings;
mod shell;
mod status;
mod token;
mod uplink;

pub use error::Error;
pub use journal::{Damaged, DamagedSurvey, Holdings, JournalError, KeptSurvey, SurveyFate};
pub use round::ClosedRound;
pub use settings::{Settings, UplinkTarget, UplinkWhen};
pub use shell::run;
pub use status::{OpenRound, Status, UplinkState, status};
pub use token::{BadToken, Token};

/// The gateway's parts without threads, sockets and clocks: what the shell drives, and the simulator.
///
/// ```text
/// read_datagram -> Entry -> Inbox -> Group -> Keeper::handle -> an Outcome for each entry, and Progress
/// Reader (of the same folder)     -> what the uplink offers; what came of it goes into a Group as an Order
/// ```
pub mod parts {
    pub use crate::{
        disk::{Disk, OsDisk},
        intake::{Datagram, Entry, Group, Inbox, Keeper, Outcome, Sender, read_datagram},
        journal::{
            Custody, FILE, Finding, JournalError, Limits, Note, Noted, Order, Page, Progress, Reader, Seq,
            StoredSurvey,
        },
        moment::Moment,
        uplink::{Answer, MAX_BATCH, MAX_BATCH_BYTES, Offer, Step, Uplink, Wire},
    };
}
