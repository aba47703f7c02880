//! An export as CSV, which `fieldpost import` reads back.

use super::{Encoder, Fault, Part};
use crate::store::{ExportDevice, FlaggedReading};
use fieldpost_core::station::csv;

/// The format, with a column of flags.
pub(super) struct Csv;

impl Encoder for Csv {
    fn start(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.extend_from_slice(csv::HEADER_WITH_FLAGS.as_bytes());
        out.push(b'\n');
        Ok(())
    }

    fn readings(
        &mut self,
        device: &ExportDevice,
        _: Part,
        readings: &[FlaggedReading],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        for FlaggedReading { reading, flags } in readings {
            out.extend_from_slice(csv::row_with_flags(&device.id, reading, *flags).as_bytes());
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), Fault> {
        Ok(())
    }
}
