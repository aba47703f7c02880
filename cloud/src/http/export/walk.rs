//! The way through the devices and their readings, at the pace of whoever takes the pieces. It runs on a thread that may block.

use super::{Encoder, Fault, PAGE, PIECE_BYTES, Part, question::Devices};
use crate::store::{ExportDevice, Range, Shelf};
use fieldpost_core::UtcInstant;
use std::time::Duration;

/// An export on its way.
pub(super) struct Walk<T> {
    pub(super) shelf: Shelf,
    pub(super) devices: Devices,
    pub(super) range: Range,
    pub(super) taker: T,
    /// The piece in the making.
    pub(super) out: Vec<u8>,
}

/// Where the pieces go.
pub(super) trait Taker {
    /// Takes a piece; waits while there is no room for it.
    fn take(&mut self, piece: Vec<u8>) -> Result<(), End>;
}

/// Why a walk ends early.
pub(super) enum End {
    /// Its client is gone, or the cloud stops.
    Gone,
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for End {
    fn from(fault: E) -> Self {
        Self::Fault(fault.into())
    }
}

impl<T: Taker> Walk<T> {
    /// Goes all the way.
    pub(super) fn go(&mut self, encoder: &mut dyn Encoder) -> Result<(), End> {
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
                let device = self.shelf.device_behind(after.take())?;
                *after = device.as_ref().map(|device| device.id.clone());
                Ok(device)
            }
        }
    }

    fn part(&mut self, encoder: &mut dyn Encoder, device: &ExportDevice, part: Part) -> Result<(), End> {
        let span = match part {
            Part::Both => Some((self.range.from, self.range.to)),
            Part::Of(quantity) => self.shelf.measured(device.number, self.range, quantity)?,
        };
        let Some(span) = span else { return Ok(()) };
        encoder.open(device, part, span, &mut self.out)?;
        let mut from = Some(self.range.from);
        while let Some(start) = from {
            let range = Range { from: start, ..self.range };
            let readings = self.shelf.flagged_readings(device.number, range, PAGE)?;
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

    fn send(&mut self) -> Result<(), End> {
        self.taker.take(std::mem::take(&mut self.out))
    }
}

fn after(time: UtcInstant) -> UtcInstant {
    time.saturating_add(Duration::from_millis(1))
}
