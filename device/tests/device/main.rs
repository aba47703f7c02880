//! The device against gateways that the tests play, over real sockets and with real files.

mod exchange;
mod files;
mod replay;
mod support;
