//! Never shipped: what must hold for every parser of foreign bytes, whatever the bytes. A function a target; each takes any
//! input and panics if a promise is broken.
//!
//! The same functions run over the committed inputs in `corpus/` (`tests/corpus.rs`, an ordinary test) and under
//! libFuzzer (`fuzz_targets/`, started by `fuzz/run`).
//!
//! `text`, `senml` and `uplink` are the messages, `http` the requests, `cloud` their answers, `files` and `import` what operators hand in; `submission` is what
//! a cloud makes of any upload, `rules` what holds for all of them.
#![expect(clippy::expect_used, clippy::panic, reason = "a broken promise is a panic here")]

mod cloud;
mod files;
mod http;
mod import;
mod rules;
mod senml;
mod submission;
mod text;
mod uplink;

pub use cloud::cloud_answers;
pub use files::{config, station_csv, station_uscrn, survey_file};
pub use http::http_request;
pub use import::import_file;
pub use senml::{senml_cbor, senml_json};
pub use text::{datagram, reply, upload};
pub use uplink::{answer, custody};
