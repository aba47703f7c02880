//! What Fieldpost knows about bytes and time: readings, surveys, their formats, their dates, and the device's
//! side of the exchange with a gateway.
//!
//! Nothing in here reads a clock, a socket, a file or a random source: bytes and the present instant come in as
//! arguments, values go out. The same code therefore runs in a meter, in the shipped programs and in a simulator
//! whose clock is a counter.
#![no_std]

extern crate alloc;

pub mod bug;
pub mod dating;
mod decimal;
pub mod exchange;
mod id;
mod instant;
mod key;
pub mod message;
pub mod quality;
mod reading;
mod refusal;
pub mod reply;
pub mod senml;
pub mod station;

pub use id::{DeviceId, InvalidId};
pub use instant::{InvalidTime, UtcInstant};
pub use key::Key;
pub use reading::{Moisture, Offer, Reading, Survey, Temperature, Values};
pub use refusal::{Place, Reason, Refusal};
