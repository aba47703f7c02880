//! Never shipped: what must hold for every parser of foreign bytes, whatever the bytes. A function a target; each takes any
//! input and panics if a promise is broken.
//!
//! The same functions run over the committed inputs in `corpus/` (`tests/corpus.rs`, an ordinary test) and under
//! libFuzzer (`fuzz_targets/`, started by `fuzz/run`).
//!
//! `text` and `senml` are the messages, `files` what operators hand in; `rules` is what holds for all of them.
#![expect(clippy::expect_used, reason = "a broken promise is a panic here")]

mod files;
mod rules;
mod senml;
mod text;

pub use files::{config, station_csv, station_uscrn, survey_file};
pub use senml::{senml_cbor, senml_json};
pub use text::{datagram, reply, upload};
