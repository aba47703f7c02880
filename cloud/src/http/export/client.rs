//! The pieces' way to a client, as fast as it takes them.

use super::{
    Encoder,
    places::Place,
    walk::{End, Taker, Walk},
};
use crate::{counters::Counters, http::pieces::Sender};
use bytes::Bytes;

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
};
use tokio::runtime::Handle;

/// Who takes an export over HTTP.
pub(super) struct Client {
    pub(super) counters: Arc<Counters>,
    pub(super) runtime: Handle,
    pub(super) sender: Sender,
    pub(super) _place: Place,
}

impl Taker for Client {
    /// A client that takes nothing at all is cut off by its connection, and then nobody receives here.
    fn take(&mut self, piece: Vec<u8>) -> Result<(), End> {
        let length = piece.len() as u64;
        self.runtime.block_on(self.sender.send_data(Bytes::from(piece))).map_err(|_| End::Gone)?;
        self.counters.exported.fetch_add(length, Relaxed);
        Ok(())
    }
}

impl Walk<Client> {
    /// Goes all the way. A client that gets only a part is told so by the broken connection.
    pub(super) fn run(mut self, mut encoder: Box<dyn Encoder>) {
        match self.go(&mut *encoder) {
            Ok(()) => {}
            Err(End::Gone) => tracing::debug!("an export's client has gone"),
            Err(End::Fault(error)) => {
                tracing::warn!(%error, "an export broke off");
                self.taker.sender.abort(io::Error::other(error));
            }
        }
    }
}
