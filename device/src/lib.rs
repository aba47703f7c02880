//! The reference device: takes readings from a survey file or a station file, and hands them to a gateway.
//!
//! [`run`] is the whole of it. A survey goes out as the reference system's device sends it, and again, with growing pauses,
//! until the gateway says that it has it; what the gateway acknowledged, it holds durably.
//!
//! - `survey`, `replay`: what to send, checked before anything is sent;
//! - `delivery`: one datagram, one socket, sent until acknowledged;
//! - `shell`: the order of it all, and what is told on the way.

mod delivery;
mod error;
mod file;
mod replay;
mod settings;
mod shell;
mod survey;

pub use error::Error;
pub use file::FileError;
pub use settings::{Gateway, Settings, Source};
pub use shell::{Summary, run};
pub use survey::check as check_survey;
