//! The way through the devices and their readings, at the client's pace. It runs on a thread that may block.

use super::{Encoder, Fault, PAGE, PIECE_BYTES, Part, places::Place, question::Devices};
use crate::{
    Store,
    counters::Counters,
    store::{ExportDevice, Range},
};
use bytes::Bytes;
use fieldpost_core::UtcInstant;
use http_body_util::channel::Sender;
use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::runtime::Handle;

/// An export on its way.
pub(super) struct Walk {
    pub(super) store: Store,
    pub(super) counters: Arc<Counters>,
    pub(super) runtime: Handle,
    pub(super) devices: Devices,
    pub(super) range: Range,
    pub(super) sender: Sender<Bytes, io::Error>,
    /// The piece in the making.
    pub(super) out: Vec<u8>,
    pub(super) _place: Place,
}

/// Why a walk ends early.
enum End {
    /// Its client is gone, or the cloud stops.
    Gone,
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for End {
    fn from(fault: E) -> Self {
        Self::Fault(fault.into())
    }
}

impl Walk {
    /// Goes all the way. A client that gets only a part is told so by the broken connection.
    pub(super) fn run(mut self, mut encoder: Box<dyn Encoder>) {
        match self.go(&mut *encoder) {
            Ok(()) => {}
            Err(End::Gone) => tracing::debug!("an export's client has gone"),
            Err(End::Fault(error)) => {
                tracing::warn!(%error, "an export broke off");
                self.sender.abort(io::Error::other(error));
            }
        }
    }

    fn go(&mut self, encoder: &mut dyn Encoder) -> Result<(), End> {
        encoder.start(&mut self.out)?;
        while let Some(device) = self.next()? {
            for part in encoder.parts() {
                self.part(encoder, &device, *part)?;
            }
        }
        encoder.end(&mut self.out)?;
        self.send()
    }

    fn next(&mut self) -> Result<Option<ExportDevice>, End> {
        match &mut self.devices {
            Devices::Named(devices) => Ok(devices.pop_front()),
            Devices::All(after) => {
                let device = self.runtime.block_on(self.store.device_behind(after.take()))?;
                *after = device.as_ref().map(|device| device.id.clone());
                Ok(device)
            }
        }
    }

    fn part(&mut self, encoder: &mut dyn Encoder, device: &ExportDevice, part: Part) -> Result<(), End> {
        let span = match part {
            Part::Both => Some((self.range.from, self.range.to)),
            Part::Of(quantity) => {
                self.runtime.block_on(self.store.measured(device.number, self.range, quantity))?
            }
        };
        let Some(span) = span else { return Ok(()) };
        encoder.open(device, part, span, &mut self.out)?;
        let mut from = Some(self.range.from);
        while let Some(start) = from {
            let range = Range { from: start, ..self.range };
            let page = self.store.flagged_readings(device.number, range, PAGE);
            let readings = self.runtime.block_on(page)?;
            encoder.readings(device, part, &readings, &mut self.out)?;
            let last = readings.last().filter(|_| readings.len() == PAGE);
            from = last.map(|last| after(last.reading.time));
            self.send_whole()?;
        }
        Ok(encoder.close(&mut self.out)?)
    }

    /// Sends the piece if it is large enough.
    fn send_whole(&mut self) -> Result<(), End> {
        if self.out.len() < PIECE_BYTES { Ok(()) } else { self.send() }
    }

    /// Sends the piece; waits while the client has enough before it. A client that takes nothing at all is cut off by its
    /// connection, and then nobody receives here.
    fn send(&mut self) -> Result<(), End> {
        let piece = Bytes::from(std::mem::take(&mut self.out));
        let length = piece.len() as u64;
        self.runtime.block_on(self.sender.send_data(piece)).map_err(|_| End::Gone)?;
        self.counters.exported.fetch_add(length, Relaxed);
        Ok(())
    }
}

fn after(time: UtcInstant) -> UtcInstant {
    time.saturating_add(Duration::from_millis(1))
}
