//! The cloud: takes surveys from gateways, keeps every reading once, shows the new ones, and answers questions.
//!
//! ```text
//! ingest (tcp uploads) --\
//!                         >-- store: one writer thread, one commit for all that waits --> console
//! http   (SenML, API)  --/          read connections <-- http
//! ```
//!
//! [`run`] is the shell: it gets bound sockets and a shutdown future, and decides nothing. `ingest` and `http` do not
//! know each other; both hand what they understood to the [`Store`], which is the only module that knows SQL, and
//! acknowledge after its commit (promise P1).

mod accounts;
mod alerts;
mod budget;
mod clock;
mod connections;
mod console;
mod counters;
mod custody;
mod error;
mod fleet;
mod folder;
mod http;
mod ingest;
mod intake;
mod limits;
mod live;
mod mqtt;
mod network;
mod once;
mod retention;
mod rights;
mod seats;
mod secret;
mod settings;
mod shell;
mod store;
mod submission;
mod watched;

/// The cloud's parts without threads, sockets and clocks: what is taken, what is stored, what is answered. The shell puts
/// them behind sockets, the simulator between queues.
pub mod parts {
    pub use crate::{
        custody::{BadCustody, Custody, parse_custody},
        http::{Answered, HttpAnswer, Routes, http_answer},
        ingest::text_answer,
        store::{Outcome, Refused, Stored, SubmitError, Vault},
        submission::{Format, Origin, Submission, Upload},
    };
}

pub use accounts::{Announce, setup_link};
pub use error::Error;
pub use http::{ExportError, export_file};
pub use limits::Limits;
pub use mqtt::{Broker, Topics};
pub use network::Network;
pub use settings::{Access, Settings, Sockets};
pub use shell::{run, run_within};
pub use store::{Copied, Outcome, Store, SubmitError, back_up, check, restore};
pub use submission::Origin;
